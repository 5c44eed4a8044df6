//! The story of a channel: for a person, a program and a CI server.

use schemars::JsonSchema;
use serde::Serialize;

use crate::doctor::{Part, State, Step, Story};
use crate::printable::printable;
use crate::report::{self, Check, FindingId, Line, Report, Style, Talk};

/// What was looked at, and the first thing that is wrong.
pub(crate) fn report(story: &Story) -> Report {
    let mut report = Report::new("doctor");
    report.talk = talk(story);
    report.checks = story.steps.iter().map(check).collect();
    report.detail(&Details::of(story));
    report.findings = story.findings().cloned().collect();
    report
}

fn talk(story: &Story) -> Talk {
    let mut talk = Talk::default();
    for step in &story.steps {
        tell(&mut talk, step);
    }
    talk.blank();
    match story.first() {
        None => {
            talk.line(Line::default().with(Style::Good, "nothing is wrong").plain(skipped(story)));
        }
        Some((step, finding)) => {
            let file = Some(&*finding.subject).filter(|subject| step.subject.as_deref() != Some(subject));
            let place =
                [step.part.name()].into_iter().chain(file).map(printable).collect::<Vec<_>>().join(": ");
            let words = format!(" {place}: {}", finding.message);
            talk.line(Line::default().with(Style::Strong, "first:").plain(words));
            match &finding.hint {
                Some(hint) => talk.hint(hint),
                None => talk.hint(format!("`egext explain {}` says what ends it", finding.id)),
            };
        }
    }
    talk
}

fn tell(talk: &mut Talk, step: &Step) {
    let (style, mark) = match step.state {
        State::Failed => (Style::Bad, "×"),
        State::Skipped => (Style::Dim, "-"),
        State::Warned => (Style::Warn, "‼"),
        State::Works => (Style::Good, "√"),
    };
    let is_told = matches!(step.state, State::Skipped | State::Works);
    let detail = Some(&*step.detail).filter(|detail| is_told && !detail.is_empty());
    let words: Vec<_> = step.subject.as_deref().into_iter().chain(detail).map(printable).collect();
    let line = Line::default().plain("  ").with(style, mark).plain(format!(" {:<13} ", step.part.name()));
    talk.line(line.plain(words.join(": ")));
    let mut nested = Talk::default();
    for finding in &step.findings {
        let layer = finding.id.entry().layer.filter(|_| step.subject.as_ref() == Some(&finding.subject));
        match layer {
            Some(layer) => nested.finding_called(finding, layer.name()),
            None => nested.finding(finding),
        };
    }
    for line in nested.lines() {
        let mut inner = Line::default().plain("  ");
        for (style, words) in line.spans() {
            inner = inner.with(*style, words.clone());
        }
        talk.line(inner);
    }
}

/// So that "nothing" is not taken for more than was looked at.
fn skipped(story: &Story) -> String {
    let names = story.steps.iter().filter(|step| step.state == State::Skipped).map(|step| step.part.name());
    let names: Vec<_> = names.map(str::to_owned).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("; not looked at: {}", names.join(", ")),
    }
}

fn check(step: &Step) -> Check {
    let state = match step.state {
        State::Skipped => report::State::Skipped(step.detail.clone().into()),
        _ if step.findings.is_empty() => report::State::Passed,
        _ => report::State::Found(step.findings.clone()),
    };
    let subject = step.subject.clone().unwrap_or_else(|| step.part.name().to_owned());
    Check { name: step.part.name(), subject, state }
}

/// What `egext doctor` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// The parts of the channel, from the ground up.
    steps: Vec<StepDetails>,
    /// The first thing that is wrong, or else the first that deserves attention.
    first: Option<First>,
}

/// The result for one part.
#[derive(Serialize, JsonSchema)]
struct StepDetails {
    part: Part,
    state: State,
    /// The file or the address, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What works, or why it was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What was found about it; more is in `findings`.
    found: Vec<FindingId>,
}

/// Where to begin.
#[derive(Serialize, JsonSchema)]
struct First {
    part: Part,
    id: FindingId,
    /// The file or the address that it is about.
    subject: String,
    message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Details {
    fn of(story: &Story) -> Self {
        let steps = story.steps.iter().map(|step| StepDetails {
            part: step.part,
            state: step.state,
            subject: step.subject.clone(),
            detail: Some(step.detail.clone()).filter(|_| matches!(step.state, State::Skipped | State::Works)),
            found: step.findings.iter().map(|finding| finding.id).collect(),
        });
        let first = story.first().map(|(step, finding)| First {
            part: step.part,
            id: finding.id,
            subject: finding.subject.clone(),
            message: finding.message.clone(),
            next: finding.hint.clone(),
        });
        Self { steps: steps.collect(), first }
    }
}

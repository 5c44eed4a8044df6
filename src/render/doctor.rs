//! The story of a channel: for a person, a program and a CI server.

use schemars::JsonSchema;
use serde::Serialize;

use crate::doctor::{Origin, Part, State, Step, Story};
use crate::printable::printable;
use crate::report::{self, Check, FindingId, Line, Report, Style, Talk, in_backticks};

/// What was looked at, and the first thing that is wrong.
pub(crate) fn report(story: &Story) -> Report {
    let mut report = Report::new("doctor");
    report.talk = talk(story);
    report.checks = story.steps.iter().map(check).collect();
    report.detail(&Details::of(story));
    report.findings = story.findings().cloned().collect();
    report.first = story.first().map(|(_, finding)| finding.id);
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
            let ignores = story.steps.iter().any(|step| step.state == State::Ignored);
            let style = if ignores { Style::Warn } else { Style::Good };
            let left_out = left_out(story);
            let words = if left_out.is_empty() { "nothing is wrong" } else { "nothing else is wrong" };
            let line = match story.is_proven() || ignores {
                true => Line::default().with(style, words),
                // What is not looked at may be wrong.
                false => Line::default().with(Style::Warn, "not known whether the channel works"),
            };
            talk.line(line.plain(left_out + &skipped(story)));
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
        State::Ignored | State::Skipped => (Style::Dim, "-"),
        State::Warned => (Style::Warn, "‼"),
        State::Works => (Style::Good, "√"),
    };
    let detail = detail(step).filter(|detail| !detail.is_empty());
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

/// What works, or why it is not said to work; findings say why it does not.
fn detail(step: &Step) -> Option<&str> {
    match step.state {
        State::Failed | State::Warned => None,
        State::Ignored | State::Skipped | State::Works => Some(&step.detail),
    }
}

/// Findings that are not told, and where they belong.
fn left_out(story: &Story) -> String {
    let steps = story.steps.iter().filter(|step| !step.left_out.is_empty());
    let parts = steps.map(|step| {
        let ids = in_backticks(&step.left_out);
        format!("{} ({})", step.part.name(), ids.join(", "))
    });
    let parts: Vec<_> = parts.collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("; left out: {}", parts.join(", ")),
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
        State::Ignored if step.findings.is_empty() => report::State::Skipped("its finding is skipped".into()),
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
    /// What says that it is this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    /// What works, why it was not looked at, or the fault that is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What was found about it; more is in `findings`.
    found: Vec<FindingId>,
    /// What `--skip` leaves out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<FindingId>,
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
            origin: step.origin,
            detail: detail(step).map(str::to_owned),
            found: step.findings.iter().map(|finding| finding.id).collect(),
            left_out: step.left_out.clone(),
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

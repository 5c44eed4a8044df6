//! The results of a probe for each target: for a person, a program and a CI server.

mod facts;
mod metrics;
mod progress;
mod told;
mod watch;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use self::facts::FactsDetails;
pub(crate) use self::progress::Progress;
pub(crate) use self::watch::{change, polled_line};
use crate::probe::{Layer, LayerOutcome, LayerState, Manager, TargetOutcome, Waiting};
use crate::report::{Check, Finding, FindingId, Line, Report, State, Style, Talk, Verdict};
use crate::units::Span;

/// What became of the targets, for a person and for a program.
///
/// `verbose` adds every fact for the person.
pub(crate) fn report(outcomes: Vec<TargetOutcome>, verbose: bool) -> Report {
    let mut report = Report::new("probe");
    for (index, outcome) in outcomes.iter().enumerate() {
        if index > 0 {
            report.talk.blank();
        }
        report.talk.append(talk(outcome, verbose));
    }
    report.metrics = metrics::metrics(&outcomes);
    report.verdicts = outcomes.iter().map(verdict).collect();
    report.checks = outcomes.iter().flat_map(checks).collect();
    report.detail(&Details { timestamp: None, targets: outcomes.iter().map(TargetDetails::of).collect() });
    report.findings = outcomes.into_iter().flat_map(|outcome| outcome.findings).collect();
    report
}

/// While a target is waited for.
pub(crate) fn waiting_line(waiting: &Waiting) -> Line {
    let Waiting { cause, left, .. } = waiting;
    let left = match left.as_secs_f64() {
        seconds if seconds < 1.0 => Span::from_milliseconds(left.as_millis().max(1) as u64),
        seconds => Span::from_seconds(seconds.round() as u64),
    };
    Line::default()
        .with(Style::Strong, cause.subject.clone())
        .plain(format!(": {}; trying again for up to {left}", cause.message))
}

fn verdict(outcome: &TargetOutcome) -> Verdict {
    let gravest = outcome.findings.iter().map(|finding| finding.severity).max();
    let finding = outcome.findings.iter().find(|finding| Some(finding.severity) == gravest);
    let layer = finding.and_then(|finding| {
        let about = outcome.layers.iter().find(|layer| layer.finding == Some(finding.id));
        about.map(|about| about.layer).or(finding.id.entry().layer)
    });
    let ignored = outcome.layers.iter().find(|layer| layer.state == LayerState::Ignored);
    let layer = layer.or(ignored.map(|ignored| ignored.layer));
    Verdict {
        subject: outcome.address.to_string(),
        layer,
        finding: finding.cloned(),
        skips_error: outcome.skips_error(),
    }
}

/// Every layer of a target, with what was found about it; behind them, what is about none.
fn checks(outcome: &TargetOutcome) -> Vec<Check> {
    let mut others = outcome.findings.clone();
    let mut checks = Vec::new();
    for layer in &outcome.layers {
        let is_about = |finding: &mut Finding| match layer.finding {
            Some(id) if id == finding.id => true,
            _ => finding.id.entry().layer == Some(layer.layer),
        };
        let found: Vec<_> = others.extract_if(.., is_about).collect();
        let state = match layer.state {
            _ if !found.is_empty() => State::Found(found),
            LayerState::Absent => State::Skipped("not used".into()),
            LayerState::Skipped => State::Skipped("not reached".into()),
            LayerState::Ignored => State::Skipped("its finding is skipped".into()),
            LayerState::Failed | LayerState::Noted | LayerState::Passed => State::Passed,
        };
        checks.push(Check { name: layer.layer.name(), subject: outcome.address.to_string(), state });
    }
    for name in [CERTIFICATES, CONFIGURATION] {
        let found: Vec<_> = others.extract_if(.., |finding| about(finding) == name).collect();
        if !found.is_empty() {
            checks.push(Check { name, subject: outcome.address.to_string(), state: State::Found(found) });
        }
    }
    checks
}

/// What a finding is about that belongs to no layer.
fn about(finding: &Finding) -> &'static str {
    if finding.id.name().starts_with("config.") { CONFIGURATION } else { CERTIFICATES }
}

fn talk(outcome: &TargetOutcome, verbose: bool) -> Talk {
    let mut talk = Talk::default();
    talk.line(Line::default().with(Style::Strong, outcome.address.to_string()));
    if let Some(Manager { path, message_limit, attempts, retried }) = &outcome.manager {
        let retried = retried.join(", ");
        talk.line(format!(
            "  as `{path}`: messages of up to {message_limit}, {attempts} attempts while {retried}"
        ));
    }
    let timed = outcome.layers.iter().filter(|layer| layer.took.is_some());
    let words = |layer| told::words(layer, &outcome.facts);
    let width = timed.map(|layer| words(layer).chars().count()).max().unwrap_or_default();
    for layer in &outcome.layers {
        let (style, mark) = match layer.state {
            LayerState::Passed => (Style::Good, "√"),
            LayerState::Failed => (Style::Bad, "×"),
            LayerState::Ignored | LayerState::Noted => (Style::Dim, "-"),
            LayerState::Absent | LayerState::Skipped => continue,
        };
        talk.line(layer_line(layer, &words(layer), (style, mark), width));
        for (key, fact) in told::facts(layer.layer, &outcome.facts).iter().filter(|_| verbose) {
            talk.fact(key, fact);
        }
        if let Some(finding) = outcome.findings.iter().find(|finding| layer.finding == Some(finding.id)) {
            talk.finding_details(finding);
        }
        // Of several services each has its own.
        let same = outcome.findings.iter().filter(|finding| layer.finding == Some(finding.id));
        for finding in same.skip(1) {
            talk.finding_called(finding, layer.layer.name());
        }
    }
    // Of layers that stand.
    let is_told = |finding: &&Finding| outcome.layers.iter().any(|layer| layer.finding == Some(finding.id));
    for finding in outcome.findings.iter().filter(|finding| !is_told(finding)) {
        // What is about a certificate says so; the gateway's verdict is another one.
        let layer =
            finding.id.entry().layer.filter(|it| matches!(it, Layer::Grpc | Layer::Gateway | Layer::Policy));
        talk.finding_called(finding, layer.map_or_else(|| about(finding), Layer::name));
    }
    for (state, reason) in [(LayerState::Skipped, "not reached"), (LayerState::Absent, "not used")] {
        let names: Vec<_> = outcome
            .layers
            .iter()
            .filter(|layer| layer.state == state)
            .map(|layer| layer.layer.name())
            .collect();
        if !names.is_empty() {
            let line = Line::default().plain("  ").with(Style::Dim, "-");
            talk.line(line.plain(format!(" {} {reason}", names.join(", "))));
        }
    }
    talk.append(closing(outcome));
    talk
}

fn layer_line(layer: &LayerOutcome, words: &str, (meaning, mark): (Style, &str), width: usize) -> Line {
    let line = Line::default().plain("  ").with(meaning, mark).plain(format!(" {:<9} ", layer.layer));
    match layer.took {
        Some(took) => line.plain(format!("{words:<width$}  ")).with(Style::Dim, milliseconds(took)),
        None => line.plain(words),
    }
}

fn closing(outcome: &TargetOutcome) -> Talk {
    let mut talk = Talk::default();
    let attempts = attempts(outcome);
    if outcome.is_healthy() {
        let took = milliseconds(outcome.took);
        if outcome.findings.iter().any(|finding| finding.id == FindingId::ProbeHealthFromProxy) {
            let line = Line::default().plain("  ").with(Style::Warn, "reached a proxy");
            talk.line(line.plain(format!(
                " after {}{attempts}; no server is known to be behind it",
                took.trim_start()
            )));
            return talk;
        }
        let line = Line::default().plain("  ").with(Style::Good, "healthy");
        let without = if outcome.lacks_mtls() { ", without mTLS," } else { "" };
        talk.line(line.plain(format!("{without} after {}{attempts}", took.trim_start())));
    } else if outcome.cause().is_none() {
        let line = Line::default().plain("  ").with(Style::Warn, "not healthy");
        talk.line(line.plain(", but every error is skipped"));
    } else if outcome.attempts > 1 {
        talk.line(format!("  still failing after {} attempts", outcome.attempts));
    }
    talk
}

fn attempts(outcome: &TargetOutcome) -> String {
    match outcome.attempts {
        1 => String::new(),
        number => format!(", at attempt {number}"),
    }
}

/// What `egext probe` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// With `--watch`: when the target, of which there is one, was found to have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    /// One for each address, in the order in which they were typed.
    targets: Vec<TargetDetails>,
}

/// The result for one target.
#[derive(Serialize, JsonSchema)]
struct TargetDetails {
    address: String,
    /// With `--gateway-config`: the extension manager that calls this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<Manager>,
    /// No layer failed, not even with a finding that `--skip` leaves out.
    healthy: bool,
    /// How many attempts were made; the rest is about the last one.
    attempts: u32,
    failed_layer: Option<Layer>,
    /// The finding that says why it is not healthy.
    cause: Option<FindingId>,
    /// How long the attempt took, also where it failed.
    milliseconds: f64,
    /// The layers, from the lowest to the highest.
    layers: Vec<LayerDetails>,
    facts: FactsDetails,
}

/// The result for one layer.
#[derive(Serialize, JsonSchema)]
struct LayerDetails {
    layer: Layer,
    state: LayerState,
    /// Details, such as the TLS version, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Time of this layer alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<f64>,
}

impl TargetDetails {
    fn of(outcome: &TargetOutcome) -> Self {
        let layers = outcome.layers.iter().map(|layer| LayerDetails {
            layer: layer.layer,
            state: layer.state,
            detail: Some(layer.detail.clone()).filter(|detail| !detail.is_empty()),
            milliseconds: layer.took.map(rounded),
        });
        Self {
            address: outcome.address.to_string(),
            manager: outcome.manager.clone(),
            healthy: outcome.is_healthy(),
            attempts: outcome.attempts,
            failed_layer: outcome.failed_layer(),
            cause: outcome.cause().map(|cause| cause.id),
            milliseconds: rounded(outcome.took),
            layers: layers.collect(),
            facts: FactsDetails::of(&outcome.facts),
        }
    }
}

fn milliseconds(took: Duration) -> String {
    format!("{:>7.1} ms", took.as_secs_f64() * 1000.0)
}

/// In milliseconds, to the microsecond.
fn rounded(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

const CERTIFICATES: &str = "certificates";
const CONFIGURATION: &str = "configuration";

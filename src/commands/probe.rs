use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;

use super::material::Files as _;
use super::signals::Signals;
use super::{Clock, Error, block_on};
use crate::cli::{self, Variables};
use crate::net::{Address, Alpn, ClientTls, Target, Transport};
use crate::pki::{Certificate, IdentityError, Role};
use crate::probe::{Layer, LayerOutcome, LayerState, ProbePlan, TargetOutcome, Waiting, probe};
use crate::render::Printer;
use crate::report::{Finding, FindingId, Line, Report, Role as Meaning, Talk};
use crate::units::Span;

pub(super) fn run(
    arguments: cli::Probe,
    variables: &Variables,
    clock: Clock,
    printer: &Printer,
) -> Result<Report, Error> {
    let (mut plan, untried) = plan(arguments, variables)?;
    let (sender, mut news) = unbounded_channel();
    plan.news = plan.wait.map(|_| sender);
    let mut outcomes = block_on(async {
        // A program that reads the result gets one, also if it sends a signal while we wait.
        let mut signals = Signals::listen().map_err(Error::Runtime)?;
        let mut probing = pin!(probe(plan, clock));
        let mut last = None;
        loop {
            tokio::select! {
                biased;
                Some(waiting) = news.recv() => {
                    printer.progress(&waiting_line(&waiting));
                    last = Some(waiting.cause);
                }
                outcomes = &mut probing => break Ok(outcomes),
                _ = signals.next() => break Err(interrupted(last)),
            }
        }
    })??;
    // In their order, each goes to where it was typed.
    for (index, outcome) in untried {
        outcomes.insert(index, outcome);
    }
    Ok(report(outcomes))
}

/// What became of the targets, for a person and for a program.
pub(super) fn report(outcomes: Vec<TargetOutcome>) -> Report {
    let mut report = Report::new("probe");
    for (index, outcome) in outcomes.iter().enumerate() {
        if index > 0 {
            report.talk.blank();
        }
        report.talk.append(talk(outcome));
    }
    report.detail(&Details { targets: outcomes.iter().map(TargetDetails::of).collect() });
    report.findings = outcomes.into_iter().flat_map(|outcome| outcome.findings).collect();
    report
}

/// The targets that can be tried, and what became of the others, with their places among all.
type Planned = (ProbePlan, Vec<(usize, TargetOutcome)>);

fn plan(arguments: cli::Probe, variables: &Variables) -> Result<Planned, Error> {
    if arguments.timeout.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--timeout" });
    }
    let is_tls = |address: &Address| address.transport() == Transport::Tls;
    let wants_tls = arguments.addresses.iter().any(is_tls);
    if let (false, [address, ..], Some(flag)) =
        (wants_tls, &*arguments.addresses, arguments.material.typed(variables))
    {
        return Err(Error::MaterialWithoutTls { flag, address: address.clone() });
    }
    let (tls, missing) = match wants_tls.then(|| tls(&arguments.material)).transpose() {
        Ok(tls) => (tls, None),
        Err(missing) if missing.is_typed_wrong() || arguments.addresses.iter().all(is_tls) => {
            return Err(missing.error);
        }
        // The other targets can be probed all the same.
        Err(missing) => (None, Some(missing)),
    };
    let (tls, own) = tls.map_or((None, None), |(tls, own)| (Some(Arc::new(tls)), own));
    let (mut targets, mut untried) = (Vec::new(), Vec::new());
    for (index, address) in arguments.addresses.into_iter().enumerate() {
        if let Some(missing) = missing.as_ref().filter(|_| is_tls(&address)) {
            untried.push((index, missing.outcome(address)));
            continue;
        }
        // With several targets a server name belongs to those that have TLS, and a variable is for those anyway.
        let tls_only = wants_tls || variables.set("--server-name");
        let name = arguments.server_name.as_ref().filter(|_| !tls_only || is_tls(&address));
        targets.push(Target::new(address, tls.clone(), name, Alpn::Required)?);
    }
    let plan = ProbePlan {
        targets,
        service: arguments.service,
        own,
        directory: arguments.material.directory().to_owned(),
        searched: arguments.material.is_searched(),
        within: arguments.within,
        timeout: arguments.timeout.duration(),
        wait: arguments.wait.map(Span::duration).filter(|wait| !wait.is_zero()),
        news: None,
    };
    Ok((plan, untried))
}

/// What TLS needs and does not have.
struct Unusable {
    id: FindingId,
    error: Error,
}

impl Unusable {
    /// No file is missing, but a flag.
    fn is_typed_wrong(&self) -> bool {
        !matches!(self.error, Error::Identity(_) | Error::Tls(_))
    }

    fn outcome(&self, address: Address) -> TargetOutcome {
        let finding = Finding::of_error(self.id, address.to_string(), &self.error);
        TargetOutcome::untried(address, finding)
    }
}

fn tls(material: &cli::Material) -> Result<(ClientTls, Option<Certificate>), Box<Unusable>> {
    let of_ca = |error| Box::new(Unusable { id: FindingId::ProbeCaUnusable, error });
    let of_client = |error: Error| {
        let id = match &error {
            Error::Identity(IdentityError::KeyMismatch { .. }) => FindingId::ProbeClientCertKeyMismatch,
            _ => FindingId::ProbeClientCertUnreadable,
        };
        Box::new(Unusable { id, error })
    };
    let anchors = material.anchors().map_err(|error| of_ca(error.into()))?;
    let identity = material.identity_if_present(Role::Client).map_err(of_client)?;
    let tls = ClientTls::new(&anchors, identity.as_ref()).map_err(|error| of_client(error.into()))?;
    Ok((tls, identity.map(|identity| identity.leaf().clone())))
}

/// The last cause that a target was waited for says more than that there was a signal.
fn interrupted(cause: Option<Finding>) -> Error {
    match cause {
        Some(Finding { id, subject, message, .. }) => {
            Error::InterruptedWait { address: subject, cause: message, id }
        }
        None => Error::Interrupted,
    }
}

fn waiting_line(waiting: &Waiting) -> Line {
    let Waiting { cause, left } = waiting;
    let left = Span::from_seconds(left.as_secs_f64().round().max(1.0) as u64);
    Line::default()
        .with(Meaning::Strong, cause.subject.clone())
        .plain(format!(": {}; trying again for up to {left}", cause.message))
}

fn talk(outcome: &TargetOutcome) -> Talk {
    let mut talk = Talk::default();
    talk.line(Line::default().with(Meaning::Strong, outcome.address.to_string()));
    let timed = outcome.layers.iter().filter(|layer| layer.took.is_some());
    let width = timed.map(|layer| layer.detail.chars().count()).max().unwrap_or_default();
    for layer in &outcome.layers {
        match layer.state {
            LayerState::Passed => talk.line(layer_line(layer, Meaning::Good, "√", width)),
            LayerState::Failed => talk.line(layer_line(layer, Meaning::Bad, "×", width)),
            LayerState::Noted => talk.line(layer_line(layer, Meaning::Dim, "-", width)),
            LayerState::Absent | LayerState::Skipped => continue,
        };
        if let Some(finding) = outcome.findings.iter().find(|finding| layer.finding == Some(finding.id)) {
            talk.finding_details(finding);
        }
    }
    // Of layers that stand.
    let is_told = |finding: &&Finding| outcome.layers.iter().any(|layer| layer.finding == Some(finding.id));
    for finding in outcome.findings.iter().filter(|finding| !is_told(finding)) {
        talk.finding_called(finding, "certificates");
    }
    for (state, reason) in [(LayerState::Skipped, "not reached"), (LayerState::Absent, "not used")] {
        let names: Vec<_> = outcome
            .layers
            .iter()
            .filter(|layer| layer.state == state)
            .map(|layer| layer.layer.name())
            .collect();
        if !names.is_empty() {
            let line = Line::default().plain("  ").with(Meaning::Dim, "-");
            talk.line(line.plain(format!(" {} {reason}", names.join(", "))));
        }
    }
    talk.append(closing(outcome));
    talk
}

fn layer_line(layer: &LayerOutcome, meaning: Meaning, mark: &str, width: usize) -> Line {
    let line = Line::default().plain("  ").with(meaning, mark).plain(format!(" {:<9} ", layer.layer));
    match layer.took {
        Some(took) => {
            line.plain(format!("{:<width$}  ", layer.detail)).with(Meaning::Dim, milliseconds(took))
        }
        None => line.plain(layer.detail.clone()),
    }
}

fn closing(outcome: &TargetOutcome) -> Talk {
    let mut talk = Talk::default();
    let attempts = attempts(outcome);
    if outcome.is_healthy() {
        let took = milliseconds(outcome.took());
        if outcome.findings.iter().any(|finding| finding.id == FindingId::ProbeHealthFromProxy) {
            let line = Line::default().plain("  ").with(Meaning::Warn, "reached a proxy");
            talk.line(line.plain(format!(
                " after {}{attempts}; no server is known to be behind it",
                took.trim_start()
            )));
            return talk;
        }
        let line = Line::default().plain("  ").with(Meaning::Good, "healthy");
        let without = if outcome.lacks_mtls() { ", without mTLS," } else { "" };
        talk.line(line.plain(format!("{without} after {}{attempts}", took.trim_start())));
    } else if outcome.attempts > 1 {
        talk.line(format!("  still so{attempts}"));
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
pub(super) struct Details {
    /// One for each address, in the order in which they were typed.
    targets: Vec<TargetDetails>,
}

/// What became of one target.
#[derive(Serialize, JsonSchema)]
struct TargetDetails {
    address: String,
    /// No layer failed.
    healthy: bool,
    /// How many attempts were made; the rest is about the last one.
    attempts: u32,
    failed_layer: Option<Layer>,
    /// The finding that says why it is not healthy.
    cause: Option<FindingId>,
    /// Time of all layers together.
    milliseconds: f64,
    /// From the ground up.
    layers: Vec<LayerDetails>,
}

/// What became of one layer.
#[derive(Serialize, JsonSchema)]
struct LayerDetails {
    layer: Layer,
    state: LayerState,
    /// What it was built with, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Without the layers below.
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
            healthy: outcome.is_healthy(),
            attempts: outcome.attempts,
            failed_layer: outcome.failed_layer(),
            cause: outcome.cause().map(|cause| cause.id),
            milliseconds: rounded(outcome.took()),
            layers: layers.collect(),
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

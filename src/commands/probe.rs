use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Clock, Error, block_on};
use crate::cli::{self, Variables};
use crate::net::{Alpn, ClientTls, Target, Transport};
use crate::pki::Role;
use crate::probe::{LayerOutcome, Plan, State, TargetOutcome, probe};
use crate::report::{Line, Report, Role as Meaning, Severity, Talk};
use crate::shell::dir_flag;

pub(super) fn run(arguments: cli::Probe, variables: &Variables, clock: Clock) -> Result<Report, Error> {
    let plan = plan(arguments, variables)?;
    let outcomes = block_on(probe(plan, clock))?;
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
    report.details.insert("targets".to_owned(), outcomes.iter().map(details).collect());
    report.findings = outcomes.into_iter().flat_map(|outcome| outcome.findings).collect();
    report
}

fn plan(arguments: cli::Probe, variables: &Variables) -> Result<Plan, Error> {
    if arguments.timeout.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--timeout" });
    }
    let wants_tls = arguments.addresses.iter().any(|address| address.transport() == Transport::Tls);
    let (tls, own) = match wants_tls {
        false => (None, None),
        true => {
            let anchors = arguments.material.anchors()?;
            let identity = arguments.material.identity_if_present(Role::Client)?;
            let tls = ClientTls::new(&anchors, identity.as_ref())?;
            (Some(Arc::new(tls)), identity.map(|identity| identity.leaf().clone()))
        }
    };
    let targets = arguments
        .addresses
        .into_iter()
        .map(|address| {
            // With several targets a server name belongs to those that have TLS, and a variable is for those anyway.
            let tls_only = wants_tls || variables.set("--server-name");
            let name = arguments.server_name.as_ref();
            let name = name.filter(|_| !tls_only || address.transport() == Transport::Tls);
            Target::new(address, tls.clone(), name, Alpn::Required)
        })
        .collect::<Result<_, _>>()?;
    Ok(Plan {
        targets,
        service: arguments.service,
        own,
        place: dir_flag(arguments.material.directory()),
        timeout: arguments.timeout.duration(),
        wait: arguments.wait.map(crate::units::Span::duration),
    })
}

fn talk(outcome: &TargetOutcome) -> Talk {
    let mut talk = Talk::default();
    talk.line(Line::default().with(Meaning::Strong, outcome.address.to_string()));
    let timed = outcome.layers.iter().filter(|layer| layer.took.is_some());
    let width = timed.map(|layer| layer.detail.chars().count()).max().unwrap_or_default();
    for layer in &outcome.layers {
        match layer.state {
            State::Passed => talk.line(layer_line(layer, Meaning::Good, "√", width)),
            State::Failed => talk.line(layer_line(layer, Meaning::Bad, "×", width)),
            State::Noted => talk.line(layer_line(layer, Meaning::Dim, "-", width)),
            State::Absent | State::Skipped => continue,
        };
        if let Some(finding) = outcome.findings.iter().find(|finding| finding.message == layer.detail) {
            talk.finding_details(finding);
        }
    }
    for (state, reason) in [(State::Skipped, "not reached"), (State::Absent, "not used")] {
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

fn details(outcome: &TargetOutcome) -> Value {
    let layers: Vec<_> = outcome
        .layers
        .iter()
        .map(|layer| {
            let mut object = json!({ "layer": layer.layer.name(), "state": layer.state });
            if !layer.detail.is_empty() {
                object["detail"] = layer.detail.clone().into();
            }
            if let Some(took) = layer.took {
                object["milliseconds"] = rounded(took).into();
            }
            object
        })
        .collect();
    let worst = outcome.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info);
    json!({
        "address": outcome.address.to_string(),
        "healthy": worst < Severity::Error,
        "attempts": outcome.attempts,
        "milliseconds": rounded(outcome.took()),
        "layers": layers,
    })
}

fn milliseconds(took: Duration) -> String {
    format!("{:>7.1} ms", took.as_secs_f64() * 1000.0)
}

/// In milliseconds, to the microsecond.
fn rounded(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

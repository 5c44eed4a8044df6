//! What the demo showed, in its order.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tonic::Status;

use crate::demo::HookCall;
use crate::net::Address;
use crate::pki::{Certificate, when};
use crate::probe::TargetOutcome;
use crate::report::{Finding, FindingId, Line, Report, Style};
use crate::shell::{shell_path, shell_word};

/// What was shown.
pub(crate) struct Story {
    pub(crate) directory: PathBuf,
    pub(crate) ca: Certificate,
    pub(crate) leaf: Certificate,
    /// Until all of it stood.
    pub(crate) made_in: Duration,
    pub(crate) server: Address,
    pub(crate) bridge: Address,
    /// Of the server and of the bridge.
    pub(crate) probed: Vec<TargetOutcome>,
    /// What a healthy channel does.
    pub(crate) calls: Option<Calls>,
    /// What Envoy Gateway would need.
    pub(crate) stanza: String,
    /// Where the certificates are, if all of it goes on running.
    pub(crate) kept: Option<PathBuf>,
    pub(crate) took: Duration,
}

/// What is shown on a healthy channel.
pub(crate) struct Calls {
    pub(crate) hook: HookCall,
    /// Why a client without our certificate was refused, and after which time.
    pub(crate) stranger: (Finding, Duration),
    /// What the bridge answered once the server was stopped, and after which time.
    pub(crate) server_down: Option<(Status, Duration)>,
}

pub(crate) fn report(story: &Story) -> Report {
    let mut report = Report::new("demo");
    report.talk.line(
        Line::default().with(Style::Strong, "mutual TLS between Envoy Gateway and an extension server"),
    );
    start(&mut report, story);
    for (outcome, whose) in story.probed.iter().zip(["probe server", "probe bridge"]) {
        let names: Vec<_> = outcome.passed().map(|layer| layer.layer.name()).collect();
        step(&mut report, whose, &names.join(", "), outcome.took);
    }
    for finding in story.probed.iter().flat_map(|outcome| &outcome.findings) {
        report.found(finding.clone());
    }
    if let Some(calls) = &story.calls {
        show(&mut report, calls);
    }
    if let Some(certificates) = &story.kept {
        say_what_to_try(&mut report, story, certificates);
    }
    report.detail(&Details::of(story));
    closing(&mut report, story);
    report.talk.text(&story.stanza);
    report
}

fn start(report: &mut Report, story: &Story) {
    let Story { ca, leaf, server, bridge, .. } = story;
    let words = format!(
        "`{}` issued `{}` and `egext client`, {}, until {}",
        ca.subject,
        leaf.subject,
        leaf.key,
        when::end(leaf)
    );
    step(report, "certificates", &words, story.made_in);
    said(report, "server", &format!("an extension server at {server} that demands client certificates"));
    said(report, "bridge", &format!("{bridge} -> {server}"));
}

fn show(report: &mut Report, calls: &Calls) {
    let HookCall { hook, client, took, .. } = &calls.hook;
    let words =
        format!("{} through the bridge and back, unchanged; the server saw `{client}`", hook.method());
    step(report, "hook call", &words, *took);
    let (refusal, took) = &calls.stranger;
    step(report, "stranger", &format!("without our certificate: {}", refusal.message), *took);
    if let Some((status, took)) = &calls.server_down {
        let words = "Envoy Gateway would wait without a limit; the bridge answers:";
        step(report, "server down", words, *took);
        report.talk.line(Line::default().plain("                 ").with(Style::Dim, status.message()));
    }
}

fn say_what_to_try(report: &mut Report, story: &Story, certificates: &Path) {
    let file = |name| shell_path(&certificates.join(name));
    let Story { server, bridge, .. } = story;
    report.talk.blank();
    report.talk.line("all of it goes on running; try in another terminal:");
    for command in [
        // The demo's own bridge is how Envoy Gateway would connect.
        format!("egext probe {server} --no-gateway --dir {}", shell_path(certificates)),
        format!("egext probe {server} --ca {}", file("ca.crt")),
        format!("egext probe {} -o json", shell_word(&bridge.to_string())),
        format!(
            "openssl s_client -connect {server} -alpn h2 -CAfile {} -cert {} -key {}",
            file("ca.crt"),
            file("client.crt"),
            file("client.key")
        ),
    ] {
        report.talk.line(Line::default().plain("  ").with(Style::Hint, command));
    }
}

fn closing(report: &mut Report, story: &Story) {
    report.talk.blank();
    if story.kept.is_some() {
        report.talk.line("Ctrl-C stops it and removes the directory. Envoy Gateway would need:");
    } else {
        let seconds = story.took.as_secs_f64();
        report.talk.line(format!("done in {seconds:.2} s, nothing is left behind. Next, for a real set-up:"));
        report.talk.line(Line::default().plain("  ").with(Style::Hint, "egext certs init"));
        report.talk.line("What Envoy Gateway would need:");
    }
    report.talk.blank();
}

/// What `egext demo` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// The hook that was called, if the channel was healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<HookDetails>,
    /// The result for a client without a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    stranger: Option<FindingId>,
    /// The directory of the demo.
    directory: String,
    /// Where the server listened.
    server: String,
    /// Where the bridge listened.
    bridge: String,
    /// What Envoy Gateway would need.
    stanza: String,
    /// The answer of the bridge after the server was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_down: Option<StatusDetails>,
    /// How long all of it took.
    seconds: f64,
}

/// A hook that was called.
#[derive(Serialize, JsonSchema)]
struct HookDetails {
    method: &'static str,
    /// Size of the message.
    octets: usize,
    /// The client that the server saw.
    client: String,
}

/// A gRPC status.
#[derive(Serialize, JsonSchema)]
struct StatusDetails {
    code: String,
    message: String,
}

impl Details {
    fn of(story: &Story) -> Self {
        let calls = story.calls.as_ref();
        let hook = calls.map(|calls| HookDetails {
            method: calls.hook.hook.method(),
            octets: calls.hook.octets,
            client: calls.hook.client.clone(),
        });
        let down = calls.and_then(|calls| calls.server_down.as_ref()).map(|(status, _)| StatusDetails {
            code: format!("{:?}", status.code()),
            message: status.message().to_owned(),
        });
        Self {
            hook,
            stranger: calls.map(|calls| calls.stranger.0.id),
            directory: story.directory.display().to_string(),
            server: story.server.to_string(),
            bridge: story.bridge.to_string(),
            stanza: story.stanza.clone(),
            server_down: down,
            seconds: (story.took.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }
}

/// A step that took time.
fn step(report: &mut Report, name: &str, words: &str, took: Duration) {
    let milliseconds = took.as_secs_f64() * 1000.0;
    let line = mark(name).plain(format!("{words}  ")).with(Style::Dim, format!("{milliseconds:.1} ms"));
    report.talk.line(line);
}

/// A step that took none.
fn said(report: &mut Report, name: &str, words: &str) {
    report.talk.line(mark(name).plain(words));
}

fn mark(name: &str) -> Line {
    Line::default().plain("  ").with(Style::Good, "√").plain(format!(" {name:<13}"))
}

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tempfile::{Builder, TempDir};
use tokio::time::Instant;

use super::signals::Signals;
use super::{Clock, Error, block_on};
use crate::cli;
use crate::demo::{DemoError, RunningDemo};
use crate::pki::when;
use crate::render::Printer;
use crate::report::{FindingId, Line, Report, Style};

pub(super) fn run(arguments: &cli::Demo, clock: Clock, printer: &Printer) -> Result<ExitCode, Error> {
    // Without a mode the umask decides, and a directory that others can write to is refused.
    let private = Permissions::from_mode(0o700);
    let directory = Builder::new()
        .prefix("egext-demo-")
        .permissions(private)
        .tempdir()
        .map_err(Error::TemporaryDirectory)?;
    block_on(async {
        let mut signals = Signals::listen().map_err(Error::Runtime)?;
        let mut played = tokio::select! {
            played = play(&directory, clock, arguments.keep) => played?,
            _ = signals.next() => return Err(Error::Interrupted),
        };
        let code = printer.report(&played.report);
        if arguments.keep {
            tokio::select! {
                ended = played.demo.ended() => return Err(ended.into()),
                _ = signals.next() => {}
            }
        }
        Ok(code)
    })?
}

/// What was shown. The demo stands as long as this is held.
struct Played {
    report: Report,
    demo: RunningDemo,
}

async fn play(directory: &TempDir, clock: Clock, keep: bool) -> Result<Played, DemoError> {
    let begin = Instant::now();
    let mut report = Report::new("demo");
    report.talk.line(
        Line::default().with(Style::Strong, "mutual TLS between Envoy Gateway and an extension server"),
    );
    let (mut demo, set) = RunningDemo::start(directory.path(), clock).await?;
    let (ca, server) = (set.ca.certificate(), set.server.certificate());
    let until = when::end(server);
    step(
        &mut report,
        "certificates",
        &format!(
            "`{}` issued `{}` and `egext client`, {}, until {until}",
            ca.subject, server.subject, server.key
        ),
        begin.elapsed(),
    );
    said(
        &mut report,
        "server",
        &format!("an extension server at {} that demands client certificates", demo.server()),
    );
    said(&mut report, "bridge", &format!("{} -> {}", demo.socket(), demo.server()));
    let healthy = probe(&demo, &mut report).await?;
    let mut details = Details {
        directory: directory.path().display().to_string(),
        server: demo.server().to_string(),
        bridge: demo.socket().to_string(),
        stanza: demo.stanza()?,
        ..Details::default()
    };
    if healthy {
        details.hook = Some(call(&demo, &mut report).await?);
        details.stranger = Some(refuse_stranger(&demo, &mut report).await?);
    }
    if keep {
        say_what_to_try(&demo, &mut report);
    } else if healthy {
        details.server_down = Some(stop_server(&mut demo, &mut report).await?);
    }
    let seconds = begin.elapsed().as_secs_f64();
    details.seconds = (seconds * 1000.0).round() / 1000.0;
    report.detail(&details);
    closing(&mut report, keep, seconds);
    report.talk.text(&details.stanza);
    Ok(Played { report, demo })
}

/// What `egext demo` adds to its JSON object.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Details {
    /// The hook that was called, if the channel was healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<HookDetails>,
    /// What a client without our certificate was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    stranger: Option<FindingId>,
    /// Where all of it was.
    directory: String,
    /// Where the server listened.
    server: String,
    /// Where the bridge listened.
    bridge: String,
    /// What Envoy Gateway would need.
    stanza: String,
    /// What the bridge answered once the server was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_down: Option<StatusDetails>,
    /// How long all of it took.
    seconds: f64,
}

/// A hook that was called.
#[derive(Serialize, JsonSchema)]
struct HookDetails {
    method: &'static str,
    /// Of the message.
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

async fn probe(demo: &RunningDemo, report: &mut Report) -> Result<bool, DemoError> {
    let outcomes = demo.probe().await?;
    let healthy = outcomes.iter().all(crate::probe::TargetOutcome::is_healthy);
    for (outcome, whose) in outcomes.iter().zip(["probe server", "probe bridge"]) {
        let names: Vec<_> = outcome.passed().map(|layer| layer.layer.name()).collect();
        step(report, whose, &names.join(", "), outcome.took());
    }
    for finding in outcomes.into_iter().flat_map(|outcome| outcome.findings) {
        report.talk.finding(&finding);
        report.findings.push(finding);
    }
    Ok(healthy)
}

async fn call(demo: &RunningDemo, report: &mut Report) -> Result<HookDetails, DemoError> {
    let call = demo.call().await?;
    let words = format!(
        "{} through the bridge and back, unchanged; the server saw `{}`",
        call.hook.method(),
        call.client
    );
    step(report, "hook call", &words, call.took);
    Ok(HookDetails { method: call.hook.method(), octets: call.octets, client: call.client })
}

async fn refuse_stranger(demo: &RunningDemo, report: &mut Report) -> Result<FindingId, DemoError> {
    let outcome = demo.probe_as_stranger().await?;
    let refusal = outcome.findings.first().ok_or(DemoError::StrangerAccepted)?;
    let words = format!("without our certificate: {}", refusal.message);
    step(report, "stranger", &words, outcome.took());
    Ok(refusal.id)
}

async fn stop_server(demo: &mut RunningDemo, report: &mut Report) -> Result<StatusDetails, DemoError> {
    let begin = Instant::now();
    let status = demo.call_without_server().await?;
    step(
        report,
        "server down",
        "Envoy Gateway would wait without a limit; the bridge answers:",
        begin.elapsed(),
    );
    report.talk.line(Line::default().plain("                 ").with(Style::Dim, status.message()));
    Ok(StatusDetails { code: format!("{:?}", status.code()), message: status.message().to_owned() })
}

fn say_what_to_try(demo: &RunningDemo, report: &mut Report) {
    let certificates = demo.certificates();
    let certificates = certificates.display();
    let (server, bridge) = (demo.server(), demo.socket());
    report.talk.blank();
    report.talk.line("all of it goes on running; try in another terminal:");
    for command in [
        format!("egext probe {server} --dir {certificates}"),
        format!("egext probe {server} --ca {certificates}/ca.crt"),
        format!("egext probe {bridge} -o json"),
        format!(
            "openssl s_client -connect {server} -alpn h2 -CAfile {certificates}/ca.crt -cert {certificates}/client.crt -key {certificates}/client.key"
        ),
    ] {
        report.talk.line(Line::default().plain("  ").with(Style::Hint, command));
    }
}

fn closing(report: &mut Report, keep: bool, seconds: f64) {
    report.talk.blank();
    if keep {
        report.talk.line("Ctrl-C stops it and removes the directory. Envoy Gateway would need:");
    } else {
        report.talk.line(format!("done in {seconds:.2} s, nothing is left behind. Next, for a real set-up:"));
        report.talk.line(Line::default().plain("  ").with(Style::Hint, "egext certs init"));
        report.talk.line("What Envoy Gateway would need:");
    }
    report.talk.blank();
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

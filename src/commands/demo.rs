use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;

use tempfile::{Builder, TempDir};
use tokio::time::Instant;

use super::signals::Signals;
use super::{Clock, Error, block_on};
use crate::cli;
use crate::demo::{DemoError, RunningDemo};
use crate::probe::TargetOutcome;
use crate::render::demo::{Calls, Story};
use crate::render::{self, Printer};
use crate::report::Report;

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
    let (mut demo, set) = RunningDemo::start(directory.path(), clock).await?;
    let made_in = begin.elapsed();
    let probed = demo.probe().await?;
    let healthy = probed.iter().all(TargetOutcome::is_healthy);
    let mut calls = if healthy { Some(call(&demo).await?) } else { None };
    if let (false, Some(calls)) = (keep, &mut calls) {
        let begin = Instant::now();
        let status = demo.call_without_server().await?;
        calls.server_down = Some((status, begin.elapsed()));
    }
    let story = Story {
        directory: directory.path().to_owned(),
        ca: set.ca.certificate().clone(),
        leaf: set.server.certificate().clone(),
        made_in,
        server: demo.server().clone(),
        bridge: demo.socket().clone(),
        probed,
        calls,
        stanza: demo.stanza()?,
        kept: keep.then(|| demo.certificates()),
        took: begin.elapsed(),
    };
    Ok(Played { report: render::demo::report(&story), demo })
}

/// A hook call that passes, and a client that does not.
async fn call(demo: &RunningDemo) -> Result<Calls, DemoError> {
    let hook = demo.call().await?;
    let mut outcome = demo.probe_as_stranger().await?;
    let took = outcome.took;
    if outcome.findings.is_empty() {
        return Err(DemoError::StrangerAccepted);
    }
    Ok(Calls { hook, stranger: (outcome.findings.swap_remove(0), took), server_down: None })
}

use std::io;
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing::info;

use super::{Clock, Error, block_on};
use crate::bridge::{Bridge, Drained, Plan};
use crate::cli;
use crate::net::{Address, Alpn, ClientTls, Target, Transport, server_config};
use crate::pki::Role;
use crate::report::{Finding, Id, Printer, Report, log};

pub(super) fn run(arguments: cli::Bridge, clock: Clock, printer: &Printer) -> Result<Report, Error> {
    let (log_format, log_level) = (arguments.log_format, arguments.log_level);
    let plan = plan(arguments, clock)?;
    block_on(async {
        // Before there is a socket that a signal could leave behind.
        let stop = stop_on_signals().map_err(Error::Runtime)?;
        let bridge = Bridge::bind(plan.clone()).await?;
        let address = bridge.address().map_err(Error::Runtime)?;
        log::start(log_format, log_level, printer.colours_on_stderr());
        info!(listen = %address, upstream = %plan.upstream.address(), "bridge is up");
        let drained = bridge.run(&stop).await;
        info!("stopped");
        Ok(report(&address, drained))
    })?
}

/// Decides which side has TLS and with which files.
fn plan(arguments: cli::Bridge, clock: Clock) -> Result<Plan, Error> {
    let material = &arguments.material;
    let tls = |address: &Address| address.transport() == Transport::Tls;
    if arguments.connect_wait.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--connect-wait" });
    }
    if arguments.listen == arguments.upstream {
        return Err(Error::BridgeToItself { address: arguments.listen });
    }
    if tls(&arguments.listen) && tls(&arguments.upstream) && material.cert.is_some() {
        return Err(Error::AmbiguousCertificate);
    }
    let server = match tls(&arguments.listen) {
        true => Some(server_config(&material.anchors()?, &material.identity(Role::Server)?)?),
        false => None,
    };
    let (client, own) = match tls(&arguments.upstream) {
        true => {
            let identity = material.identity_if_present(Role::Client)?;
            let client = ClientTls::new(&material.anchors()?, identity.as_ref())?;
            (Some(Arc::new(client)), identity.map(|identity| identity.leaf().clone()))
        }
        false => (None, None),
    };
    let upstream = Target::new(arguments.upstream, client, arguments.server_name.as_ref(), Alpn::Preferred)?;
    Ok(Plan {
        listen: arguments.listen,
        server,
        upstream,
        own,
        connect_wait: arguments.connect_wait.duration(),
        call_timeout: Some(arguments.call_timeout.duration()).filter(|limit| !limit.is_zero()),
        drain_timeout: arguments.drain_timeout.duration(),
        clock,
    })
}

/// Notified once for each SIGTERM or SIGINT.
pub(super) fn stop_on_signals() -> io::Result<Arc<Notify>> {
    let stop = Arc::new(Notify::new());
    let notify = Arc::clone(&stop);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            notify.notify_one();
        }
    });
    Ok(stop)
}

fn report(address: &Address, drained: Drained) -> Report {
    let mut report = Report::new("bridge");
    report.details.insert("listen".to_owned(), json!(address.to_string()));
    if drained == Drained::Cut {
        let message = "calls under way were cut";
        let finding = Finding::new(Id::BridgeDrainCut, address.to_string(), message)
            .with_hint("a longer `--drain-timeout` gives them more time");
        report.talk.finding(&finding);
        report.findings.push(finding);
    }
    report
}

mod plan;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{Level, info, warn};

use super::signals::{Order, Signals};
use super::{Clock, Error, block_on};
use crate::bridge::{Bridge, Died, Drained};
use crate::cli::{self, Variables};
use crate::pki::audit;
use crate::render::{self, Printer};
use crate::report::{Finding, Report, Severity};

pub(super) fn run(
    arguments: cli::Bridge,
    variables: &Variables,
    clock: Clock,
    printer: &Printer,
) -> Result<Report, Error> {
    let level = if printer.is_quiet() { Level::WARN } else { Level::INFO };
    let (log_format, log_level) = (arguments.log_format, arguments.log_level.unwrap_or(level));
    let (plan, used) = plan::plan(arguments, variables, clock)?;
    block_on(async {
        // Before there is a socket that a signal could leave behind.
        let mut signals = Signals::listen().map_err(Error::Runtime)?;
        let upstream = plan.upstream.address().clone();
        let bridge = Bridge::bind(plan).await?;
        let address = bridge.address().map_err(Error::Runtime)?;
        printer.start_log(log_format, log_level).map_err(Error::Runtime)?;
        info!(listen = %address, upstream = %upstream, "bridge is up");
        used.defects.iter().for_each(tell);
        used.keys.iter().flat_map(|key| audit::key_mode(key)).for_each(|exposed| tell(&exposed));
        let paths = used.files.iter().map(PathBuf::as_path);
        audit::replaceable(paths, &used.keys).iter().for_each(tell);
        let drained = tokio::select! {
            drained = run_bridge(bridge, &mut signals) => drained?,
            words = printer.panicked() => return Err(Error::Panicked { words }),
        };
        info!("stopped");
        Ok(render::bridge::report(&address, drained))
    })?
}

/// In a task of its own, so that a panic is an error of this command and not an end without one.
async fn run_bridge(bridge: Bridge, signals: &mut Signals) -> Result<Drained, Died> {
    let stop = Arc::new(Notify::new());
    let mut running = JoinSet::new();
    running.spawn({
        let stop = Arc::clone(&stop);
        async move { bridge.run(&stop).await }
    });
    loop {
        tokio::select! {
            Some(ended) = running.join_next() => return ended?,
            order = signals.next() => match order {
                Order::Stop => stop.notify_one(),
                Order::Unknown(name) => info!("{name} has no meaning here"),
                Order::HangUp => warn!("SIGHUP: certificates are read at the start; restart the bridge to use new ones"),
            },
        }
    }
}

/// Logs what is found at the start and does not keep the bridge from starting.
fn tell(finding: &Finding) {
    let (subject, id, hint) = (&finding.subject, finding.id, &finding.hint);
    match finding.severity {
        Severity::Info => info!(subject, %id, hint, "{}", finding.message),
        Severity::Warning | Severity::Error => warn!(subject, %id, hint, "{}", finding.message),
    }
}

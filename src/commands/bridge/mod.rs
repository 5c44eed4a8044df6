mod admin;
mod callers;
mod notify;
mod plan;
mod serve;

pub use callers::CallersError;

use std::path::PathBuf;

use tracing::{Level, info, warn};

use self::notify::Notifier;
use self::plan::Used;
use super::signals::Signals;
use super::{Clock, Error, block_on};
use crate::admin::Admin;
use crate::bridge::{Bridge, BridgePlan};
use crate::cli::{self, Variables};
use crate::pki::audit;
use crate::render::{self, LogFormat, Printer};
use crate::report::{Finding, Report, Severity};

pub(super) fn run(
    arguments: cli::Bridge,
    variables: &Variables,
    clock: Clock,
    printer: &Printer,
) -> Result<Report, Error> {
    let log = Log::of(&arguments, printer);
    let address = arguments.admin.admin.clone();
    let (plan, used) = plan::plan(arguments, variables, clock)?;
    // With a runtime of its own, which cannot be made inside of another one.
    let admin = address.as_ref().map(Admin::bind).transpose()?;
    block_on(run_until_stopped(plan, &used, admin, log, printer))?
}

async fn run_until_stopped(
    plan: BridgePlan,
    used: &Used,
    admin: Option<Admin>,
    log: Log,
    printer: &Printer,
) -> Result<Report, Error> {
    // Before there is a socket that a signal could leave behind.
    let mut signals = Signals::listen().map_err(Error::Runtime)?;
    let upstream = plan.upstream.address().clone();
    let clock = plan.clock;
    let bridge = Bridge::bind(plan).await?;
    let address = bridge.address().map_err(Error::Runtime)?;
    printer.start_log(log.format, log.level).map_err(Error::Runtime)?;
    let systemd = Notifier::of_environment();
    info!(listen = %address, upstream = %upstream, "bridge is up");
    tell_all(used);
    systemd.status(&format!("listening on `{address}`, calls go to `{upstream}`")).await;
    // Until the last call has ended.
    let _admin = admin.map(|admin| admin::serve(admin, &bridge, clock, printer)).transpose()?;
    let drained = tokio::select! {
        drained = serve::serve(bridge, &mut signals, &systemd) => drained?,
        words = printer.panicked() => return Err(Error::Panicked { words }),
    };
    info!("stopped");
    Ok(render::bridge::report(&address, drained))
}

/// How to log.
#[derive(Clone, Copy)]
struct Log {
    format: LogFormat,
    level: Level,
}

impl Log {
    fn of(arguments: &cli::Bridge, printer: &Printer) -> Self {
        let level = if printer.is_quiet() { Level::WARN } else { Level::INFO };
        Self { format: arguments.operation.log_format, level: arguments.operation.log_level.unwrap_or(level) }
    }
}

/// Logs what is wrong with the files and does not keep the bridge from starting.
fn tell_all(used: &Used) {
    used.defects.iter().for_each(tell);
    used.keys.iter().flat_map(|key| audit::key_mode(key)).for_each(|exposed| tell(&exposed));
    let paths = used.files.iter().map(PathBuf::as_path);
    audit::replaceable(paths, &used.keys).iter().for_each(tell);
}

fn tell(finding: &Finding) {
    let (subject, id, hint) = (&finding.subject, finding.id, &finding.hint);
    match finding.severity {
        Severity::Info => info!(subject, %id, hint, "{}", finding.message),
        Severity::Warning | Severity::Error => warn!(subject, %id, hint, "{}", finding.message),
    }
}

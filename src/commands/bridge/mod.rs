mod activation;
mod admin;
mod callers;
mod confine;
mod notify;
mod plan;
mod serve;
mod state_line;

use tracing::{Level, info, warn};

pub use self::activation::ActivationError;
pub use self::callers::CallersError;
use self::confine::Confined;
use self::notify::Notifier;
use self::plan::Used;
use self::state_line::StateLine;
use super::signals::Signals;
use super::{Clock, Error, block_on};
use crate::admin::Admin;
use crate::bridge::{Bridge, BridgePlan, Shortage};
use crate::cli::{self, Variables};
use crate::net::Inherited;
use crate::render::{self, LogFormat, Printer};
use crate::report::{Finding, Report, Severity};
use crate::sandbox::Needs;

pub(super) fn run(
    arguments: cli::Bridge,
    variables: &Variables,
    clock: Clock,
    printer: &Printer,
) -> Result<Report, Error> {
    let log = Log::of(&arguments, printer);
    let has_sandbox = !arguments.operation.no_sandbox;
    let address = arguments.admin.admin.clone();
    let (plan, used) = plan::plan(arguments, variables, clock)?;
    let mut sockets = activation::sockets()?;
    let needs = has_sandbox.then(|| confine::needs(&plan, &used, address.as_ref()));
    // With a runtime of its own, which cannot be made inside of another one.
    let admin = address.as_ref().map(|address| Admin::bind_with(address, &mut sockets)).transpose()?;
    block_on(run_until_stopped(plan, &used, (sockets, admin), needs, log, printer))?
}

async fn run_until_stopped(
    plan: BridgePlan,
    used: &Used,
    (mut sockets, admin): (Vec<Inherited>, Option<Admin>),
    needs: Option<Needs>,
    log: Log,
    printer: &Printer,
) -> Result<Report, Error> {
    // Before there is a socket that a signal could leave behind.
    let mut signals = Signals::listen().map_err(Error::Runtime)?;
    let upstream = plan.upstream.address().clone();
    let clock = plan.clock;
    activation::refuse_others(&sockets, &[&plan.listen]).await?;
    let bridge = Bridge::bind_with(plan, &mut sockets).await?;
    let address = bridge.address().map_err(Error::Runtime)?;
    let systemd = Notifier::of_environment();
    let findings = used.findings();
    // Every file has been read and every socket made. The threads of the log and of the resolver come after this.
    let confined = match needs {
        Some(needs) => Some(confine::confine(needs).await),
        None => None,
    };
    printer.start_log(log.format, log.level).map_err(Error::Runtime)?;
    info!(listen = %address, upstream = %upstream, "bridge is up");
    systemd.tell();
    confined.iter().for_each(Confined::tell);
    findings.iter().for_each(tell);
    bridge.shortage().iter().for_each(tell_shortage);
    let state = StateLine::of(&bridge, &upstream, clock);
    // Until the last call has ended.
    let _admin = admin.map(|admin| admin::serve(admin, &bridge, clock, printer)).transpose()?;
    let drained = tokio::select! {
        drained = serve::serve(bridge, state, &mut signals, &systemd) => drained?,
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
fn tell(finding: &Finding) {
    let (subject, id, hint) = (&finding.subject, finding.id, &finding.hint);
    match finding.severity {
        Severity::Info => info!(subject, %id, hint, "{}", finding.message),
        Severity::Warning | Severity::Error => warn!(subject, %id, hint, "{}", finding.message),
    }
}

/// Logs that the process may have too few files open.
fn tell_shortage(shortage: &Shortage) {
    let Shortage { connections, planned, descriptors, enough } = shortage;
    let hint = format!(
        "`LimitNOFILE={enough}` in the systemd unit, or `ulimit -n {enough}` before the start, is enough for all; `--max-connections {connections}` asks for no more than there can be"
    );
    warn!(
        hint,
        "at most {connections} connections are served, not the {planned} of `--max-connections`: the process may have only {descriptors} files open"
    );
}

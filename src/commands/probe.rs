mod managers;
pub(super) mod native;
mod watch;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::interval_at;

use self::managers::Managed;
use super::config::ConfigError;
use super::material::Files as _;
use super::signals::Signals;
use super::{Alone, Clock, Error, block_on, lists};
use crate::cli::{self, Variables};
use crate::gateway::releases::Fact;
use crate::gateway::{Peer, Release};
use crate::net::{Address, Alpn, ClientTls, Placement, Target, Transport};
use crate::pki::{Anchors, Certificate, Identity, IdentityError, Role};
use crate::probe::{Calls, News, ProbePlan, Speaker, TargetOutcome, WaitFor, enough_for_a_probe, probe};
use crate::render::probe::Progress;
use crate::render::{self, Live, Printer};
use crate::report::{Finding, FindingId};
use crate::units::Span;

pub(super) fn run(
    arguments: cli::Probe,
    variables: &Variables,
    clock: Clock,
    printer: &Printer,
) -> Result<ExitCode, Error> {
    let skipped = arguments.omitted.findings()?;
    let configured = managers::configured(&arguments, clock())?;
    let placements = arguments.resolve.clone();
    let verbose = arguments.verbose;
    let interval = arguments.watch.then_some(arguments.interval);
    let mut planned = planned(arguments, variables, configured, &skipped)?;
    place(&mut planned.plans, &planned.untried, &placements, variables)?;
    if let Some(interval) = interval {
        return watch::run(planned, interval, &skipped, clock, printer);
    }
    let Planned { plans, untried, managers } = planned;
    let mut outcomes = block_on(outcomes(plans, clock, printer))??;
    // In their order, each goes to where it was typed.
    for (index, outcome) in untried {
        outcomes.insert(index, outcome);
    }
    for (outcome, manager) in outcomes.iter_mut().zip(managers) {
        manager.complete(outcome);
    }
    // What was found without a connection.
    for outcome in &mut outcomes {
        outcome.skip(&skipped);
    }
    Ok(printer.report(&render::probe::report(outcomes, verbose)))
}

/// Probes what is planned, and shows what is going on.
async fn outcomes(
    mut plans: Vec<ProbePlan>,
    clock: Clock,
    printer: &Printer,
) -> Result<Vec<TargetOutcome>, Error> {
    let (sender, mut news) = unbounded_channel();
    let mut live = printer.live();
    for plan in &mut plans {
        plan.news = Some(sender.clone()).filter(|_| live.is_some() || plan.wait.is_some());
    }
    drop(sender);
    let mut progress = Progress::new(plans.iter().map(|plan| plan.targets.len()).sum());
    // A program that reads the result gets one, also if it sends a signal while we wait.
    let mut signals = Signals::listen().map_err(Error::Runtime)?;
    enough_for_a_probe()?;
    let mut probing = pin!(each(plans, clock));
    let mut last = None;
    // What is over soon needs no line.
    let mut looks = interval_at((Instant::now() + BETWEEN_LOOKS).into(), BETWEEN_LOOKS);
    loop {
        tokio::select! {
            biased;
            Some(news) = news.recv() => {
                progress.note(&news, Instant::now());
                if let News::Waiting(waiting) = news {
                    live.as_mut().map(Live::erase);
                    printer.progress(&render::probe::waiting_line(&waiting));
                    last = Some(waiting.cause);
                }
            }
            outcomes = &mut probing => return Ok(outcomes),
            _ = looks.tick(), if live.is_some() => {
                let line = progress.line(Instant::now());
                live.iter_mut().zip(line).for_each(|(live, line)| live.show(&line));
            }
            _ = signals.next() => return Err(interrupted(last)),
        }
    }
}

/// What is to be probed.
struct Planned {
    plans: Vec<ProbePlan>,
    /// What became of the targets that cannot be tried, with their places among all.
    untried: Vec<(usize, TargetOutcome)>,
    /// Whose targets they are, if that is known.
    managers: Vec<Managed>,
}

fn planned(
    arguments: cli::Probe,
    variables: &Variables,
    configured: Option<Vec<Peer>>,
    skipped: &[FindingId],
) -> Result<Planned, Error> {
    let (plan, untried) = plan(arguments, variables, skipped)?;
    let Some(peers) = configured else {
        return Ok(Planned { plans: vec![plan], untried, managers: Vec::new() });
    };
    let mut planned = Planned { plans: Vec::new(), untried, managers: Vec::new() };
    for (index, peer) in peers.into_iter().enumerate() {
        let (managed, result) = managers::one(peer, &plan)?;
        planned.managers.push(managed);
        match result {
            Ok(plan) => planned.plans.push(plan),
            Err(outcome) => planned.untried.push((index, *outcome)),
        }
    }
    Ok(planned)
}

/// Puts hosts where the user says that they are. A variable may be about targets of other calls.
fn place(
    plans: &mut [ProbePlan],
    untried: &[(usize, TargetOutcome)],
    placements: &[Placement],
    variables: &Variables,
) -> Result<(), Error> {
    let targets = plans.iter().flat_map(|plan| &plan.targets).map(Target::address);
    let all: Vec<_> = targets.chain(untried.iter().map(|(_, outcome)| &outcome.address)).collect();
    let is_needed = |placement: &&Placement| all.iter().any(|address| placement.is_of(address));
    match placements.iter().find(|placement| !is_needed(placement)) {
        Some(placement) if !variables.set("--resolve") => {
            return Err(Error::NotATarget { host: placement.name().to_owned() });
        }
        _ => {}
    }
    for target in plans.iter_mut().flat_map(|plan| &mut plan.targets) {
        *target = target.clone().placed(placements);
    }
    Ok(())
}

/// Probes the targets of all plans at once.
async fn each(plans: Vec<ProbePlan>, clock: Clock) -> Vec<TargetOutcome> {
    let mut running = JoinSet::new();
    for (index, plan) in plans.into_iter().enumerate() {
        running.spawn(async move { (index, probe(plan, clock).await) });
    }
    let mut outcomes = running.join_all().await;
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().flat_map(|(_, outcomes)| outcomes).collect()
}

fn plan(
    mut arguments: cli::Probe,
    variables: &Variables,
    skipped: &[FindingId],
) -> Result<(ProbePlan, Vec<(usize, TargetOutcome)>), Error> {
    lists::refuse_split_socket(&arguments.addresses)?;
    if let Some(path) = &arguments.targets_file {
        arguments.addresses.extend(lists::targets(path)?);
    }
    let mut calls = calls(&arguments.calls)?;
    refuse_contradictions(&arguments, variables)?;
    let release: Release = arguments.eg_version.parse().map_err(ConfigError::from)?;
    calls.http_status_counts = !release.has(Fact::GrpcStatusAlone);
    let wants_tls = arguments.addresses.iter().any(is_tls);
    let (tls, missing) = match wants_tls.then(|| tls(&arguments.material)).transpose() {
        Ok(tls) => (tls, None),
        Err(missing) if missing.is_typed_wrong() || arguments.addresses.iter().all(is_tls) => {
            return Err(missing.error);
        }
        // The other targets can be probed all the same.
        Err(missing) => (None, Some(missing)),
    };
    let (tls, own) = tls.unzip();
    // The verdict is then that of EG.
    let tls = tls.map(|tls| Arc::new(if arguments.no_gateway { tls } else { tls.accepting_as_gateway() }));
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
        calls,
        own: own.flatten(),
        directory: arguments.material.directory().to_owned(),
        searched: arguments.material.is_searched(),
        speaker: Speaker::Probe,
        spoke_tls: false,
        judges_own: true,
        within: arguments.within,
        gateway: (!arguments.no_gateway).then(|| release.without_connection()),
        policy: !arguments.omitted.no_policy,
        expects_plaintext: arguments.expect_plaintext,
        timeout: arguments.timeout.duration(),
        wait: arguments.wait.map(Span::duration).filter(|wait| !wait.is_zero()),
        skip: skipped.to_vec(),
        wait_for: WaitFor::Health,
        news: None,
    };
    Ok((plan, untried))
}

/// What was typed cannot all be meant.
fn refuse_contradictions(arguments: &cli::Probe, variables: &Variables) -> Result<(), Error> {
    if arguments.compat.is_some() {
        return Err(Error::Compat);
    }
    if arguments.timeout.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--timeout" });
    }
    refuse_for_watch(arguments, variables)?;
    if let Some(address) = arguments.addresses.iter().find(|address| is_tls(address))
        && arguments.expect_plaintext
        && !variables.set("--expect-plaintext")
    {
        return Err(Error::ExpectPlaintext { address: address.clone() });
    }
    let wants_tls = arguments.addresses.iter().any(is_tls);
    if let (false, [address, ..], Some(flag)) =
        (wants_tls, &*arguments.addresses, arguments.material.typed(variables))
    {
        return Err(Error::MaterialWithoutTls { flag, address: address.clone() });
    }
    Ok(())
}

/// What makes no sense where each change is told.
fn refuse_for_watch(arguments: &cli::Probe, variables: &Variables) -> Result<(), Error> {
    if !arguments.watch {
        return Ok(());
    }
    if arguments.interval.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--interval" });
    }
    let others = [("--wait", arguments.wait.is_some()), ("--verbose", arguments.verbose)];
    // A variable may be for other calls.
    match others.iter().find(|(flag, is_set)| *is_set && !variables.set(flag)) {
        Some((flag, _)) => Err(Error::WatchAnd { flag }),
        None => Ok(()),
    }
}

fn is_tls(address: &Address) -> bool {
    address.transport() == Transport::Tls
}

fn calls(flags: &cli::CallFlags) -> Result<Calls, Error> {
    if flags.max_message_size.octets() == 0 {
        return Err(Error::ZeroLimit { flag: "--max-message-size" });
    }
    let whole = Calls::default();
    let longest = usize::try_from(flags.max_message_size.octets()).unwrap_or(usize::MAX);
    let mut services = if flags.service.is_empty() { whole.services.clone() } else { flags.service.clone() };
    // Each is asked for once, as each target is.
    let mut seen = HashSet::new();
    services.retain(|service| seen.insert(service.clone()));
    Ok(Calls { services, metadata: lists::metadata(flags)?, longest, ..whole })
}

/// What TLS needs and does not have.
pub(super) struct Unusable {
    pub(super) id: FindingId,
    pub(super) error: Error,
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

pub(super) fn tls(material: &cli::Material) -> Result<(ClientTls, Option<Certificate>), Box<Unusable>> {
    let of_typed =
        |error: Alone| Box::new(Unusable { id: FindingId::ProbeClientCertUnreadable, error: error.into() });
    tls_of_files(&material.ca_file(), material.pair_if_present(Role::Client).map_err(of_typed)?)
}

/// With the CA certificates in `ca`, and with certificate and key in `pair`.
pub(super) fn tls_of_files(
    ca: &Path,
    pair: Option<(PathBuf, PathBuf)>,
) -> Result<(ClientTls, Option<Certificate>), Box<Unusable>> {
    let of_ca = |error| Box::new(Unusable { id: FindingId::ProbeCaUnusable, error });
    let of_client = |error: Error| {
        let id = match &error {
            Error::Identity(IdentityError::KeyMismatch { .. }) => FindingId::ProbeClientCertKeyMismatch,
            _ => FindingId::ProbeClientCertUnreadable,
        };
        Box::new(Unusable { id, error })
    };
    let anchors = Anchors::load(ca).map_err(|error| of_ca(error.into()))?;
    let identity = pair.map(|(certificate, key)| Identity::load(&certificate, &key)).transpose();
    let identity = identity.map_err(|error| of_client(error.into()))?;
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

/// Between two looks at what is going on.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{Level, info, warn};

use super::material::Files as _;
use super::signals::{Order, Signals};
use super::{Clock, Error, block_on};
use crate::bridge::{Bridge, BridgePlan, Died, Drained};
use crate::cli::{self, Variables};
use crate::net::{Address, Alpn, CallerLimits, ClientTls, Target, Transport, server_config};
use crate::pki::check::untimely;
use crate::pki::lifetime::CLOCK;
use crate::pki::{Identity, Role, audit};
use crate::render::{self, Printer};
use crate::report::{Finding, FindingId, Report, Severity};
use crate::shell::shell_path;

pub(super) fn run(
    arguments: cli::Bridge,
    variables: &Variables,
    clock: Clock,
    printer: &Printer,
) -> Result<Report, Error> {
    let level = if printer.is_quiet() { Level::WARN } else { Level::INFO };
    let (log_format, log_level) = (arguments.log_format, arguments.log_level.unwrap_or(level));
    let (plan, used) = plan(arguments, variables, clock)?;
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

/// The files that the bridge uses.
#[derive(Default)]
struct Used {
    /// All of them.
    files: Vec<PathBuf>,
    /// The private keys among them.
    keys: Vec<PathBuf>,
    /// Why peers will refuse the certificates.
    defects: Vec<Finding>,
}

impl Used {
    fn pair(&mut self, material: &cli::Material, role: Role) -> Result<(), Error> {
        let (certificate, key) = material.pair(role)?;
        self.files.extend([material.ca_file(), certificate, key.clone()]);
        self.keys.push(key);
        Ok(())
    }

    /// A bridge whose certificate every peer rejects answers no call, and no peer says why.
    fn judge(&mut self, identity: &Identity, role: Role, now: OffsetDateTime) {
        let (leaf, path) = (identity.leaf(), identity.certificate_path());
        let show = format!("`egext certs show {}` says more", shell_path(path));
        self.defects.extend(untimely(path, leaf, now).map(|finding| match finding.id {
            FindingId::CertsNotYetValid => finding.with_hint(CLOCK),
            _ => finding.with_hint(format!("renew it and restart the bridge; {show}")),
        }));
        let own = format!("name the {role}'s own certificate; {show}");
        let mut misuse = audit::usage(&path.display().to_string(), leaf, role).into_iter();
        let misuse = misuse.find(|finding| finding.severity == Severity::Error);
        self.defects.extend(misuse.map(|finding| finding.with_hint(own)));
    }
}

/// Decides which side has TLS and with which files.
fn plan(arguments: cli::Bridge, variables: &Variables, clock: Clock) -> Result<(BridgePlan, Used), Error> {
    let mut used = Used::default();
    let material = &arguments.material;
    let tls = |address: &Address| address.transport() == Transport::Tls;
    if arguments.connect_wait.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--connect-wait" });
    }
    if arguments.listen == arguments.upstream {
        return Err(Error::BridgeToItself { address: arguments.listen });
    }
    let has_tls = tls(&arguments.listen) || tls(&arguments.upstream);
    if let Some(flag) = material.typed(variables).filter(|_| !has_tls) {
        return Err(Error::MaterialWithoutTls { flag, address: arguments.upstream });
    }
    if tls(&arguments.listen) && tls(&arguments.upstream) && material.cert.is_some() {
        return Err(Error::AmbiguousCertificate);
    }
    let server = match tls(&arguments.listen) {
        true => {
            used.pair(material, Role::Server)?;
            let identity = material.identity(Role::Server)?;
            used.judge(&identity, Role::Server, clock());
            Some(server_config(&material.anchors()?, &identity)?)
        }
        false => None,
    };
    let (client, own) = match tls(&arguments.upstream) {
        true => {
            let identity = material.identity_if_present(Role::Client)?;
            match &identity {
                Some(identity) => {
                    used.pair(material, Role::Client)?;
                    used.judge(identity, Role::Client, clock());
                }
                None => used.files.push(material.ca_file()),
            }
            let client = ClientTls::new(&material.anchors()?, identity.as_ref())?;
            (Some(Arc::new(client)), identity.map(|identity| identity.leaf().clone()))
        }
        false => (None, None),
    };
    let name = arguments.server_name.as_ref();
    let name = name.filter(|_| client.is_some() || !variables.set("--server-name"));
    let upstream = Target::new(arguments.upstream, client, name, Alpn::Preferred)?;
    let plan = BridgePlan {
        listen: arguments.listen,
        server,
        upstream,
        own,
        directory: arguments.material.directory().to_owned(),
        searched: arguments.material.is_searched(),
        connect_wait: arguments.connect_wait.duration(),
        call_timeout: Some(arguments.call_timeout.duration()).filter(|limit| !limit.is_zero()),
        drain_timeout: arguments.drain_timeout.duration(),
        callers: CallerLimits::default(),
        clock,
    };
    Ok((plan, used))
}

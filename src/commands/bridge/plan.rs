//! From flags to a plan: which side has TLS, and with which files.

use std::path::PathBuf;
use std::{fs, io};

use super::callers;
use crate::bridge::{BridgePlan, Credentials, ResyncPlan};
use crate::cli::{self, Variables};
use crate::commands::material::Files as _;
use crate::commands::{Clock, Error};
use crate::net::{Address, Alpn, Target, Transport};
use crate::pki::{Role, Sources, audit};
use crate::report::Finding;

/// The files that the bridge uses.
#[derive(Default)]
pub(super) struct Used {
    /// All of them.
    pub(super) files: Vec<PathBuf>,
    /// The private keys among them.
    pub(super) keys: Vec<PathBuf>,
    /// Why peers will refuse the certificates.
    pub(super) defects: Vec<Finding>,
}

impl Used {
    /// What is wrong with the files and does not keep the bridge from starting.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let exposed = self.keys.iter().flat_map(|key| audit::key_mode(key));
        let mut findings = self.defects.iter().cloned().chain(exposed).collect::<Vec<_>>();
        findings.extend(audit::replaceable(self.files.iter().map(PathBuf::as_path), &self.keys));
        findings
    }

    fn pair(&mut self, (certificate, key): (PathBuf, PathBuf)) {
        self.files.extend([certificate, key.clone()]);
        self.keys.push(key);
    }
}

/// The admin server has no TLS, and an address of its own.
fn refuse_admin(address: &Address, arguments: &cli::Bridge) -> Result<(), Error> {
    if address.transport() == Transport::Tls {
        return Err(Error::AdminTls { address: address.clone() });
    }
    let others = [("--listen", &arguments.listen), ("--upstream", &arguments.upstream)];
    match others.into_iter().find(|(_, other)| *other == address) {
        Some((flag, _)) => Err(Error::AdminTwice { flag, address: address.clone() }),
        None => Ok(()),
    }
}

/// `--cert` does not say which side it is for. Variables are not typed for this command, so they count as unset then.
fn refuse_one_pair_for_two(arguments: &mut cli::Bridge, variables: &Variables) -> Result<(), Error> {
    let sides = [&arguments.listen, &arguments.upstream];
    if sides.iter().any(|address| address.transport() != Transport::Tls) {
        return Ok(());
    }
    let material = &mut arguments.material;
    for (flag, file) in [("--cert", &mut material.cert), ("--key", &mut material.key)] {
        if file.take().is_some() && !variables.set(flag) {
            return Err(Error::AmbiguousCertificate);
        }
    }
    Ok(())
}

/// A name that is mistyped would be noticed after an outage only, when Envoy Gateway is not made to ask again. Whether the
/// directory can be written to may change later, and is for the log.
fn directories(directories: &[PathBuf]) -> Result<(), Error> {
    for path in directories {
        let source = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_dir() => io::ErrorKind::NotADirectory.into(),
            Err(error) if ABSENT.contains(&error.kind()) => error,
            Ok(_) | Err(_) => continue,
        };
        return Err(Error::ResyncDirectory { path: path.clone(), source });
    }
    Ok(())
}

const ABSENT: &[io::ErrorKind] = &[io::ErrorKind::NotADirectory, io::ErrorKind::NotFound];

/// Decides which side has TLS and with which files.
pub(super) fn plan(
    mut arguments: cli::Bridge,
    variables: &Variables,
    clock: Clock,
) -> Result<(BridgePlan, Used), Error> {
    let mut used = Used::default();
    refuse_one_pair_for_two(&mut arguments, variables)?;
    let material = &arguments.material;
    let tls = |address: &Address| address.transport() == Transport::Tls;
    let calls = &arguments.calls;
    if calls.connect_wait.duration().is_some_and(|wait| wait.is_zero()) {
        return Err(Error::ZeroLimit { flag: "--connect-wait" });
    }
    if arguments.listen == arguments.upstream {
        return Err(Error::BridgeToItself { address: arguments.listen });
    }
    if let Some(address) = &arguments.admin.admin {
        refuse_admin(address, &arguments)?;
    }
    let has_tls = tls(&arguments.listen) || tls(&arguments.upstream);
    if let Some(flag) = material.typed(variables).filter(|_| !has_tls) {
        return Err(Error::MaterialWithoutTls { flag, address: arguments.upstream });
    }
    directories(&arguments.resync.resync)?;
    callers::check(&arguments.callers, &arguments.listen, variables)?;
    if !arguments.crl.is_empty() && !has_tls && !variables.set("--crl") {
        return Err(Error::MaterialWithoutTls { flag: "--crl", address: arguments.upstream });
    }
    let mut pairs = Vec::new();
    if has_tls {
        used.files.push(material.ca_file());
    }
    if tls(&arguments.listen) {
        used.pair(material.pair(Role::Server)?);
        pairs.push(material.pair_files(Role::Server, true)?);
    }
    if tls(&arguments.upstream) {
        if let Some(pair) = material.pair_if_present(Role::Client)? {
            used.pair(pair);
        }
        pairs.push(material.pair_files(Role::Client, false)?);
    }
    used.files.extend_from_slice(&arguments.crl);
    let sources = Sources::new(material.ca_file(), arguments.crl.clone(), pairs);
    let credentials = if has_tls {
        Some(Credentials::load(sources, arguments.callers.permitted(), clock())?)
    } else {
        None
    };
    used.defects = credentials.iter().flat_map(Credentials::findings).cloned().collect();
    let server = credentials.as_ref().map(Credentials::server).transpose()?.flatten();
    let with_client = credentials.as_ref().filter(|_| tls(&arguments.upstream));
    let client = with_client.map(Credentials::client).transpose()?;
    let own = with_client.and_then(Credentials::own).cloned();
    let name = arguments.server_name.as_ref();
    let name = name.filter(|_| client.is_some() || !variables.set("--server-name"));
    let upstream = Target::new(arguments.upstream, client, name, Alpn::Preferred)?;
    let socket = callers::access(&arguments.callers, &arguments.listen)?;
    let plan = BridgePlan {
        socket,
        listen: arguments.listen,
        server,
        upstream,
        own,
        credentials,
        directory: arguments.material.directory().to_owned(),
        searched: arguments.material.is_searched(),
        connect_wait: arguments.calls.connect_wait.duration(),
        call_timeout: Some(arguments.calls.call_timeout.duration()).filter(|limit| !limit.is_zero()),
        drain_timeout: arguments.operation.drain_timeout.duration(),
        resync: ResyncPlan { directories: arguments.resync.resync },
        callers: arguments.limits.of_callers(),
        keepalive: arguments.limits.keepalive(),
        clock,
    };
    Ok((plan, used))
}

//! From flags to a plan: which side has TLS, and with which files.

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::bridge::BridgePlan;
use crate::cli::{self, Variables};
use crate::commands::material::Files as _;
use crate::commands::{Clock, Error};
use crate::net::{Address, Alpn, CallerLimits, ClientTls, Target, Transport, server_config};
use crate::pki::check::untimely;
use crate::pki::lifetime::CLOCK;
use crate::pki::{Identity, Role, audit};
use crate::report::{Finding, FindingId, Severity};
use crate::shell::shell_path;

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
pub(super) fn plan(
    arguments: cli::Bridge,
    variables: &Variables,
    clock: Clock,
) -> Result<(BridgePlan, Used), Error> {
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
        drain_timeout: arguments.operation.drain_timeout.duration(),
        callers: CallerLimits::default(),
        clock,
    };
    Ok((plan, used))
}

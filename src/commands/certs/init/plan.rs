//! What the flags ask for, and the set that they make.

use std::path::PathBuf;

use time::OffsetDateTime;

use crate::cli::CertsInit;
use crate::commands::both::{Alone, both};
use crate::commands::certs::{CertsError, each_once};
use crate::pki::authority::Authority;
use crate::pki::check::WantedSet;
use crate::pki::issue::{self, CaKey, CertificateSet, SetPlan, issue_set, issue_set_permitted};
use crate::pki::store::Contents;
use crate::pki::{NameError, Role, SubjectName, ca_files, is_network, parse_common_name};
use crate::shell::dir_flag;
use crate::units::Span;

/// What is in the directory already, and what becomes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum There {
    /// It is replaced.
    Goes,
    Nothing,
    Stays,
}

/// What `egext certs init` was asked to do.
#[derive(Debug)]
pub(super) struct InitPlan {
    pub(super) directory: PathBuf,
    pub(super) set: SetPlan,
    pub(super) signer: CaSource,
    /// What was typed, against which an existing set is held.
    pub(super) wanted: WantedSet,
    force: bool,
    pub(super) dry_run: bool,
}

/// Where the CA comes from.
#[derive(Debug)]
pub(super) enum CaSource {
    /// The user named it.
    Files { certificate: PathBuf, key: PathBuf, passphrase: Option<PathBuf> },
    /// It is made.
    New { key: NewKey },
}

/// What becomes of a new CA's key.
#[derive(Debug)]
pub(super) enum NewKey {
    Discarded,
    Encrypted { passphrase: PathBuf },
    Plain,
}

/// A set that was just made.
pub(super) struct MadeSet {
    pub(super) set: CertificateSet,
    /// The CA that the user named.
    pub(super) authority: Option<Authority>,
    /// The names for a server's own machine are not among its names, since the CA does not permit them.
    pub(super) without_local_names: bool,
}

impl InitPlan {
    pub(super) fn there(&self, contents: Contents) -> Result<There, CertsError> {
        match contents {
            Contents::Nothing => Ok(There::Nothing),
            contents if self.force && !contents.is_one_side() => Ok(There::Goes),
            contents => Ok(contents.refuse_parts(&self.directory).map(|()| There::Stays)?),
        }
    }

    /// No key of a CA may be left.
    pub(super) fn discards_ca_key(&self) -> bool {
        matches!(self.signer, CaSource::New { key: NewKey::Discarded })
    }

    pub(super) fn make(&self, now: OffsetDateTime) -> Result<MadeSet, CertsError> {
        if now.year() < FIRST_YEAR {
            return Err(CertsError::Clock { now });
        }
        let new = |ca_key| {
            let set = issue_set(&SetPlan { ca_key, ..self.set.clone() }, now)?;
            Ok(MadeSet { set, authority: None, without_local_names: false })
        };
        match &self.signer {
            CaSource::New { key: NewKey::Discarded } => new(CaKey::Discarded),
            CaSource::New { key: NewKey::Encrypted { passphrase } } => {
                new(CaKey::Encrypted(ca_files::read_passphrase(passphrase)?))
            }
            CaSource::New { key: NewKey::Plain } => new(CaKey::Plain),
            CaSource::Files { certificate, key, passphrase } => {
                let authority = ca_files::load(certificate, key, passphrase.as_deref(), now)?;
                let (set, without_local_names) =
                    issue_set_permitted(&authority, &self.set, &self.wanted.names, now)?;
                Ok(MadeSet { set, authority: Some(authority), without_local_names })
            }
        }
    }

    /// What to type next, once the server runs.
    pub(super) fn probe(&self) -> String {
        let askable = |name: &&SubjectName| match name {
            SubjectName::Dns(name) => !name.starts_with('*'),
            SubjectName::Ip(_) => true,
            SubjectName::Email(_) | SubjectName::Other(_) | SubjectName::Uri(_) => false,
        };
        let host = match self.wanted.names.iter().find(askable) {
            Some(SubjectName::Ip(address)) if address.is_ipv6() => format!("[{address}]"),
            Some(host) => host.to_string(),
            None => "localhost".to_owned(),
        };
        let material = dir_flag(&self.directory);
        // A bridge is what most have in between; `probe` without the flag also asks what EG itself would make of it.
        format!("egext probe {host}:5005 --no-gateway{material}")
    }
}

impl TryFrom<CertsInit> for InitPlan {
    type Error = CertsError;

    fn try_from(arguments: CertsInit) -> Result<Self, CertsError> {
        if let Some(path) = arguments.names.iter().find(|name| is_path(name)) {
            return Err(CertsError::PathAsName { path: path.clone() });
        }
        let mut names = each_once(arguments.names.iter().chain(&arguments.san), name)?;
        if arguments.no_local_names && names.is_empty() {
            return Err(Alone { given: "--no-local-names", missing: "--san" }.into());
        }
        let mut set = SetPlan::default();
        set.server_names.clone_from(&names);
        if !arguments.no_local_names {
            let local = issue::local_names().into_iter().filter(|name| !names.contains(name));
            set.server_names.extend(local);
        }
        let mut client_names = each_once(&arguments.client_san, name)?;
        if !client_names.is_empty() {
            set.client_names.clone_from(&client_names);
        }
        for typed in &arguments.spiffe_id {
            match spiffe_id(typed)? {
                (Role::Client, id) => {
                    client_names.push(id.clone());
                    set.client_names.push(id);
                }
                (Role::Server, id) => {
                    names.push(id.clone());
                    set.server_names.push(id);
                }
            }
        }
        let common_name = |typed: &Option<String>| typed.as_deref().map(parse_common_name).transpose();
        let server_common_name = common_name(&arguments.server_common_name)?;
        let client_common_name = common_name(&arguments.client_common_name)?;
        set.server_name = server_common_name.clone().unwrap_or(set.server_name);
        set.client_name = client_common_name.clone().unwrap_or(set.client_name);
        let CertsInit { dir: directory, lifetime, ca_lifetime, key_type, force, dry_run, .. } = arguments;
        if arguments.discard_ca_key {
            (set.lifetime, set.ca_lifetime) = (DISCARDED_LIFETIME, DISCARDED_LIFETIME);
        }
        set.key_type = key_type.unwrap_or(set.key_type);
        set.lifetime = lifetime.unwrap_or(set.lifetime);
        set.ca_lifetime = ca_lifetime.unwrap_or(set.ca_lifetime);
        set.name_constraints = arguments.name_constraints;
        let passphrase = arguments.ca_key_passphrase_file;
        let brought = both(("--ca-cert", arguments.ca_cert), ("--ca-key", arguments.ca_key))?;
        let signer = match (brought, passphrase) {
            (Some((certificate, key)), passphrase) => CaSource::Files { certificate, key, passphrase },
            (None, Some(passphrase)) => CaSource::New { key: NewKey::Encrypted { passphrase } },
            _ if arguments.discard_ca_key => CaSource::New { key: NewKey::Discarded },
            _ => CaSource::New { key: NewKey::Plain },
        };
        let (no_local_names, name_constraints) = (arguments.no_local_names, arguments.name_constraints);
        let wanted = WantedSet {
            names,
            client_names,
            no_local_names,
            server_common_name,
            client_common_name,
            name_constraints,
            key_type,
            lifetime,
            ca_lifetime,
        };
        Ok(Self { directory, set, signer, wanted, force, dry_run })
    }
}

/// Other programs take a directory there.
fn is_path(typed: &str) -> bool {
    let is_other = typed.contains("://") || is_network(typed.trim());
    typed == "." || typed == ".." || typed.contains('/') && !is_other
}

fn name(typed: &str) -> Result<SubjectName, NameError> {
    typed.trim().parse()
}

fn spiffe_id(typed: &str) -> Result<(Role, SubjectName), NameError> {
    let (role, id) = match typed.trim().split_once('=') {
        Some(("server", id)) => (Role::Server, id),
        Some(("client", id)) => (Role::Client, id),
        _ => return Err(NameError::SpiffeSide { name: typed.to_owned() }),
    };
    Ok((role, SubjectName::spiffe(id)?))
}

/// Of this program. A machine without a battery begins in 1970, and what it makes then has expired when its clock is set.
const FIRST_YEAR: i32 = 2026;

/// Of CA and leaf certificates, when nothing can be renewed.
const DISCARDED_LIFETIME: Span = Span::from_days(1);

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use time::macros::datetime;

    use super::*;
    use crate::cli::{CertsCommand, Cli, Command};
    use crate::report::Hint as _;

    #[test]
    fn a_clock_that_was_never_set_is_refused() {
        let Command::Certs(certs) = Cli::parse_from(["egext", "certs", "init", "--dry-run"]).command else {
            panic!("that is `certs`");
        };
        let CertsCommand::Init(arguments) = certs.command else { panic!("that is `init`") };
        let plan = InitPlan::try_from(arguments).expect("no flag is wrong");
        let error = plan.make(datetime!(1970-02-01 0:00 UTC)).err().expect("refused");
        let words = "this machine's clock says 1 February 1970, which is before this program was written";
        assert_eq!(error.to_string(), words);
        assert_eq!(error.hint().expect("a hint"), crate::pki::lifetime::CLOCK);
        plan.make(datetime!(2026-01-01 0:00 UTC)).expect("made");
    }
}

use std::path::PathBuf;

use time::OffsetDateTime;

use super::CertsError;
use super::overview::{Outcome, Overview};
use crate::cli::CertsInit;
use crate::pki::authority::{self, CertificateSet, SetPlan, issue_set};
use crate::pki::check::{StoredSet, Wanted};
use crate::pki::store::{self, Contents, Store};
use crate::pki::{KeyType, Role, SET_FILES, SubjectName};
use crate::report::{Finding, Id, Report};

pub(super) fn run(arguments: CertsInit, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::try_from(arguments)?;
    if plan.keeps_what_is_there()? {
        return existing(&plan, now);
    }
    let replaces = store::contents(&plan.directory, &SET_FILES)? != Contents::Nothing;
    if plan.dry_run {
        store::refuse_foreign(&plan.directory, &SET_FILES)?;
        let outcome = if replaces { Outcome::WouldReplace } else { Outcome::WouldCreate };
        return Ok(issued(&plan, &issue_set(&plan.set, now)?, outcome, now));
    }
    let store = Store::open(&plan.directory, &SET_FILES)?;
    // Another run may have been faster, before the lock was ours.
    if plan.keeps_what_is_there()? {
        return existing(&plan, now);
    }
    let set = issue_set(&plan.set, now)?;
    store.write(&set.files())?;
    Ok(issued(&plan, &set, if replaces { Outcome::Replaced } else { Outcome::Created }, now))
}

/// What `egext certs init` shall do.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    set: SetPlan,
    /// What was typed, against which an existing set is held.
    wanted: Wanted,
    force: bool,
    dry_run: bool,
}

impl Plan {
    /// Is there a set, and does it stay?
    fn keeps_what_is_there(&self) -> Result<bool, CertsError> {
        if self.force {
            return Ok(false);
        }
        match store::contents(&self.directory, &SET_FILES)? {
            Contents::Complete => Ok(true),
            Contents::Nothing => Ok(false),
            Contents::Partial { foreign, missing } => {
                Err(CertsError::HalfSet { directory: self.directory.clone(), foreign, missing })
            }
        }
    }

    /// What to type next, once the server runs.
    fn probe(&self) -> String {
        let typed = self.wanted.names.iter().map(ToString::to_string).find(|name| !name.starts_with('*'));
        let host = match typed {
            Some(address) if address.contains(':') => format!("[{address}]"),
            Some(host) => host,
            None => "localhost".to_owned(),
        };
        let directory = self.directory.display().to_string();
        let material = match directory.as_str() {
            "certs" => String::new(),
            plain if plain.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"/._-".contains(&octet)) => {
                format!(" --dir {plain}")
            }
            quoted => format!(" --dir '{}'", quoted.replace('\'', r"'\''")),
        };
        format!("egext probe {host}:5005{material}")
    }
}

impl TryFrom<CertsInit> for Plan {
    type Error = CertsError;

    fn try_from(arguments: CertsInit) -> Result<Self, CertsError> {
        let mut names = Vec::new();
        for name in &arguments.san {
            let name = name.trim().parse::<SubjectName>()?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let CertsInit { dir: directory, lifetime, ca_lifetime, key_type, force, dry_run, .. } = arguments;
        let mut set = SetPlan::default();
        let local = authority::local_names().into_iter().filter(|name| !names.contains(name));
        set.server_names = names.iter().cloned().chain(local).collect();
        set.key_type = key_type.unwrap_or(set.key_type);
        set.lifetime = lifetime.unwrap_or(set.lifetime);
        set.ca_lifetime = ca_lifetime.unwrap_or(set.ca_lifetime);
        let wanted = Wanted { names, key_type, lifetime, ca_lifetime };
        Ok(Self { directory, set, wanted, force, dry_run })
    }
}

/// Reports on a set that stays as it is.
fn existing(plan: &Plan, now: OffsetDateTime) -> Result<Report, CertsError> {
    let set = StoredSet::load(&plan.directory)?;
    let mut overview = Overview::new(Outcome::Unchanged, &plan.directory);
    overview.certificates([set.ca.leaf(), set.server.leaf(), set.client.leaf()], now);
    overview.files();
    for finding in set.findings(now).into_iter().chain(set.differences(&plan.wanted)) {
        overview.finding(finding);
    }
    Ok(overview.finish(&plan.probe()))
}

/// Reports on a set that was just made, or would have been.
fn issued(plan: &Plan, set: &CertificateSet, outcome: Outcome, now: OffsetDateTime) -> Report {
    let mut overview = Overview::new(outcome, &plan.directory);
    overview.certificates([set.ca.summary(), set.server.summary(), set.client.summary()], now);
    overview.files();
    if plan.set.lifetime > plan.set.ca_lifetime {
        let SetPlan { lifetime, ca_lifetime, .. } = plan.set;
        overview.note(&format!(
            "no certificate outlives its CA, so {lifetime} became {ca_lifetime} (`--ca-lifetime`)"
        ));
    }
    if plan.set.key_type == KeyType::Ed25519 {
        let subject = plan.directory.join(Role::Server.certificate_file()).display().to_string();
        let message = "Envoy and some other TLS stacks refuse Ed25519 certificates";
        overview.finding(Finding::new(Id::CertsEd25519, subject, message).with_hint("use `--key-type p256`"));
    }
    if outcome == Outcome::Replaced {
        let previous = store::previous(&plan.directory);
        overview
            .note(&format!("the set before stays in `{}` until the next one is made", previous.display()));
    }
    overview.finish(&plan.probe())
}

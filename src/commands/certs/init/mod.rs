mod plan;

use time::OffsetDateTime;

use super::overview::{Outcome, Overview, Signer};
use super::{CertsError, lines};
use crate::cli::CertsInit;
use crate::pki::ca_files;
use crate::pki::check::{StoredKey, StoredSet};
use crate::pki::edit::{Edit, create};
use crate::pki::member::{self, Member};
use crate::pki::remarks;
use crate::pki::rotation::Rotation;
use crate::pki::store::{self, Contents, Forget};
use crate::pki::{KeyType, Role, SET_FILES, SubjectName};
use crate::report::{Finding, FindingId, Report, enumeration};
use plan::{CaSource, InitPlan, Made, NewKey, There};

pub(super) fn run(arguments: CertsInit, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = InitPlan::try_from(arguments)?;
    // A set that stays is only read: its directory need not be writable.
    store::refuse_inside(&plan.directory)?;
    if plan.there(store::judge(&plan.directory)?)? == There::Stays {
        return existing(&plan, now);
    }
    let new = create(&plan.directory, &SET_FILES, plan.dry_run, |contents| act(&plan, contents, now))?;
    match new {
        Some(new) => Ok(made_report(&plan, &new, now)),
        // Another command has made one meanwhile.
        None => existing(&plan, now),
    }
}

/// A set that was just made, or would have been.
struct New {
    made: Made,
    outcome: Outcome,
    before: Before,
}

/// A new set. None if there is one that stays.
fn act(plan: &InitPlan, contents: Contents, now: OffsetDateTime) -> Result<Edit<Option<New>>, CertsError> {
    let outcome = match (plan.there(contents)?, plan.dry_run) {
        (There::Goes, true) => Outcome::WouldReplace,
        (There::Goes, false) => Outcome::Replaced,
        (There::Nothing, true) => Outcome::WouldCreate,
        (There::Nothing, false) => Outcome::Created,
        (There::Stays, _) => return Ok(Edit::none(None)),
    };
    let new = New { made: plan.make(now)?, outcome, before: Before::read(plan) };
    let forgets = if plan.discards_ca_key() { Forget::All } else { Forget::Nothing };
    Ok(Edit::new(new.made.set.files(), Some(new)).forgetting(forgets))
}

/// Reports on a set that stays as it is.
fn existing(plan: &InitPlan, now: OffsetDateTime) -> Result<Report, CertsError> {
    let set = StoredSet::load(&plan.directory)?;
    let signer = match set.ca_key {
        StoredKey::Absent => Signer::Elsewhere,
        StoredKey::Encrypted | StoredKey::Plain(_) => Signer::Here,
    };
    let mut overview = Overview::new(Outcome::Unchanged, &plan.directory, signer);
    overview.certificates([&set.ca, set.server.leaf(), set.client.leaf()], now);
    overview.files();
    for finding in set.findings(now).into_iter().chain(set.differences(&plan.wanted)) {
        overview.finding(finding);
    }
    if let Some(finding) = other_signer(plan, &set, now)? {
        overview.finding(finding);
    }
    overview.ignored_by_git(store::unignored(&plan.directory));
    Ok(overview.finish(&plan.probe()))
}

/// What was asked of the CA and its key, and is otherwise in the set.
fn other_signer(
    plan: &InitPlan,
    set: &StoredSet,
    now: OffsetDateTime,
) -> Result<Option<Finding>, CertsError> {
    Ok(match &plan.signer {
        CaSource::Files { certificate, key, passphrase } => {
            let authority = ca_files::load(certificate, key, passphrase.as_deref(), now)?;
            set.other_ca(&authority, &lines::ca_flags(certificate, key, passphrase.as_deref()))
        }
        CaSource::New { key: NewKey::Discarded } => set.kept_ca_key(),
        CaSource::New { key: NewKey::Encrypted { .. } } => set.plain_ca_key(),
        CaSource::New { key: NewKey::Plain } => None,
    })
}

/// What goes with the set that is replaced, and is not in every set.
#[derive(Debug, Default)]
struct Before {
    /// The names of its further certificates.
    further: Vec<String>,
    /// The CA, if its key is in the set and `egext` did not make it.
    foreign_key: Option<String>,
}

impl Before {
    /// A set that cannot be read is replaced, too.
    fn read(plan: &InitPlan) -> Self {
        let Ok(rotation) = Rotation::load(&plan.directory) else { return Self::default() };
        let names = rotation.members.iter().map(Member::name).filter(|name| !member::is_own(name));
        let further = names.map(|name| format!("`{name}`")).collect();
        Self { further, foreign_key: rotation.foreign_key().map(ToString::to_string) }
    }

    fn notes(&self, plan: &InitPlan, outcome: Outcome) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.further.is_empty() {
            let names = enumeration(&self.further);
            notes.push(format!(
                "the new set has no {names}: issue again what is still needed (`certs issue`)"
            ));
        }
        let key =
            self.foreign_key.as_ref().map(|ca| format!("the key of `{ca}`, which `egext` did not make,"));
        notes.extend(key.and_then(|key| match (outcome, plan.discards_ca_key()) {
            (Outcome::WouldReplace, true) => Some(format!("{key} would be removed, too")),
            (Outcome::WouldReplace, false) => Some(format!("{key} would be kept in `.egext`")),
            (_, true) => Some(format!("{key} was removed, too")),
            // Where it is kept is said as a finding.
            (_, false) => None,
        }));
        notes
    }
}

/// Reports on a set that was just made, or would have been.
fn made_report(plan: &InitPlan, new: &New, now: OffsetDateTime) -> Report {
    let New { made: new, outcome, before } = new;
    let outcome = *outcome;
    let signer = match (&plan.signer, &new.authority) {
        (_, Some(authority)) => Signer::Brought(authority.certificate().subject.to_string()),
        (CaSource::New { key: NewKey::Discarded }, _) => Signer::Discarded,
        _ => Signer::Here,
    };
    let mut overview = Overview::new(outcome, &plan.directory, signer);
    let set = &new.set;
    overview.certificates([set.ca.certificate(), set.server.certificate(), set.client.certificate()], now);
    overview.files();
    for note in notes(plan, new).into_iter().chain(before.notes(plan, outcome)) {
        overview.note(&note);
    }
    for finding in findings(plan, new) {
        overview.finding(finding);
    }
    if outcome == Outcome::Replaced {
        for finding in remarks::kept_ca_keys(&plan.directory) {
            overview.finding(finding);
        }
        let previous = store::previous(&plan.directory);
        let without = if plan.discards_ca_key() { ", without a CA's key" } else { "" };
        let note =
            format!("the set before stays in `{}` until the next one is made{without}", previous.display());
        overview.note(&note);
    }
    overview.ignored_by_git(store::unignored(&plan.directory));
    overview.finish(&plan.probe())
}

/// What is good to know about what was asked for.
fn notes(plan: &InitPlan, new: &Made) -> Vec<String> {
    let mut notes = Vec::new();
    match &plan.signer {
        CaSource::Files { certificate, key, passphrase } => {
            notes.push(lines::ca_key_elsewhere(certificate, key, passphrase.as_deref()));
            notes.push(lines::ALL_CLIENTS_OF_THE_CA.to_owned());
        }
        CaSource::New { key: NewKey::Discarded } => notes.push(
            "the CA's key is gone: nothing can be issued or renewed, and a new set has to replace this one before it ends"
                .to_owned(),
        ),
        CaSource::New { key: NewKey::Encrypted { .. } } => notes.push(
            "the CA's key is encrypted: without the passphrase nothing can be issued or renewed".to_owned(),
        ),
        CaSource::New { key: NewKey::Plain } => {}
    }
    if plan.set.name_constraints {
        notes.push(
            "the CA can issue for these names only; Java does not look at that, because it is in a root"
                .to_owned(),
        );
        if plan.set.server_names.iter().any(|name| matches!(name, SubjectName::Ip(_))) {
            notes.push(
                "Envoy refuses the server below such a CA because of its IP addresses; `--san` with host names \
                 and `--no-local-names` make one that it accepts"
                    .to_owned(),
            );
        }
    }
    if new.without_local_names {
        notes.push(
            "`localhost`, `127.0.0.1` and `::1` are left out: the CA does not permit them all".to_owned(),
        );
    }
    notes
}

fn findings(plan: &InitPlan, new: &Made) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = || plan.directory.join(Role::Server.certificate_file()).display().to_string();
    if let Some(authority) = &new.authority {
        findings.extend(authority.findings().iter().cloned());
    }
    let issued = [("server", &new.set.server), ("client", &new.set.client)];
    let longer = match new.authority {
        Some(_) => "use a CA that expires later",
        None => "choose a longer `--ca-lifetime`",
    };
    let hint = format!("{longer}, or a shorter `--lifetime`");
    findings.extend(remarks::cut_short(&plan.directory, issued, &hint));
    if plan.set.key_type == KeyType::Ed25519 {
        let message = "Envoy and some other TLS stacks refuse Ed25519 certificates";
        findings.push(
            Finding::new(FindingId::CertsEd25519, subject(), message)
                .with_hint("leave out `--key-type ed25519` unless both sides are known to accept such keys"),
        );
    }
    findings
}

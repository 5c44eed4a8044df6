mod plan;

use time::OffsetDateTime;

use super::CertsError;
use super::signer::ca_flags;
use crate::cli::CertsInit;
use crate::pki::ca_files;
use crate::pki::check::{StoredKey, StoredSet};
use crate::pki::edit::{Edit, create};
use crate::pki::member::{self, Member};
use crate::pki::remarks;
use crate::pki::rotation::Rotation;
use crate::pki::store::{self, Contents, Forget};
use crate::pki::{KeyType, Role, SET_FILES, SubjectName};
use crate::render::certs::init::{self as rendered, Note, Outcome, Set, Signer};
use crate::report::{Finding, FindingId, Report};
use plan::{CaSource, InitPlan, MadeSet, NewKey, There};

pub(super) fn run(arguments: CertsInit, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = InitPlan::try_from(arguments)?;
    // A set that stays is only read: its directory need not be writable.
    store::refuse_inside(&plan.directory)?;
    if plan.there(store::judge(&plan.directory)?)? == There::Stays {
        return existing(&plan, now);
    }
    let new = create(&plan.directory, &SET_FILES, plan.dry_run, |contents| act(&plan, contents, now))?;
    match new {
        Some(new) => Ok(made_report(&plan, new, now)),
        // Another command has made one meanwhile.
        None => existing(&plan, now),
    }
}

/// A set that was just made, or would have been.
struct NewSet {
    made: MadeSet,
    outcome: Outcome,
    /// What goes with the set before.
    losses: Vec<Note>,
}

/// A new set. None if there is one that stays.
fn act(plan: &InitPlan, contents: Contents, now: OffsetDateTime) -> Result<Edit<Option<NewSet>>, CertsError> {
    let outcome = match (plan.there(contents)?, plan.dry_run) {
        (There::Goes, true) => Outcome::WouldReplace,
        (There::Goes, false) => Outcome::Replaced,
        (There::Nothing, true) => Outcome::WouldCreate,
        (There::Nothing, false) => Outcome::Created,
        (There::Stays, _) => return Ok(Edit::none(None)),
    };
    let new = NewSet { made: plan.make(now)?, outcome, losses: losses(plan) };
    let forgets = if plan.discards_ca_key() { Forget::All } else { Forget::Nothing };
    Ok(Edit::new(new.made.set.files(), Some(new)).forgetting(forgets))
}

/// Reports on a set that stays as it is.
fn existing(plan: &InitPlan, now: OffsetDateTime) -> Result<Report, CertsError> {
    let stored = StoredSet::load(&plan.directory)?;
    let signer = match stored.ca_key {
        StoredKey::Absent => Signer::Elsewhere,
        StoredKey::Encrypted | StoredKey::Plain(_) => Signer::Here,
    };
    let mut findings = stored.findings(now);
    findings.extend(stored.differences(&plan.wanted));
    findings.extend(other_signer(plan, &stored, now)?);
    let set = Set {
        outcome: Outcome::Unchanged,
        directory: &plan.directory,
        signer,
        certificates: [&stored.ca, stored.server.leaf(), stored.client.leaf()],
        notes: Vec::new(),
        findings,
        unignored: store::unignored(&plan.directory),
        probe: plan.probe(),
    };
    Ok(rendered::report(&set, now))
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
            set.other_ca(&authority, &ca_flags(certificate, key, passphrase.as_deref()))
        }
        CaSource::New { key: NewKey::Discarded } => set.kept_ca_key(),
        CaSource::New { key: NewKey::Encrypted { .. } } => set.plain_ca_key(),
        CaSource::New { key: NewKey::Plain } => None,
    })
}

/// What goes with the set that is replaced, and is not in every set.
fn losses(plan: &InitPlan) -> Vec<Note> {
    // A set that cannot be read is replaced, too.
    let Ok(rotation) = Rotation::load(&plan.directory) else { return Vec::new() };
    let names = rotation.members.iter().map(Member::name).filter(|name| !member::is_own(name));
    let names = names.map(str::to_owned).collect::<Vec<_>>();
    let further = (!names.is_empty()).then_some(Note::Further { names });
    let foreign = rotation.foreign_key().map(|ca| Note::ForeignKey { ca: ca.clone() });
    further.into_iter().chain(foreign).collect()
}

/// Reports on a set that was just made, or would have been.
fn made_report(plan: &InitPlan, NewSet { made, outcome, losses }: NewSet, now: OffsetDateTime) -> Report {
    let signer = match (&plan.signer, &made.authority) {
        (_, Some(authority)) => Signer::Brought(&authority.certificate().subject),
        (CaSource::New { key: NewKey::Discarded }, _) => Signer::Discarded,
        _ => Signer::Here,
    };
    let mut findings = findings(plan, &made);
    if outcome == Outcome::Replaced {
        findings.extend(remarks::kept_ca_keys(&plan.directory));
    }
    let made_set = &made.set;
    let set = Set {
        outcome,
        directory: &plan.directory,
        signer,
        certificates: [
            made_set.ca.certificate(),
            made_set.server.certificate(),
            made_set.client.certificate(),
        ],
        notes: notes(plan, &made).into_iter().chain(losses).collect(),
        findings,
        unignored: store::unignored(&plan.directory),
        probe: plan.probe(),
    };
    rendered::report(&set, now)
}

/// What is good to know about what was asked for.
fn notes(plan: &InitPlan, made: &MadeSet) -> Vec<Note> {
    let mut notes = Vec::new();
    match &plan.signer {
        CaSource::Files { certificate, key, passphrase } => {
            let flags = ca_flags(certificate, key, passphrase.as_deref());
            notes.extend([Note::CaKeyElsewhere { flags }, Note::AllClientsOfTheCa]);
        }
        CaSource::New { key: NewKey::Discarded } => notes.push(Note::CaKeyGone),
        CaSource::New { key: NewKey::Encrypted { .. } } => notes.push(Note::CaKeyEncrypted),
        CaSource::New { key: NewKey::Plain } => {}
    }
    if plan.set.name_constraints {
        notes.push(Note::Constraints);
        if plan.set.server_names.iter().any(|name| matches!(name, SubjectName::Ip(_))) {
            notes.push(Note::ConstraintsWithAddresses);
        }
    }
    if made.without_local_names {
        notes.push(Note::WithoutLocalNames);
    }
    notes
}

fn findings(plan: &InitPlan, new: &MadeSet) -> Vec<Finding> {
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
        let message = "Envoy and some other TLS stacks reject Ed25519 certificates";
        findings.push(
            Finding::new(FindingId::CertsEd25519, subject(), message)
                .with_hint("leave out `--key-type ed25519` unless both sides are known to accept such keys"),
        );
    }
    findings
}

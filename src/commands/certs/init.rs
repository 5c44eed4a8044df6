use std::path::PathBuf;

use time::OffsetDateTime;

use super::CertsError;
use super::overview::{Outcome, Overview, Signer};
use crate::cli::CertsInit;
use crate::pki::authority::{
    self, Authority, AuthorityError, CaKey, CertificateSet, SetPlan, issue_set, issue_set_by,
};
use crate::pki::check::{StoredKey, StoredSet, Wanted};
use crate::pki::store::{self, Contents, Store};
use crate::pki::{
    CA_CERTIFICATE_FILE, CA_KEY_FILE, KeyType, NameError, Passphrase, Refusal, Role, SET_FILES, SubjectName,
    parse_common_name, when,
};
use crate::report::{Finding, Id, Report};
use crate::units::Span;

pub(super) fn run(arguments: CertsInit, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::try_from(arguments)?;
    let would = match plan.there()? {
        There::Goes => Outcome::WouldReplace,
        There::Nothing => Outcome::WouldCreate,
        There::Stays => return existing(&plan, now),
    };
    if plan.dry_run {
        store::refuse_foreign(&plan.directory, &SET_FILES)?;
        return Ok(made(&plan, &plan.make(now)?, would, now));
    }
    let store = Store::open(&plan.directory, &SET_FILES)?;
    // Once more: another run may have been faster, before the lock was ours.
    let outcome = match plan.there()? {
        There::Goes => Outcome::Replaced,
        There::Nothing => Outcome::Created,
        There::Stays => return existing(&plan, now),
    };
    let new = plan.make(now)?;
    store.write(&new.set.files())?;
    Ok(made(&plan, &new, outcome, now))
}

/// What is in the directory already, and what becomes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum There {
    /// It is replaced.
    Goes,
    Nothing,
    Stays,
}

/// What `egext certs init` shall do.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    set: SetPlan,
    signer: Source,
    /// What was typed, against which an existing set is held.
    wanted: Wanted,
    force: bool,
    dry_run: bool,
}

/// Where the CA comes from.
#[derive(Debug)]
enum Source {
    /// It is brought along.
    Files { certificate: PathBuf, key: PathBuf, passphrase: Option<PathBuf> },
    /// It is made.
    New { key: NewKey },
}

/// What becomes of a new CA's key.
#[derive(Debug)]
enum NewKey {
    Discarded,
    Encrypted { passphrase: PathBuf },
    Plain,
}

/// A set that was just made.
struct Made {
    set: CertificateSet,
    /// The CA that was brought along.
    authority: Option<Authority>,
    /// The names for a server's own machine are not among its names, since the CA does not permit them.
    without_local_names: bool,
}

impl Plan {
    fn there(&self) -> Result<There, CertsError> {
        match store::set_contents(&self.directory)? {
            Contents::Nothing => Ok(There::Nothing),
            _ if self.force => Ok(There::Goes),
            Contents::Complete => Ok(There::Stays),
            Contents::Partial { foreign, missing } => {
                Err(CertsError::HalfSet { directory: self.directory.clone(), foreign, missing })
            }
        }
    }

    fn make(&self, now: OffsetDateTime) -> Result<Made, CertsError> {
        let new = |ca_key| {
            let set = issue_set(&SetPlan { ca_key, ..self.set.clone() }, now)?;
            Ok(Made { set, authority: None, without_local_names: false })
        };
        match &self.signer {
            Source::New { key: NewKey::Discarded } => new(CaKey::Discarded),
            Source::New { key: NewKey::Encrypted { passphrase } } => {
                new(CaKey::Encrypted(Passphrase::read(passphrase)?))
            }
            Source::New { key: NewKey::Plain } => new(CaKey::Plain),
            Source::Files { certificate, key, passphrase } => {
                let authority = Authority::load(certificate, key, passphrase.as_deref(), now)?;
                let (set, without_local_names) = self.issue_by(&authority, now)?;
                Ok(Made { set, authority: Some(authority), without_local_names })
            }
        }
    }

    /// A CA may permit certain names only. Those that nobody has typed are left out then.
    fn issue_by(
        &self,
        authority: &Authority,
        now: OffsetDateTime,
    ) -> Result<(CertificateSet, bool), AuthorityError> {
        match issue_set_by(authority, &self.set, now) {
            Err(AuthorityError::Refused(Refusal::Verifier(webpki::Error::NameConstraintViolation)))
                if !self.wanted.names.is_empty() =>
            {
                let plan = SetPlan { server_names: self.wanted.names.clone(), ..self.set.clone() };
                Ok((issue_set_by(authority, &plan, now)?, true))
            }
            result => Ok((result?, false)),
        }
    }

    /// What to type next, once the server runs.
    fn probe(&self) -> String {
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
        let mut names = names(&arguments.san)?;
        let mut set = SetPlan::default();
        set.server_names.clone_from(&names);
        if !arguments.no_local_names {
            let local = authority::local_names().into_iter().filter(|name| !names.contains(name));
            set.server_names.extend(local);
        }
        if !arguments.client_san.is_empty() {
            set.client_names = self::names(&arguments.client_san)?;
        }
        for typed in &arguments.spiffe_id {
            match spiffe_id(typed)? {
                (Role::Client, id) => set.client_names.push(id),
                (Role::Server, id) => {
                    names.push(id.clone());
                    set.server_names.push(id);
                }
            }
        }
        if let Some(name) = &arguments.server_name {
            set.server_name = parse_common_name(name)?;
        }
        if let Some(name) = &arguments.client_name {
            set.client_name = parse_common_name(name)?;
        }
        let CertsInit { dir: directory, lifetime, ca_lifetime, key_type, force, dry_run, .. } = arguments;
        if arguments.discard_ca_key {
            (set.lifetime, set.ca_lifetime) = (DISCARDED_LIFETIME, DISCARDED_LIFETIME);
        }
        set.key_type = key_type.unwrap_or(set.key_type);
        set.lifetime = lifetime.unwrap_or(set.lifetime);
        set.ca_lifetime = ca_lifetime.unwrap_or(set.ca_lifetime);
        set.name_constraints = arguments.name_constraints;
        let passphrase = arguments.ca_key_passphrase_file;
        let signer = match (arguments.ca_cert, arguments.ca_key, passphrase) {
            (Some(certificate), Some(key), passphrase) => Source::Files { certificate, key, passphrase },
            (_, _, Some(passphrase)) => Source::New { key: NewKey::Encrypted { passphrase } },
            _ if arguments.discard_ca_key => Source::New { key: NewKey::Discarded },
            _ => Source::New { key: NewKey::Plain },
        };
        let wanted =
            Wanted { names, no_local_names: arguments.no_local_names, key_type, lifetime, ca_lifetime };
        Ok(Self { directory, set, signer, wanted, force, dry_run })
    }
}

/// Each once.
fn names(typed: &[String]) -> Result<Vec<SubjectName>, NameError> {
    let mut names = Vec::new();
    for name in typed {
        let name = name.trim().parse::<SubjectName>()?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn spiffe_id(typed: &str) -> Result<(Role, SubjectName), NameError> {
    let (role, id) = match typed.trim().split_once('=') {
        Some(("server", id)) => (Role::Server, id),
        Some(("client", id)) => (Role::Client, id),
        _ => return Err(NameError::SpiffeSide { name: typed.to_owned() }),
    };
    Ok((role, SubjectName::spiffe(id)?))
}

/// Reports on a set that stays as it is.
fn existing(plan: &Plan, now: OffsetDateTime) -> Result<Report, CertsError> {
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
    Ok(overview.finish(&plan.probe()))
}

/// What was asked of the CA and its key, and is otherwise in the set.
fn other_signer(plan: &Plan, set: &StoredSet, now: OffsetDateTime) -> Result<Option<Finding>, CertsError> {
    let path = |name: &str| plan.directory.join(name).display().to_string();
    let differs = |file: &str, message: &str| {
        Finding::new(Id::CertsDiffers, path(file), message)
            .with_hint("`egext certs init --force` with the same flags makes a new set")
    };
    Ok(match (&plan.signer, &set.ca_key) {
        (Source::Files { certificate, key, passphrase }, _) => {
            let authority = Authority::load(certificate, key, passphrase.as_deref(), now)?;
            let same = set.anchors.certificates().contains(authority.anchor());
            (!same).then(|| {
                differs(CA_CERTIFICATE_FILE, "the existing certificates are of another CA")
                    .with_evidence("expected", authority.summary().subject.to_string())
                    .with_evidence("found", set.server.leaf().issuer.to_string())
            })
        }
        (Source::New { key: NewKey::Discarded }, StoredKey::Encrypted | StoredKey::Plain(_)) => {
            Some(differs(CA_KEY_FILE, "the key of the existing CA is there, and was not discarded"))
        }
        (Source::New { key: NewKey::Encrypted { .. } }, StoredKey::Plain(_)) => {
            Some(differs(CA_KEY_FILE, "the key of the existing CA is not encrypted"))
        }
        _ => None,
    })
}

/// Reports on a set that was just made, or would have been.
fn made(plan: &Plan, new: &Made, outcome: Outcome, now: OffsetDateTime) -> Report {
    let signer = match (&plan.signer, &new.authority) {
        (_, Some(authority)) => Signer::Brought(authority.summary().subject.to_string()),
        (Source::New { key: NewKey::Discarded }, _) => Signer::Discarded,
        _ => Signer::Here,
    };
    let mut overview = Overview::new(outcome, &plan.directory, signer);
    let set = &new.set;
    overview.certificates([set.ca.summary(), set.server.summary(), set.client.summary()], now);
    overview.files();
    for note in notes(plan, new) {
        overview.note(&note);
    }
    for finding in findings(plan, new, now) {
        overview.finding(finding);
    }
    if outcome == Outcome::Replaced {
        let previous = store::previous(&plan.directory);
        overview
            .note(&format!("the set before stays in `{}` until the next one is made", previous.display()));
    }
    overview.finish(&plan.probe())
}

/// What is good to know about what was asked for.
fn notes(plan: &Plan, new: &Made) -> Vec<String> {
    let mut notes = Vec::new();
    let SetPlan { lifetime, ca_lifetime, .. } = plan.set;
    match &plan.signer {
        Source::Files { certificate, key, .. } => {
            notes.push(format!(
                "the CA's key stays where it is; whoever issues or renews names it again: `--ca-cert {} --ca-key {}`",
                certificate.display(),
                key.display()
            ));
            notes.push(
                "a server that trusts this CA lets in everybody to whom it has issued a client certificate"
                    .to_owned(),
            );
        }
        Source::New { key: NewKey::Discarded } => notes.push(
            "the CA's key is gone: nothing can be issued or renewed, and a new set has to replace this one before it ends"
                .to_owned(),
        ),
        Source::New { key: NewKey::Encrypted { .. } } => notes.push(
            "the CA's key is encrypted: without the passphrase nothing can be issued or renewed".to_owned(),
        ),
        Source::New { key: NewKey::Plain } => {}
    }
    if new.authority.is_none() && lifetime > ca_lifetime {
        notes.push(format!(
            "no certificate outlives its CA, so {lifetime} became {ca_lifetime} (`--ca-lifetime`)"
        ));
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

fn findings(plan: &Plan, new: &Made, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = || plan.directory.join(Role::Server.certificate_file()).display().to_string();
    if let Some(authority) = &new.authority {
        findings.extend(authority.findings().iter().cloned());
        let wanted = now.replace_nanosecond(0).unwrap_or(now) + plan.set.lifetime.duration();
        if authority.not_after() < wanted {
            let end = when::day(authority.not_after());
            let message = format!("ends with its CA on {end}, before {} are over", plan.set.lifetime);
            findings.push(Finding::new(Id::CertsLifetimeCut, subject(), message));
        }
    }
    if plan.set.key_type == KeyType::Ed25519 {
        let message = "Envoy and some other TLS stacks refuse Ed25519 certificates";
        findings.push(Finding::new(Id::CertsEd25519, subject(), message).with_hint("use `--key-type p256`"));
    }
    findings
}

/// Of CA and leafs, when nothing can be renewed.
const DISCARDED_LIFETIME: Span = Span::from_days(1);

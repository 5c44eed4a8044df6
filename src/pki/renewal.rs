//! New leafs in the place of old ones, from the same CA.
//!
//! A successor has the names and the usages of the leaf that it replaces, and its life is as long, unless a
//! [`Change`] was asked for. Its serial number is its own in any case. It has a new key unless the old one is to
//! be kept: a copy of the old key should not be of use after the renewal.
//!
//! The old certificate decides what the new one says. So the CA has to have issued it: otherwise anything that
//! was copied into the directory would be signed by the CA at the next renewal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::authority::{Authority, AuthorityError};
use super::change::{Change, ChangeError, Difference, place};
use super::member::{self, Member, Successor};
use super::store::Snapshot;
use super::{
    CA_CERTIFICATE_FILE, CA_KEY_FILE, DistinguishedName, IdentityError, KeyType, Refusal, Role, Summary,
    date, identity, when,
};
use crate::report::Hint;
use crate::units::Within;

/// What shall be renewed, and how.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The end of a certificate's life in which it is due: by default the last third.
    pub within: Option<Within>,
    /// Only this side.
    pub role: Option<Role>,
    /// Only the certificate whose files are called so.
    pub name: Option<String>,
    /// Also what is not due yet.
    pub force: bool,
    /// For the keys that are there, not for new ones.
    pub keep_key: bool,
    /// What will be different, in one of them.
    pub change: Change,
}

/// A leaf that is to be renewed.
#[derive(Debug)]
pub struct Selected<'a> {
    /// The leaf.
    pub member: &'a Member,
    /// What will be different in its successor.
    pub difference: Difference,
}

impl Policy {
    /// From when on a certificate is due.
    pub fn due_from(&self, summary: &Summary) -> OffsetDateTime {
        date::before(summary.not_after, self.end((summary.not_after - summary.not_before).unsigned_abs()))
    }

    /// Those of `members`, the leaf certificates in `directory`, that are to be renewed now. A change is a reason of its own.
    ///
    /// # Errors
    /// When none of them is meant, or more than one by a change, or the change cannot be made.
    pub fn select<'a>(
        &self,
        directory: &Path,
        members: &'a [Member],
        now: OffsetDateTime,
    ) -> Result<Vec<Selected<'a>>, ChangeError> {
        let asked = members.iter().filter(|member| self.is_asked_for(member)).collect::<Vec<_>>();
        let names = |members: &[&Member]| members.iter().map(|member| member.name().to_owned()).collect();
        if asked.is_empty() && (self.name.is_some() || !self.change.is_empty()) {
            return Err(ChangeError::NoSuchMember {
                directory: directory.into(),
                wanted: self.wanted(),
                names: names(&members.iter().collect::<Vec<_>>()),
            });
        }
        if !self.change.is_empty() && asked.len() > 1 {
            return Err(ChangeError::Ambiguous { names: names(&asked) });
        }
        let mut selected = Vec::new();
        for member in asked {
            let difference = self.change.of(member, self.keep_key)?;
            let is_due = self.force || self.due_from(member.summary()) <= now;
            if is_due || !difference.is_none() {
                selected.push(Selected { member, difference });
            }
        }
        Ok(selected)
    }

    /// Is it one of those that may be renewed, if not now then later?
    pub fn is_asked_for(&self, member: &Member) -> bool {
        self.role.is_none_or(|role| role == member.role())
            && self.name.as_deref().is_none_or(|name| name == member.name())
    }

    /// In words.
    fn wanted(&self) -> String {
        match (&self.name, self.role) {
            (Some(name), Some(role)) => format!("`{name}` for the {role}"),
            (Some(name), None) => format!("`{name}`"),
            (None, Some(role)) => format!("for the {role}"),
            (None, None) => "of a server or a client".to_owned(),
        }
    }

    /// Refuses where the CA itself has to be replaced first.
    ///
    /// # Errors
    /// When what `ca` issues would have to be renewed before its time, or at once.
    pub fn refuse_dying_ca(
        &self,
        ca: &Ca,
        selected: &[Selected<'_>],
        now: OffsetDateTime,
    ) -> Result<(), RenewalError> {
        let (expires, path) = (ca.summary.not_after, &ca.path);
        let is_too_late = |Selected { member, difference }: &Selected<'_>| {
            // It gains what was asked for.
            if !difference.is_none() {
                return false;
            }
            let lifetime = member.lifetime(&ca.summary).duration();
            let due_again = date::after(now, lifetime.saturating_sub(self.end(lifetime)));
            let gains_nothing = expires <= member.summary().not_after;
            gains_nothing || !self.force && due_again > expires
        };
        if expires <= now || selected.iter().any(is_too_late) {
            let left = when::distance(expires, now);
            return Err(RenewalError::CaDue {
                path: path.clone(),
                left,
                force: self.force,
                place: ca.place(),
            });
        }
        Ok(())
    }

    fn end(&self, life: Duration) -> Duration {
        self.within.map_or(life / 3, |within| within.of(life))
    }
}

/// Makes the successors of `selected`, all of which `signer` has to have issued.
///
/// # Errors
/// When a certificate is not of this CA, or its successor cannot be issued.
pub fn renew(
    selected: &[Selected<'_>],
    signer: &Signer<'_>,
    keep_key: bool,
    now: OffsetDateTime,
) -> Result<Vec<Successor>, RenewalError> {
    let Signer { authority, issuers, ca } = *signer;
    refuse_strangers(selected.iter().map(|selected| selected.member), issuers)?;
    let successor = |Selected { member, difference }: &Selected<'_>| {
        let lifetime = difference.lifetime.unwrap_or_else(|| member.lifetime(ca));
        Ok(member.reissue(authority, (difference, lifetime), keep_key, now)?)
    };
    selected.iter().map(successor).collect()
}

/// Who makes successors, and who must have made their predecessors.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Signs.
    pub authority: &'a Authority,
    /// Below one of these CAs each predecessor has to stand.
    pub issuers: &'a [CertificateDer<'static>],
    /// The CA of the predecessors: it may have cut their lives short.
    pub ca: &'a Summary,
}

/// Proves that one of `issuers` issued every one of `members`.
///
/// # Errors
/// Names the first that was not: this CA never vouched for what stands in it.
pub fn refuse_strangers<'a>(
    members: impl IntoIterator<Item = &'a Member>,
    issuers: &[CertificateDer<'static>],
) -> Result<(), RenewalError> {
    for member in members {
        let Err(refusal) = member.verify_below(issuers) else { continue };
        let issuer = issuers.first().and_then(|issuer| Summary::of(issuer).ok());
        return Err(RenewalError::Stranger(Box::new(Stranger {
            path: member.path().into(),
            name: member.name().into(),
            role: member.role(),
            issuer: issuer.map(|issuer| issuer.subject),
            refusal,
        })));
    }
    Ok(())
}

/// What signs, before its key is opened.
#[derive(Debug)]
pub struct Ca {
    /// The file of its certificate.
    pub path: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
    /// What the certificate says.
    pub summary: Summary,
    /// All of the file.
    certificates: Vec<CertificateDer<'static>>,
    /// Certificate and key are files of the set, not ones that the user named.
    is_in_set: bool,
}

impl Ca {
    /// What signs in a set: the first certificate of `ca.crt`.
    ///
    /// # Errors
    /// When it cannot be read, or its key is not there.
    pub fn load(set: &Snapshot) -> Result<Self, RenewalError> {
        if !set.has(CA_KEY_FILE) {
            return Err(RenewalError::NoCaKey { path: set.path(CA_KEY_FILE) });
        }
        Ok(Self::without_key(set)?)
    }

    /// The same where its key is not needed, and may not be there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn without_key(set: &Snapshot) -> Result<Self, IdentityError> {
        let (path, key) = (set.path(CA_CERTIFICATE_FILE), set.path(CA_KEY_FILE));
        Self::from_pem(path, &set.read(CA_CERTIFICATE_FILE)?, key, true)
    }

    /// The same from files that the user named.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn of(path: PathBuf, key: PathBuf) -> Result<Self, IdentityError> {
        let text = identity::read(&path)?;
        Self::from_pem(path, &text, key, false)
    }

    fn from_pem(path: PathBuf, text: &[u8], key: PathBuf, is_in_set: bool) -> Result<Self, IdentityError> {
        let certificates = member::certificates(&path, text)?;
        let summary = member::summary(&path, &certificates[0])?;
        Ok(Self { path, key, summary, certificates, is_in_set })
    }

    /// Those of its certificates that may be the one that signs: in a set the first, elsewhere only the key tells.
    pub fn issuers(&self) -> &[CertificateDer<'static>] {
        if self.is_in_set { &self.certificates[..1] } else { &self.certificates }
    }

    /// All certificates of its file.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// Opens the key, which is in `set` unless the user named its file.
    ///
    /// # Errors
    /// When it is not the certificate's, or the two may not sign.
    pub fn open(
        &self,
        set: &Snapshot,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Authority, RenewalError> {
        if !self.is_in_set {
            return Ok(Authority::load(&self.path, &self.key, passphrase, now)?);
        }
        let (certificates, key) = (set.read(CA_CERTIFICATE_FILE)?, set.read(CA_KEY_FILE)?);
        Ok(Authority::from_pem((&self.path, &certificates), (&self.key, &key), passphrase, now)?)
    }

    /// Kind and size of its key, if we make such keys.
    pub fn key_type(&self) -> KeyType {
        member::key_type(&self.summary)
    }

    /// The flag that names the set's directory, for a hint.
    fn place(&self) -> String {
        if self.is_in_set { place(&self.path) } else { String::new() }
    }

    /// Refuses what can sign nothing that lives.
    ///
    /// # Errors
    /// When its time is over.
    pub fn refuse_expired(&self, now: OffsetDateTime) -> Result<(), RenewalError> {
        if self.summary.not_after > now {
            return Ok(());
        }
        let left = when::distance(self.summary.not_after, now);
        Err(RenewalError::CaDue { path: self.path.clone(), left, force: true, place: self.place() })
    }
}

/// Why nothing was renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// A successor cannot be issued.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// What this CA issues now would not live long enough.
    #[error("the CA in `{}` expires {left}, before a new certificate would be due again", path.display())]
    CaDue {
        /// Its certificate.
        path: PathBuf,
        /// How far away its end is.
        left: String,
        /// Not even `--force` helps.
        force: bool,
        /// The flag that names the set's directory.
        place: String,
    },
    /// The CA's certificate cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The CA cannot sign any more: its key was discarded, or is kept elsewhere.
    #[error("`{}` is not here, so nothing can be signed", path.display())]
    NoCaKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another CA's certificate, or a forged one, has taken the place of one of the set's.
    #[error(transparent)]
    Stranger(#[from] Box<Stranger>),
}

/// A certificate that is not renewed, because this CA never vouched for what stands in it.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` was not issued for the {role} by the CA that signs{}, so it is not renewed",
    path.display(),
    issuer.as_ref().map_or_else(String::new, |issuer| format!(", `{issuer}`"))
)]
pub struct Stranger {
    path: PathBuf,
    /// What its files are called.
    name: String,
    role: Role,
    /// Who should have issued it.
    issuer: Option<DistinguishedName>,
    #[source]
    refusal: Refusal,
}

impl Hint for RenewalError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.hint(),
            Self::CaDue { force, place, .. } => {
                let or = if *force { "" } else { "; `--force` makes a certificate that ends with it" };
                Some(format!("replace the CA first: `egext certs rotate-ca prepare{place}`{or}"))
            }
            Self::Identity(error) => error.hint(),
            Self::NoCaKey { path } => Some(format!(
                "if it is elsewhere, name it: `--ca-cert` and `--ca-key`; if it was discarded, `egext certs rotate-ca prepare{}` begins to replace the CA",
                place(path)
            )),
            // Its names are not repeated here: they may be what a stranger wants to be signed.
            Self::Stranger(stranger) => {
                let Stranger { path, name, role, .. } = &**stranger;
                Some(format!(
                    "copy back the certificate that this CA issued, or issue a new one: `egext certs issue {role} --out {} --replace --san NAME{}`",
                    crate::shell::shell_word(name),
                    place(path)
                ))
            }
        }
    }
}

//! New leafs in the place of old ones, from the same CA.
//!
//! A successor has the names and the usages of the leaf that it replaces, its life is as long, and its serial
//! number is its own in any case. It has a new key unless the old one is to be kept: whoever has copied the old
//! key should not be able to use it for ever.

use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;

use super::authority::{Authority, AuthorityError};
use super::member::{self, Member, Successor};
use super::{CA_CERTIFICATE_FILE, CA_KEY_FILE, IdentityError, KeyType, Role, Summary, date, when};
use crate::report::Hint;
use crate::units::{Span, Within};

/// What shall be renewed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The end of a certificate's life in which it is due: by default the last third.
    pub within: Option<Within>,
    /// Only this side.
    pub role: Option<Role>,
    /// Also what is not due yet.
    pub force: bool,
    /// For the keys that are there, not for new ones.
    pub keep_key: bool,
}

impl Policy {
    /// From when on a certificate is due.
    pub fn due_from(&self, summary: &Summary) -> OffsetDateTime {
        date::before(summary.not_after, self.end((summary.not_after - summary.not_before).unsigned_abs()))
    }

    /// Shall `member` be renewed now?
    pub fn selects(&self, member: &Member, now: OffsetDateTime) -> bool {
        let is_asked_for = self.role.is_none_or(|role| role == member.role());
        is_asked_for && (self.force || self.due_from(member.summary()) <= now)
    }

    /// Refuses where the CA itself has to be replaced first.
    ///
    /// # Errors
    /// When what `ca` issues would have to be renewed before its time, or at once.
    pub fn refuse_dying_ca(
        &self,
        ca: &Ca,
        members: &[&Member],
        now: OffsetDateTime,
    ) -> Result<(), RenewalError> {
        let (expires, path) = (ca.summary.not_after, &ca.path);
        let is_too_late = |member: &&&Member| {
            let lifetime = member.lifetime(&ca.summary).duration();
            let due_again = date::after(now, lifetime.saturating_sub(self.end(lifetime)));
            let gains_nothing = expires <= member.summary().not_after;
            gains_nothing || !self.force && due_again > expires
        };
        if expires <= now || members.iter().any(|member| is_too_late(&member)) {
            let left = when::distance(expires, now);
            return Err(RenewalError::CaDue { path: path.clone(), left, force: self.force });
        }
        Ok(())
    }

    fn end(&self, life: Duration) -> Duration {
        self.within.map_or(life / 3, |within| within.of(life))
    }
}

/// Makes the successors of `members`.
///
/// # Errors
/// When one of them cannot be issued.
pub fn renew(
    members: &[&Member],
    (authority, ca): (&Authority, &Ca),
    keep_key: bool,
    now: OffsetDateTime,
) -> Result<Vec<Successor>, AuthorityError> {
    let lifetime = |member: &Member| -> Span { member.lifetime(&ca.summary) };
    members.iter().map(|member| member.reissue(authority, lifetime(member), keep_key, now)).collect()
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
}

impl Ca {
    /// Loads what signs in `directory`: the first certificate of `ca.crt`.
    ///
    /// # Errors
    /// When it cannot be read, or its key is not there.
    pub fn load(directory: &Path) -> Result<Self, RenewalError> {
        let key = directory.join(CA_KEY_FILE);
        if key.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Err(RenewalError::NoCaKey { path: key });
        }
        Self::of(directory.join(CA_CERTIFICATE_FILE), key)
    }

    /// The same from files that the user named.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn of(path: PathBuf, key: PathBuf) -> Result<Self, RenewalError> {
        let summary = member::summary(&path, &member::certificates(&path)?[0])?;
        Ok(Self { path, key, summary })
    }

    /// Opens the key.
    ///
    /// # Errors
    /// When it is not the certificate's, or the two may not sign.
    pub fn open(&self, passphrase: Option<&Path>, now: OffsetDateTime) -> Result<Authority, AuthorityError> {
        Authority::load(&self.path, &self.key, passphrase, now)
    }

    /// Kind and size of its key, if we make such keys.
    pub fn key_type(&self) -> KeyType {
        member::key_type(&self.summary)
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
        Err(RenewalError::CaDue { path: self.path.clone(), left, force: true })
    }
}

/// Why nothing was renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// What this CA issues now would not live long enough.
    #[error("the CA in `{}` expires {left}, before a new certificate would be due again", path.display())]
    CaDue {
        /// Its certificate.
        path: PathBuf,
        /// How far away its end is.
        left: String,
        /// Not even `--force` helps.
        force: bool,
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
}

impl Hint for RenewalError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::CaDue { force: true, .. } => {
                Some("replace the CA first: `egext certs rotate-ca prepare`".to_owned())
            }
            Self::CaDue { .. } => Some(
                "replace the CA first: `egext certs rotate-ca prepare`; `--force` makes a certificate that ends with it"
                    .to_owned(),
            ),
            Self::Identity(error) => error.hint(),
            Self::NoCaKey { .. } => Some(
                "if it is elsewhere, name it: `--ca-cert` and `--ca-key`; if it was discarded, `egext certs rotate-ca prepare` begins to replace the CA"
                    .to_owned(),
            ),
        }
    }
}

//! The next CA: made by `egext`, or named by the user.

use std::path::PathBuf;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{PrivateCa, Rotation, RotationError, private, text};
use crate::pki::ca::authority::{Authority, AuthorityError};
use crate::pki::keys::{encrypted_key, pem};
use crate::pki::set::member;
use crate::pki::set::member::{Member, Successor};
use crate::pki::set::renewal::RenewalError;
use crate::pki::set::store::Snapshot;
use crate::pki::x509::signature::is_signed_by;
use crate::pki::{CA_KEY_FILE, Certificate, NEXT_CA_KEY_FILE, Passphrase, SubjectName};

/// What takes the place of the CA.
#[derive(Debug)]
pub enum NewCa<'a> {
    /// A CA to be made, whose key is stored in the set.
    Private(PrivateCa),
    /// A CA that is there already. Its key stays where it is.
    Theirs(&'a Authority),
}

/// A CA that is prepared.
#[derive(Debug)]
pub struct Next {
    /// Signs.
    pub summary: Certificate,
    /// What peers must trust: itself, or the root above it.
    pub root: Certificate,
    /// Its key is in the set.
    pub has_key: bool,
    /// Only a passphrase opens that key.
    pub is_encrypted: bool,
    /// Its certificate's file.
    pub file: PathBuf,
    /// From the CA up to its root: at least one.
    path: Vec<Certificate>,
}

impl Next {
    pub(super) fn load(set: &Snapshot) -> Result<Option<Self>, RotationError> {
        if !set.has(CERTIFICATE_FILE) {
            return Ok(None);
        }
        let file = set.path(CERTIFICATE_FILE);
        let path = member::certificates(&file, &set.read(CERTIFICATE_FILE)?)?;
        let (summary, root) = (path[0].clone(), path[path.len() - 1].clone());
        let has_key = set.has(NEXT_CA_KEY_FILE);
        let is_encrypted = has_key && pem::is_encrypted(&set.read(NEXT_CA_KEY_FILE)?);
        Ok(Some(Self { summary, root, has_key, is_encrypted, file, path }))
    }

    /// Signs.
    pub(super) fn certificate(&self) -> &Certificate {
        &self.path[0]
    }

    /// What peers must trust.
    pub(super) fn anchor(&self) -> &Certificate {
        &self.path[self.path.len() - 1]
    }

    /// May it sign now? Otherwise another one has to take its place.
    pub fn is_timely(&self, now: OffsetDateTime) -> bool {
        [&self.summary, &self.root].iter().all(|ca| ca.not_before <= now && now <= ca.not_after)
    }

    /// Do its name constraints permit all of `names`?
    pub fn permits(&self, names: &[SubjectName]) -> bool {
        private::permits(&self.summary, names)
    }

    /// Is it this CA?
    pub fn is(&self, authority: &Authority) -> bool {
        self.certificate() == authority.certificate() && self.anchor() == authority.anchor()
    }

    /// Refuses a CA below another root: peers were given this one.
    pub(super) fn refuse_other(&self, authority: &Authority) -> Result<(), RotationError> {
        if self.anchor() == authority.anchor() {
            return Ok(());
        }
        let (prepared, named) = (self.summary.subject.clone(), authority.certificate().subject.clone());
        if prepared != named {
            return Err(RotationError::OtherCa { prepared, named, has_key: self.has_key });
        }
        let [root, named_root] = told_apart([self.anchor(), authority.anchor()]);
        Err(RotationError::OtherRoot { ca: named, root, named_root, has_key: self.has_key })
    }

    /// Is its key in the set, encrypted, and does this passphrase open it?
    pub(super) fn opens_with(&self, set: &Snapshot, passphrase: &Passphrase) -> Result<bool, RotationError> {
        let key = set.read(NEXT_CA_KEY_FILE)?;
        let path = set.path(NEXT_CA_KEY_FILE);
        Ok(self.is_encrypted && encrypted_key::open(&path, &key, passphrase).is_ok())
    }

    /// The CA and its key, which is in the set.
    pub(super) fn open(
        &self,
        set: &Snapshot,
        passphrase: Option<&Passphrase>,
        now: OffsetDateTime,
    ) -> Result<(Authority, Zeroizing<String>), RotationError> {
        if !self.has_key {
            let (directory, ca) = (set.directory().to_owned(), self.summary.subject.clone());
            return Err(RotationError::NextKeyElsewhere { directory, ca });
        }
        let (certificates, key) = (set.read(CERTIFICATE_FILE)?, set.read(NEXT_CA_KEY_FILE)?);
        let (path, key_path) = (set.path(CERTIFICATE_FILE), set.path(NEXT_CA_KEY_FILE));
        if passphrase.is_some() && !self.is_encrypted {
            return Err(RotationError::NotEncrypted { path: key_path });
        }
        let authority = Authority::from_pem((&path, &certificates), (&key_path, &key), passphrase, now)?;
        Ok((authority, text(&key_path, &key)?))
    }
}

impl Rotation {
    /// Does `authority` itself sign at present, not one below it?
    pub fn is_signed_by(&self, authority: &Authority) -> bool {
        let has_issued = |member: &Member| is_signed_by(member.certificate(), authority.certificate());
        self.trusted.contains(authority.anchor()) && self.members.iter().all(has_issued)
    }

    /// Refuses a CA in the place of the one that signs already.
    ///
    /// # Errors
    /// Unless `authority` signs.
    pub fn refuse_other(&self, authority: &Authority) -> Result<(), RotationError> {
        if self.is_signed_by(authority) {
            return Ok(());
        }
        let named = authority.certificate().subject.clone();
        let issuers = self.members.iter().map(|member| &member.certificate().issuer);
        let signs = issuers.clone().find(|issuer| **issuer != named).or_else(|| issuers.clone().next());
        let signs = signs.unwrap_or(&self.ca.summary.subject).clone();
        if signs == named {
            let [root, named_root] = told_apart([&self.trusted[0], authority.anchor()]);
            return Err(RotationError::OtherRoot { ca: named, root, named_root, has_key: false });
        }
        Err(RotationError::OtherSigns { signs, named })
    }

    /// Refuses a passphrase that does not open the key of the CA that signs, because that is not encrypted, or by another one.
    ///
    /// # Errors
    /// Unless it does, or the key is not in the set.
    pub fn refuse_passphrase(&self, passphrase: &Passphrase) -> Result<(), RotationError> {
        if !self.set.has(CA_KEY_FILE) {
            return Ok(());
        }
        let (path, key) = (self.set.path(CA_KEY_FILE), self.set.read(CA_KEY_FILE)?);
        if !pem::is_encrypted(&key) {
            return Err(RotationError::NotEncrypted { path });
        }
        encrypted_key::open(&path, &key, passphrase)?;
        Ok(())
    }

    /// Is the key of every CA that `finish` takes out of no use afterwards, because `egext` made that CA for this set?
    pub fn retires_only_own(&self) -> bool {
        let in_use = &self.trusted[0].key;
        self.temporary.iter().all(|ca| ca.is_ours() && !ca.key.is_same(in_use))
    }

    /// What `authority` will have to issue, issued in memory.
    pub(super) fn prove(
        &self,
        authority: &Authority,
        now: OffsetDateTime,
    ) -> Result<Vec<Successor>, RotationError> {
        // With the keys that are there: to make new ones proves nothing more, and RSA takes its time.
        let mut issued = Vec::new();
        for member in &self.members {
            match self.successors(std::iter::once(member), authority, true, now) {
                Err(RenewalError::Authority(AuthorityError::NotPermitted { names, .. })) => {
                    let (path, flags) = (member.path().to_owned(), self.signer_flags());
                    return Err(RotationError::NotPermitted { path, names, flags });
                }
                result => issued.extend(result?),
            }
        }
        Ok(issued)
    }
}

/// The names of two certificates; their fingerprints, too, if they share the name.
fn told_apart(pair: [&Certificate; 2]) -> [String; 2] {
    let names = pair.map(|certificate| certificate.subject.to_string());
    if names[0] != names[1] {
        return names.map(|name| format!("`{name}`"));
    }
    pair.map(|certificate| format!("`{}` with SHA-256 {}", certificate.subject, certificate.fingerprint()))
}

pub(super) const CERTIFICATE_FILE: &str = ".next-ca.crt";

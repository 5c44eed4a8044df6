//! The CA to come: made here, or brought along.

use std::path::Path;
use std::slice;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use zeroize::Zeroizing;

use super::{Rotation, RotationError, text};
use crate::pki::authority::{self, Authority, AuthorityError, Issued, SetPlan};
use crate::pki::change::{ANOTHER_CA, PRIVATE_CA};
use crate::pki::member;
use crate::pki::renewal::RenewalError;
use crate::pki::store::Snapshot;
use crate::pki::{CA_KEY_FILE, KeyType, NEXT_CA_KEY_FILE, Passphrase, SubjectName, Summary, lifetime, pem};
use crate::units::Span;

/// What takes the place of the CA.
#[derive(Debug)]
pub enum NewCa<'a> {
    /// A CA to be made, whose key is stored in the set.
    Private(PrivateCa),
    /// A CA that is there already. Its key stays where it is.
    Theirs(&'a Authority),
}

/// What a new CA shall be like.
#[derive(Clone, Debug)]
pub struct PrivateCa {
    /// Of its key.
    pub key_type: KeyType,
    /// From now on.
    pub lifetime: Span,
    /// Names that its constraints permit in addition to those of the set.
    pub permit: Vec<SubjectName>,
}

/// A CA that is prepared.
#[derive(Debug)]
pub struct Next {
    /// Signs.
    pub summary: Summary,
    /// What peers must trust: itself, or the root above it.
    pub root: Summary,
    /// Its key is in the set.
    pub has_key: bool,
    /// From the CA up to its root: at least one.
    path: Vec<CertificateDer<'static>>,
}

impl Next {
    pub(super) fn load(set: &Snapshot) -> Result<Option<Self>, RotationError> {
        if !set.has(CERTIFICATE_FILE) {
            return Ok(None);
        }
        let file = set.path(CERTIFICATE_FILE);
        let path = member::certificates(&file, &set.read(CERTIFICATE_FILE)?)?;
        let summary = member::summary(&file, &path[0])?;
        let root = member::summary(&file, &path[path.len() - 1])?;
        Ok(Some(Self { summary, root, has_key: set.has(NEXT_CA_KEY_FILE), path }))
    }

    /// What peers must trust.
    pub(super) fn anchor(&self) -> &CertificateDer<'static> {
        &self.path[self.path.len() - 1]
    }

    /// Is it this CA?
    pub fn is(&self, authority: &Authority) -> bool {
        self.path[0] == *authority.certificate() && self.anchor() == authority.anchor()
    }

    /// Refuses a CA below another root: peers were given this one.
    pub(super) fn refuse_other(&self, authority: &Authority, directory: &Path) -> Result<(), RotationError> {
        if self.anchor() == authority.anchor() {
            return Ok(());
        }
        Err(RotationError::OtherCa {
            prepared: self.summary.subject.clone(),
            named: authority.summary().subject.clone(),
            has_key: self.has_key,
            directory: directory.to_owned(),
        })
    }

    /// The CA and its key, which is in the set.
    pub(super) fn open(
        &self,
        set: &Snapshot,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<(Authority, Zeroizing<String>), RotationError> {
        if !self.has_key {
            let (directory, ca) = (set.directory().to_owned(), self.summary.subject.clone());
            return Err(RotationError::NextKeyElsewhere { directory, ca });
        }
        let (certificates, key) = (set.read(CERTIFICATE_FILE)?, set.read(NEXT_CA_KEY_FILE)?);
        let (path, key_path) = (set.path(CERTIFICATE_FILE), set.path(NEXT_CA_KEY_FILE));
        let authority = Authority::from_pem((&path, &certificates), (&key_path, &key), passphrase, now)?;
        Ok((authority, text(&key_path, &key)?))
    }
}

impl Rotation {
    /// A private CA like the one that it replaces; of a CA that `egext` has not made only the type of the key is taken.
    pub fn like(&self) -> PrivateCa {
        let ca = &self.ca.summary;
        let lifetime = if self.is_own() { lifetime::span(ca) } else { SetPlan::default().ca_lifetime };
        PrivateCa { key_type: member::key_type(ca), lifetime, permit: Vec::new() }
    }

    /// Refuses to make a private CA, and to store its key, where there is no such thing now.
    ///
    /// # Errors
    /// When the CA is not one of `egext`, or its key is not in the set.
    pub fn refuse_private(&self) -> Result<(), RotationError> {
        let path = self.ca.path.clone();
        if !self.is_own() {
            return Err(RotationError::NotOurs { path, ca: self.ca.summary.subject.clone() });
        }
        if !self.set.has(CA_KEY_FILE) {
            return Err(RotationError::NoCaKey { path: self.set.path(CA_KEY_FILE) });
        }
        Ok(())
    }

    /// What `prepare` has to be told here, for a hint.
    pub fn prepare_flags(&self) -> &'static str {
        match self.refuse_private() {
            Ok(()) => "",
            Err(RotationError::NotOurs { .. }) => ANOTHER_CA,
            Err(_) => PRIVATE_CA,
        }
    }

    /// Does `authority` sign at present?
    pub fn is_signed_by(&self, authority: &Authority) -> bool {
        let issuer = slice::from_ref(authority.certificate());
        self.trusted.contains(authority.anchor())
            && self.members.iter().all(|member| member.verify_below(issuer).is_ok())
    }

    /// Has `egext` made the CA?
    fn is_own(&self) -> bool {
        lifetime::has_made(&self.trusted[0])
    }

    /// A CA for the names of the set, and its key as it is to be stored.
    pub(super) fn make(
        &self,
        plan: &PrivateCa,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<(CertificateDer<'static>, Zeroizing<String>), RotationError> {
        let names = self.members.iter().flat_map(|member| member.summary().names.clone()).collect::<Vec<_>>();
        let domain = authority::trust_domain(&names).into_iter().collect::<Vec<_>>();
        let is_constrained = has_name_constraints(&self.trusted[0]);
        if !is_constrained && !plan.permit.is_empty() {
            return Err(RotationError::NotConstrained { path: self.ca.path.clone() });
        }
        let permitted = names.iter().chain(&plan.permit).cloned().collect::<Vec<_>>();
        let constraints = is_constrained.then_some(permitted.as_slice());
        let (authority, issued) =
            Authority::create_for(plan.key_type, plan.lifetime, &domain, constraints, now)?;
        let key = self.locked((&authority, &issued), passphrase)?;
        Ok((issued.certificate().clone(), key))
    }

    /// The new CA's key: encrypted when there is a passphrase, and in no case more open than the old one.
    fn locked(
        &self,
        (authority, issued): (&Authority, &Issued),
        passphrase: Option<&Path>,
    ) -> Result<Zeroizing<String>, RotationError> {
        let is_encrypted = self.set.has(CA_KEY_FILE) && pem::is_encrypted(&self.set.read(CA_KEY_FILE)?);
        match passphrase {
            Some(passphrase) => Ok(authority.encrypted_key(&Passphrase::read(passphrase)?)?),
            None if is_encrypted => Err(RotationError::PassphraseNeeded { path: self.ca.key.clone() }),
            None => Ok(issued.key_pem().ok_or(AuthorityError::Sign)?),
        }
    }

    /// The certificates of a CA that is there already, from itself up to its root, once it has issued in memory what
    /// it will have to issue.
    pub(super) fn prove(
        &self,
        authority: &Authority,
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, RotationError> {
        if self.is_signed_by(authority) {
            let (directory, ca) = (self.set.directory().to_owned(), authority.summary().subject.clone());
            return Err(RotationError::SameCa { directory, ca });
        }
        // With the keys that are there: to make new ones proves nothing more, and RSA takes its time.
        for member in &self.members {
            match self.successors(std::iter::once(member), authority, true, now) {
                Err(RenewalError::Authority(AuthorityError::NotPermitted { names, .. })) => {
                    return Err(RotationError::NotPermitted { path: member.path().to_owned(), names });
                }
                result => result?,
            };
        }
        let mut path = authority.intermediates().to_vec();
        path.push(authority.anchor().clone());
        Ok(path)
    }
}

fn has_name_constraints(ca: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(ca)
        .is_ok_and(|(_, ca)| ca.name_constraints().is_ok_and(|constraints| constraints.is_some()))
}

pub(super) const CERTIFICATE_FILE: &str = ".next-ca.crt";

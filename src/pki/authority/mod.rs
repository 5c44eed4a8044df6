//! Signs: a private CA, and the leafs of both sides.
//!
//! Nothing leaves this module that has not been verified as the peer will verify it. How a certificate looks
//! is `profile`'s business. A CA that we have made and one that was brought along sign by the
//! same code.

mod climb;
mod error;
mod import;
mod import_error;
mod set;

pub use error::AuthorityError;
pub use import_error::ImportError;
pub use set::{CaKey, CertificateSet, SetPlan, common_name, issue_set, issue_set_by, local_names};

pub(super) use set::trust_domain;

use std::path::Path;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::private_key::PrivateKey;
use super::profile::{KeyType, Profile, Validity};
use super::sign::{self, Issuer};
use super::{Identity, InspectError, Passphrase, Role, SubjectName, Summary, encrypted_key, pem};
use super::{Refusal, verify};
use crate::report::Finding;
use crate::units::Span;
use import::{Imported, Link};

/// A certificate that was just signed, with what a peer needs to verify it, and its key.
#[derive(Debug)]
pub struct Issued {
    chain: Vec<CertificateDer<'static>>,
    /// PEM.
    key: Option<Zeroizing<String>>,
    summary: Summary,
    cut_from: Option<Span>,
}

impl Issued {
    /// The certificate, DER.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    /// The certificate and the intermediates above it, without the root.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// What the certificate says.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The lifetime that was asked for, if its CA, or one above that, ends before.
    pub fn cut_from(&self) -> Option<Span> {
        self.cut_from
    }

    /// The chain, PEM: what belongs into the certificate file.
    pub fn certificate_pem(&self) -> Zeroizing<String> {
        pem::bundle(&self.chain)
    }

    /// The key, PEM, if it is ours to keep.
    pub fn key_pem(&self) -> Option<Zeroizing<String>> {
        self.key.clone()
    }
}

/// What a leaf shall be like.
///
/// A SPIFFE id among the names makes it an X509-SVID, which passes for both sides.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The side of the channel that it stands for.
    pub role: Role,
    /// The common name. Without dots, which OpenSSL would take for a host name.
    pub name: &'a str,
    /// What its holder may be called: at least one name.
    pub names: &'a [SubjectName],
    /// Whose certificate it is.
    pub key: LeafKey<'a>,
    /// From now on; never longer than the CA's.
    pub lifetime: Span,
}

/// Whose certificate a leaf is.
#[derive(Clone, Copy, Debug)]
pub enum LeafKey<'a> {
    /// Of the key that a certificate has already.
    Kept(&'a Identity),
    /// Of a key to be made.
    New(KeyType),
    /// Of somebody else, who has the private key: SubjectPublicKeyInfo, DER, as in a request for a certificate.
    Theirs(&'a [u8]),
}

/// A CA's certificate and key: signs leafs.
#[derive(Debug)]
pub struct Authority {
    /// From the CA up to its root.
    path: Vec<CertificateDer<'static>>,
    summary: Summary,
    /// Name, DER.
    subject: Vec<u8>,
    key_identifier: Vec<u8>,
    key: PrivateKey,
    /// While all of the path lives.
    validity: Validity,
    /// What all of the path may be used for.
    roles: Vec<Role>,
    findings: Vec<Finding>,
}

impl Authority {
    /// Makes a new CA.
    ///
    /// # Errors
    /// When the lifetime is none, or no key can be made.
    pub fn create(
        key_type: KeyType,
        lifetime: Span,
        now: OffsetDateTime,
    ) -> Result<(Self, Issued), AuthorityError> {
        Self::create_for(key_type, lifetime, &[], None, now)
    }

    /// Loads any CA that can be used: ours or somebody else's.
    ///
    /// `certificate` also holds the CAs above it, up to the root; which of its certificates is the CA, the key
    /// tells. The key may be PKCS#8, PKCS#1 or SEC1, and encrypted when `passphrase` names a file that has the
    /// passphrase on its first line (`-` for stdin).
    ///
    /// # Errors
    /// When the files cannot be read or do not belong together, or what they hold may not sign leafs now.
    pub fn load(
        certificate: &Path,
        key: &Path,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Self, AuthorityError> {
        Self::of(import::load(certificate, key, passphrase, now)?)
    }

    /// The same from memory: each with the path that messages call it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_pem(
        certificate: (&Path, &[u8]),
        key: (&Path, &[u8]),
        passphrase: Option<&Passphrase>,
        now: OffsetDateTime,
    ) -> Result<Self, AuthorityError> {
        Self::of(import::from_pem(certificate, key, passphrase, now)?)
    }

    /// Makes a leaf, and verifies it as a peer will.
    ///
    /// # Errors
    /// When the leaf cannot be made as asked for, or would be refused by a peer.
    pub fn issue(&self, leaf: &Leaf<'_>, now: OffsetDateTime) -> Result<Issued, AuthorityError> {
        let Leaf { role, names, .. } = *leaf;
        if names.is_empty() {
            return Err(AuthorityError::NoNames { role });
        }
        let uris = names.iter().filter(|name| matches!(name, SubjectName::Uri(_))).count();
        if names.iter().any(SubjectName::is_spiffe) && uris > 1 {
            return Err(AuthorityError::SpiffeUris);
        }
        if !self.roles.contains(&role) {
            return Err(AuthorityError::ExcludesRole { role });
        }
        let new = match leaf.key {
            LeafKey::New(key_type) => Some(PrivateKey::generate(key_type)?),
            LeafKey::Kept(identity) => Some(PrivateKey::new(identity.key()).ok_or(AuthorityError::Sign)?),
            LeafKey::Theirs(_) => None,
        };
        let public_key = match (leaf.key, &new) {
            (LeafKey::Theirs(public_key), _) => public_key,
            (_, Some(key)) => key.public_key(),
            (_, None) => return Err(AuthorityError::PublicKey),
        };
        let wanted = validity(leaf.lifetime, now)?;
        let validity = wanted.until(self.validity.not_after);
        let cut_from = (validity.not_after < wanted.not_after).then_some(leaf.lifetime);
        let sign = |leaf: &Leaf<'_>| {
            let Leaf { name, names, .. } = *leaf;
            let profile = Profile::leaf(role, name, names, public_key, validity)?;
            self.sign(&profile, leaf, now)
        };
        let chain = sign(leaf).map_err(|error| match error {
            AuthorityError::Refused(Refusal::Verifier(webpki::Error::NameConstraintViolation)) => {
                // The verifier does not say which names; one by one it does.
                let alone = |name: &&SubjectName| {
                    sign(&Leaf { names: std::slice::from_ref(*name), ..*leaf }).is_err()
                };
                let names = names.iter().filter(alone).map(ToString::to_string).collect();
                AuthorityError::NotPermitted { role, names }
            }
            other => other,
        })?;
        let summary = Summary::of(&chain[0])?;
        Ok(Issued { chain, key: new.map(|key| key.pem()), summary, cut_from })
    }

    /// The CA itself: who has signed.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The certificate of the CA itself.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.path[0]
    }

    /// Whom peers have to trust: the root.
    pub fn anchor(&self) -> &CertificateDer<'static> {
        &self.path[self.path.len() - 1]
    }

    /// What leafs carry along: the CA and those above it, without the root.
    pub fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.path[..self.path.len() - 1]
    }

    /// What can be said against the CA, though it can be used.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Its key, PEM, which only this passphrase opens.
    pub(super) fn encrypted_key(&self, passphrase: &Passphrase) -> Result<Zeroizing<String>, AuthorityError> {
        encrypted_key::encrypt(self.key.der().secret_der(), passphrase).ok_or(AuthorityError::NoRandomness)
    }

    /// [`Self::create`] for a SPIFFE trust domain, or good for certain names only.
    pub(super) fn create_for(
        key_type: KeyType,
        lifetime: Span,
        names: &[SubjectName],
        constraints: Option<&[SubjectName]>,
        now: OffsetDateTime,
    ) -> Result<(Self, Issued), AuthorityError> {
        let key = PrivateKey::generate(key_type)?;
        let profile = Profile::root(key.public_key(), names, constraints, validity(lifetime, now)?)?;
        let certificate = sign::self_signed(&key, &profile).ok_or(AuthorityError::Sign)?;
        let pem = key.pem();
        let path = vec![Link::of(&certificate)?];
        let authority = Self::of(Imported { key, path, findings: Vec::new() })?;
        let summary = authority.summary.clone();
        Ok((authority, Issued { chain: vec![certificate], key: Some(pem), summary, cut_from: None }))
    }

    fn of(imported: Imported) -> Result<Self, AuthorityError> {
        let Imported { key, path, findings } = imported;
        let first = path.first().ok_or(AuthorityError::Sign)?;
        let summaries = || path.iter().map(|link| &link.summary);
        let may = |role: &Role| summaries().all(|summary| summary.permits(*role));
        let (own, mut validity) = (&first.summary, Validity::of(&first.summary));
        for summary in summaries() {
            validity = validity.within(Validity::of(summary));
        }
        Ok(Self {
            summary: own.clone(),
            subject: first.subject.clone(),
            key_identifier: first.authority_key_identifier()?,
            validity,
            roles: [Role::Client, Role::Server].into_iter().filter(may).collect(),
            path: path.iter().map(|link| link.certificate.clone()).collect(),
            key,
            findings,
        })
    }

    /// The chain, proven in process to pass with those who trust the root, for what it is meant to.
    fn sign(
        &self,
        profile: &Profile,
        leaf: &Leaf<'_>,
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, AuthorityError> {
        let issuer = Issuer { subject: &self.subject, key_identifier: &self.key_identifier, key: &self.key };
        let mut chain = vec![sign::signed_by(issuer, profile).ok_or(AuthorityError::Sign)?];
        chain.extend_from_slice(self.intermediates());
        let accepted = |role| {
            let anchors = std::slice::from_ref(self.anchor());
            verify::leaf(&chain, anchors, role, leaf.names, now)
        };
        accepted(leaf.role)?;
        if leaf.names.iter().any(SubjectName::is_spiffe) {
            accepted(leaf.role.other())?;
        } else if accepted(leaf.role.other()).is_ok() {
            return Err(AuthorityError::BothRoles { role: leaf.role });
        }
        Ok(chain)
    }
}

fn validity(lifetime: Span, now: OffsetDateTime) -> Result<Validity, AuthorityError> {
    if lifetime < Span::from_seconds(1) {
        return Err(AuthorityError::Lifetime { lifetime });
    }
    Ok(Validity::starting(now, lifetime.duration()))
}

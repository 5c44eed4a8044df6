//! Signs: a private CA, and the leaf certificates of both sides.
//!
//! Every leaf certificate is verified as its peers will verify it before it leaves this module. `profile` has the
//! fields of a certificate. CAs that we have made and CAs of the user sign with the same code.

mod climb;
mod critical;
mod error;
mod import;
mod import_error;

pub use error::AuthorityError;
pub use import_error::ImportError;

use std::borrow::Cow;
use std::path::Path;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::inherited::Inherited;
use super::profile::{Profile, Validity};
use super::sign::{self, Issuer};
use super::verify;
use crate::pki::Refusal;
use crate::pki::go_x509;
use crate::pki::keys::private_key::PrivateKey;
use crate::pki::keys::{encrypted_key, pem};
use crate::pki::{Certificate, Identity, IdentityError, KeyType, Passphrase, Role, SubjectName};
use crate::report::Finding;
use crate::units::Span;
use import::{Imported, Link};

/// A certificate that was just signed, with what a peer needs to verify it, and its key.
#[derive(Debug)]
pub struct Issued {
    /// At least one.
    chain: Vec<Certificate>,
    /// PEM.
    key: Option<Zeroizing<String>>,
    cut_from: Option<Span>,
}

impl Issued {
    /// The root of `authority`, whose key is elsewhere.
    pub(in crate::pki) fn anchor_of(authority: &Authority) -> Self {
        Self { chain: vec![authority.anchor().clone()], key: None, cut_from: None }
    }

    /// The same with its key in this form, or without one.
    pub(in crate::pki) fn with_key(self, key: Option<Zeroizing<String>>) -> Self {
        Self { key, ..self }
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// The certificate and the intermediates above it, without the root.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
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

    /// Certificate and key for TLS settings in the same process; `role` says what messages call them.
    ///
    /// # Errors
    /// As [`Identity::from_pem`].
    pub fn identity(&self, role: Role) -> Result<Identity, IdentityError> {
        let key = self.key_pem().unwrap_or_default();
        Identity::from_pem(
            (Path::new(role.certificate_file()), self.certificate_pem().as_bytes()),
            (Path::new(role.key_file()), key.as_bytes()),
        )
    }
}

/// What a leaf certificate is to be like.
///
/// A SPIFFE id among the names makes it an X509-SVID, which passes for both sides.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The side of the channel that it stands for.
    pub role: Role,
    /// The common name. Without dots, because OpenSSL would treat it as a host name.
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
    /// Of a requester, who has the private key: SubjectPublicKeyInfo, DER, as in a request for a certificate.
    Theirs(&'a [u8]),
}

/// A CA's certificate and key: signs leaf certificates.
#[derive(Debug)]
pub struct Authority {
    /// From the CA up to its root.
    path: Vec<Certificate>,
    key_identifier: Vec<u8>,
    key: PrivateKey,
    /// While all of the path lives.
    validity: Validity,
    /// What all of the path may be used for.
    roles: Vec<Role>,
    findings: Vec<Finding>,
    /// It was made here just now, without name constraints.
    is_plain: bool,
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

    /// Any CA that can be used, also one of another program. Certificate and key each have the path that messages call it.
    ///
    /// `certificate` also holds the CAs above it, up to the root; which of its certificates is the CA, the key
    /// tells. The key may be PKCS#8, PKCS#1 or SEC1, and encrypted if there is a passphrase.
    ///
    /// # Errors
    /// When the two do not belong together, or what they hold may not sign leaf certificates now.
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
        if role == Role::Server && !names.is_empty() && !names.iter().any(SubjectName::is_host) {
            return Err(AuthorityError::NoHost);
        }
        self.issue_after(leaf, None, now)
    }

    /// The same in the place of a certificate that leaves its subject and usages to it.
    pub(in crate::pki) fn issue_after(
        &self,
        leaf: &Leaf<'_>,
        inherited: Option<&Inherited>,
        now: OffsetDateTime,
    ) -> Result<Issued, AuthorityError> {
        let Leaf { role, names, .. } = *leaf;
        if names.is_empty() {
            return Err(AuthorityError::NoNames { role });
        }
        let roles = self.roles_of(leaf, inherited)?;
        let (public_key, new) = key_of(leaf.key)?;
        let wanted = validity(leaf.lifetime, now)?;
        let validity = wanted.until(self.validity.not_after);
        let cut_from = (validity.not_after < wanted.not_after).then_some(leaf.lifetime);
        let sign = |names: &[SubjectName]| {
            let mut profile = Profile::leaf(&roles, leaf.name, names, &public_key, validity)?;
            if let Some(inherited) = inherited {
                profile.inherit(inherited);
            }
            self.sign(&profile, &roles, names, now)
        };
        let chain = sign(names).map_err(|error| match error {
            AuthorityError::Refused(Refusal::Verifier(webpki::Error::NameConstraintViolation)) => {
                // The verifier does not say which names; one by one it does.
                let alone = |name: &&SubjectName| sign(std::slice::from_ref(*name)).is_err();
                let names = names.iter().filter(alone).map(ToString::to_string).collect();
                AuthorityError::NotPermitted { role, names }
            }
            other => other,
        })?;
        Ok(Issued { chain, key: new, cut_from })
    }

    /// For which sides a leaf is, its own first. X509-SVID (section 4.4) wants both for a SPIFFE id, since each workload is
    /// client and server.
    fn roles_of(&self, leaf: &Leaf<'_>, inherited: Option<&Inherited>) -> Result<Vec<Role>, AuthorityError> {
        let Leaf { role, names, .. } = *leaf;
        let is_spiffe = names.iter().any(SubjectName::is_spiffe);
        let uris = names.iter().filter(|name| matches!(name, SubjectName::Uri(_))).count();
        if is_spiffe && uris > 1 {
            return Err(AuthorityError::SpiffeUris);
        }
        let roles = match inherited {
            _ if is_spiffe => vec![role, role.other()],
            Some(inherited) => inherited.roles(role, &self.roles),
            None => vec![role],
        };
        match roles.iter().find(|role| !self.roles.contains(role)) {
            Some(role) => Err(AuthorityError::ExcludesRole { role: *role }),
            None => Ok(roles),
        }
    }

    /// The CA itself: who has signed.
    pub fn certificate(&self) -> &Certificate {
        &self.path[0]
    }

    /// Whom peers have to trust: the root.
    pub fn anchor(&self) -> &Certificate {
        &self.path[self.path.len() - 1]
    }

    /// What follows a leaf certificate in its file: the CA and those above it, without the root.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.path[..self.path.len() - 1]
    }

    /// What can be said against the CA, though it can be used.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Its key, PEM.
    pub(in crate::pki) fn key_pem(&self) -> Zeroizing<String> {
        self.key.pem()
    }

    /// Its key, PEM, which only this passphrase opens.
    pub(in crate::pki) fn encrypted_key(
        &self,
        passphrase: &Passphrase,
    ) -> Result<Zeroizing<String>, AuthorityError> {
        encrypted_key::encrypt(self.key.der().secret_der(), passphrase).ok_or(AuthorityError::NoRandomness)
    }

    /// [`Self::create`] for a SPIFFE trust domain, or limited to certain names.
    pub(in crate::pki) fn create_for(
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
        let imported = Imported { key, path, findings: Vec::new() };
        let authority = Self { is_plain: constraints.is_none(), ..Self::of(imported)? };
        let chain = authority.path.clone();
        Ok((authority, Issued { chain, key: Some(pem), cut_from: None }))
    }

    fn of(imported: Imported) -> Result<Self, AuthorityError> {
        let Imported { key, path, findings } = imported;
        let first = path.first().ok_or(AuthorityError::Sign)?;
        let key_identifier = first.authority_key_identifier();
        let path = path.into_iter().map(|link| link.certificate).collect::<Vec<_>>();
        let may = |role: &Role| path.iter().all(|certificate| certificate.permits(*role));
        let validity = path.iter().map(Validity::of).reduce(Validity::within).ok_or(AuthorityError::Sign)?;
        Ok(Self {
            key_identifier,
            validity,
            roles: Role::ALL.iter().copied().filter(may).collect(),
            path,
            key,
            findings,
            is_plain: false,
        })
    }

    /// The chain, proven in process to pass with those who trust the root, for the sides that it is meant for.
    fn sign(
        &self,
        profile: &Profile,
        roles: &[Role],
        names: &[SubjectName],
        now: OffsetDateTime,
    ) -> Result<Vec<Certificate>, AuthorityError> {
        let issuer = Issuer {
            subject: self.certificate().raw_subject(),
            key_identifier: &self.key_identifier,
            key: &self.key,
        };
        let signed = sign::signed_by(issuer, profile).ok_or(AuthorityError::Sign)?;
        let mut chain = vec![Certificate::of(&signed)?];
        chain.extend_from_slice(self.intermediates());
        let anchors = std::slice::from_ref(self.anchor());
        // The tests hold Go against what all certificates below a new CA have in common, so that it need not be asked each time.
        let is_known = self.is_plain && names.iter().all(SubjectName::is_host);
        for role in roles {
            verify::leaf(&chain, anchors, *role, names, now)?;
            if is_known {
                continue;
            }
            match go_x509::verify_signed(&chain, anchors, *role, now) {
                // No verdict is no refusal.
                Ok(()) | Err(go_x509::Refusal::Unverifiable(_)) => {}
                Err(refusal) => return Err(AuthorityError::GoRefuses { role: *role, refusal }),
            }
        }
        match roles {
            [role] if verify::leaf(&chain, anchors, role.other(), names, now).is_ok() => {
                Err(AuthorityError::BothRoles { role: *role })
            }
            _ => Ok(chain),
        }
    }
}

/// SubjectPublicKeyInfo, DER, and the private key, PEM.
type KeyPair<'a> = (Cow<'a, [u8]>, Option<Zeroizing<String>>);

/// A leaf's public key, and the private one, PEM, unless the requester has it.
fn key_of(key: LeafKey<'_>) -> Result<KeyPair<'_>, AuthorityError> {
    let key = match key {
        LeafKey::New(key_type) => PrivateKey::generate(key_type)?,
        LeafKey::Kept(identity) => PrivateKey::new(identity.key()).ok_or(AuthorityError::Sign)?,
        LeafKey::Theirs(public_key) => return Ok((Cow::Borrowed(public_key), None)),
    };
    Ok((Cow::Owned(key.public_key().to_vec()), Some(key.pem())))
}

fn validity(lifetime: Span, now: OffsetDateTime) -> Result<Validity, AuthorityError> {
    if lifetime < Span::from_seconds(1) {
        return Err(AuthorityError::Lifetime { lifetime });
    }
    Ok(Validity::starting(now, lifetime.duration()))
}

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::sign::SigningKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use webpki::anchor_from_trusted_cert;
use zeroize::Zeroizing;

use super::crl::Crl;
use crate::crypto::any_supported_type;
use crate::pki::keys::file::{blocks, certificates, of_one_generation, read, unusable};
use crate::pki::keys::pem::Blocks;
use crate::pki::{Certificate, Found, IdentityError, PublicKey, Trust};

/// The CA certificates that a peer is verified against: at least one.
#[derive(Clone, Debug)]
pub struct Anchors {
    path: PathBuf,
    certificates: Arc<[Certificate]>,
    /// The CAs among them.
    store: Arc<RootCertStore>,
    /// The rest: each is trusted as itself.
    pinned: Vec<CertificateDer<'static>>,
    /// None means that revocation is not checked.
    revocation_lists: Vec<Crl>,
}

impl Anchors {
    /// Loads every certificate of a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read, has no certificate, or has one that must not be an anchor.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        Self::from_pem(path, &read(path)?)
    }

    /// The same from memory; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_pem(path: &Path, text: &[u8]) -> Result<Self, IdentityError> {
        let blocks = blocks(path, text)?;
        if blocks.certificates.is_empty() {
            return Err(IdentityError::NoCertificate { path: path.into(), found: Found::of(text, &blocks) });
        }
        let (mut store, mut pinned) = (RootCertStore::empty(), Vec::new());
        let certificates = certificates(path, &blocks.certificates)?;
        for (index, certificate) in certificates.iter().enumerate() {
            let (path, position) = (path.to_owned(), index + 1);
            match Trust::of(certificate) {
                Ok(Trust::Itself) => pinned.push(certificate.der.clone()),
                Err(source) => {
                    let Certificate { subject, issuer, .. } = certificate.clone();
                    return Err(IdentityError::NotAnAnchor { path, position, subject, issuer, source });
                }
                Ok(_) => match anchor_from_trusted_cert(&certificate.der) {
                    Ok(anchor) => store.roots.push(anchor.to_owned()),
                    Err(source) => {
                        return Err(IdentityError::UnusableAnchor { path, position, source: source.into() });
                    }
                },
            }
        }
        Ok(Self {
            path: path.into(),
            certificates: certificates.into(),
            store: Arc::new(store),
            pinned,
            revocation_lists: Vec::new(),
        })
    }

    /// The CAs, for a TLS configuration.
    pub fn root_store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }

    /// Self-signed end entities. Nothing that they sign is trusted, but each is itself.
    pub fn pinned(&self) -> &[CertificateDer<'static>] {
        &self.pinned
    }

    /// All of them, in the file's order.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The same, to be kept.
    pub(crate) fn shared_certificates(&self) -> Arc<[Certificate]> {
        Arc::clone(&self.certificates)
    }

    /// Where they came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on peers must be covered by these lists or those that were given before, and must not be in one.
    ///
    /// # Errors
    /// If a list has the name of one of the CAs, and was signed by none of that name: every peer would be refused.
    pub fn revoke(&mut self, lists: Vec<Crl>) -> Result<(), IdentityError> {
        for list in &lists {
            let mut of_name = self.certificates.iter().filter(|ca| list.is_named_after(ca.raw_subject()));
            let mut is_named = false;
            let is_signed = of_name.any(|ca| {
                is_named = true;
                list.is_signed_by(ca)
            });
            if is_named && !is_signed {
                let (path, issuer) = (list.path.clone(), list.issuer.clone());
                return Err(IdentityError::ForeignRevocationList { path, issuer });
            }
        }
        self.revocation_lists.extend(lists);
        Ok(())
    }

    /// What is revoked; empty if revocation is not checked.
    pub fn revocation_lists(&self) -> &[Crl] {
        &self.revocation_lists
    }
}

/// A certificate chain and the key of its leaf, proven to be a pair.
pub struct Identity {
    certificate_path: PathBuf,
    key_path: PathBuf,
    /// At least one.
    chain: Vec<Certificate>,
    key: Zeroizing<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Loads a chain and a key from PEM files, which may be the same file.
    ///
    /// Both are from the same set, even if another program replaces the set meanwhile: when the
    /// paths lead somewhere else after the reading than before, both are read again.
    ///
    /// # Errors
    /// When a file cannot be read, does not hold what it should, or the two are not a pair.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        of_one_generation(certificate, key, || {
            let (chain, secret) = (read(certificate)?, read(key)?);
            Self::from_pem((certificate, &chain), (key, &secret))
        })
    }

    /// The same from memory: each with the path that messages call it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_pem(certificate: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<Self, IdentityError> {
        let (certificate_path, certificate_text) = certificate;
        let (key_path, key_text) = key;
        let chain = blocks(certificate_path, certificate_text)?;
        let keys = blocks(key_path, key_text)?;
        if let Some(form) = keys.encryption().filter(|_| keys.begins_encrypted) {
            return Err(IdentityError::EncryptedKey { path: key_path.into(), form });
        }
        let key_in_chain = !chain.keys.is_empty() || chain.encrypted_key.is_some();
        if chain.certificates.is_empty() {
            return Err(if key_in_chain && keys.keys.is_empty() && !keys.certificates.is_empty() {
                IdentityError::Swapped { certificate: certificate_path.into(), key: key_path.into() }
            } else {
                let found = if key_in_chain { Found::Key } else { Found::of(certificate_text, &chain) };
                IdentityError::NoCertificate { path: certificate_path.into(), found }
            });
        }
        let Some(key) = keys.keys.into_iter().next() else {
            let found = Found::of(key_text, &Blocks { keys: Vec::new(), ..keys });
            return Err(IdentityError::NoKey { path: key_path.into(), found });
        };
        let chain = certificates(certificate_path, &chain.certificates)?;
        prove_pair((certificate_path, &chain), (key_path, &key))?;
        Ok(Self { certificate_path: certificate_path.into(), key_path: key_path.into(), chain, key })
    }

    /// The same from certificates that have been read, leaf first and at least one, and their key; `names` are what messages
    /// call the two.
    ///
    /// # Errors
    /// When the two are not a pair.
    pub(in crate::pki) fn of_der(
        (certificate_name, key_name): (&Path, &Path),
        chain: Vec<Certificate>,
        key: Zeroizing<PrivateKeyDer<'static>>,
    ) -> Result<Self, IdentityError> {
        prove_pair((certificate_name, &chain), (key_name, &key))?;
        Ok(Self { certificate_path: certificate_name.into(), key_path: key_name.into(), chain, key })
    }

    /// The certificates, leaf first.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The same as octets, for a TLS configuration.
    pub fn ders(&self) -> Vec<CertificateDer<'static>> {
        self.chain.iter().map(|certificate| certificate.der.clone()).collect()
    }

    /// A copy of the key, for a TLS configuration. It is not wiped from memory when it is dropped; `signing_key`
    /// makes none.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    /// The key in the form in which the crypto provider keeps it. It wipes it from memory, too.
    pub(crate) fn signing_key(&self) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        any_supported_type(&self.key)
    }

    /// The first of them.
    pub fn leaf(&self) -> &Certificate {
        &self.chain[0]
    }

    /// Where the chain came from.
    pub fn certificate_path(&self) -> &Path {
        &self.certificate_path
    }

    /// Where the key came from.
    pub fn key_path(&self) -> &Path {
        &self.key_path
    }
}

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate_path", &self.certificate_path)
            .field("leaf", self.leaf())
            .finish_non_exhaustive()
    }
}

fn prove_pair(
    (certificate_path, chain): (&Path, &[Certificate]),
    (key_path, key): (&Path, &PrivateKeyDer<'_>),
) -> Result<(), IdentityError> {
    let key = any_supported_type(key).map_err(|_| unusable(key_path, key))?;
    let Some(public) = key.public_key().and_then(|public| PublicKey::from_der(&public)) else {
        return Err(IdentityError::UnusableKey { path: key_path.into() });
    };
    let owner = chain.iter().position(|certificate| certificate.key.is_same(&public));
    if owner == Some(0) {
        return same_form((certificate_path, &chain[0].key), &public);
    }
    match owner {
        Some(index) => Err(IdentityError::LeafNotFirst {
            certificate: certificate_path.into(),
            key: key_path.into(),
            position: index + 1,
        }),
        None => {
            Err(IdentityError::KeyMismatch { certificate: certificate_path.into(), key: key_path.into() })
        }
    }
}

/// A certificate that has the key in another form is the key's, and rustls does not take the two for a pair.
fn same_form((path, key): (&Path, &PublicKey), public: &PublicKey) -> Result<(), IdentityError> {
    if key.der() == public.der() {
        return Ok(());
    }
    let reason = key.refusal().unwrap_or("rustls reads the key in one form only");
    Err(IdentityError::KeyForm { path: path.into(), kind: key.to_string(), reason })
}

#[cfg(test)]
mod tests;

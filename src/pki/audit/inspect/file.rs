use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::crypto::any_supported_type;
use crate::pki::keys::encrypted_key;
use crate::pki::keys::file::{blocks, certificates, read};
use crate::pki::keys::pem::Blocks;
use crate::pki::{Certificate, Encryption, Found, IdentityError, Passphrase, PublicKey};

/// A PEM file: what it holds of certificates and keys.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PemFile {
    /// As named.
    pub path: PathBuf,
    /// In the file's order.
    pub certificates: Vec<Certificate>,
    /// In the file's order.
    pub keys: Vec<KeyFile>,
    /// What it holds when it holds neither.
    pub otherwise: Option<Found>,
    /// The line in which its first key begins, counted from one.
    pub key_line: Option<usize>,
    /// It begins with a byte order mark, behind which Go and OpenSSL overlook the first block.
    pub has_byte_order_mark: bool,
}

/// A private key, without its secret parts.
#[derive(Clone, Debug)]
pub enum KeyFile {
    /// Only a passphrase opens it.
    Encrypted(Encryption),
    /// A key that TLS can use: its public half, in the form that the key's own file gives it.
    Usable(PublicKey),
    /// Broken, or of a kind that no TLS stack of today uses.
    Unusable,
}

impl PemFile {
    /// Reads a file. The key itself is wiped from memory before this returns.
    ///
    /// # Errors
    /// When it cannot be read, or what should be a certificate is none.
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        Self::from_pem(path, &read(path)?)
    }

    /// The same from memory; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_pem(path: &Path, text: &[u8]) -> Result<Self, IdentityError> {
        let blocks = blocks(path, text)?;
        let certificates = certificates(path, &blocks.certificates)?;
        let mut keys = blocks.keys.iter().map(|key| key_facts(key)).collect::<Vec<_>>();
        if let Some(form) = blocks.encryption() {
            // The first one counts, the order of the rest does not.
            let place = if blocks.begins_encrypted { 0 } else { keys.len() };
            keys.insert(place, KeyFile::Encrypted(form));
        }
        let otherwise = (certificates.is_empty() && keys.is_empty()).then(|| Found::of(text, &blocks));
        let Blocks { key_line, has_byte_order_mark, .. } = blocks;
        Ok(Self { path: path.into(), certificates, keys, otherwise, key_line, has_byte_order_mark })
    }

    /// Its key is encrypted.
    pub fn is_locked(&self) -> bool {
        self.encryption().is_some()
    }

    /// How its key is encrypted, if it is.
    pub fn encryption(&self) -> Option<Encryption> {
        self.keys.iter().find_map(|key| match key {
            KeyFile::Encrypted(form) => Some(*form),
            _ => None,
        })
    }

    /// Reads it again, with its encrypted key opened.
    ///
    /// # Errors
    /// As [`Self::read`], and when the key stays closed.
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<Self, IdentityError> {
        let key = encrypted_key::open(&self.path, &read(&self.path)?, passphrase)?;
        Ok(Self { keys: vec![key_facts(&Zeroizing::new(key))], ..self.clone() })
    }

    /// What a server presents, leaf first, as if it were a file; `address` is what messages call it.
    ///
    /// # Errors
    /// When one of them is no certificate.
    pub fn presented(address: &str, chain: &[CertificateDer<'_>]) -> Result<Self, IdentityError> {
        let path = PathBuf::from(address);
        let certificates = certificates(&path, chain)?;
        Ok(Self {
            path,
            certificates,
            keys: Vec::new(),
            otherwise: None,
            key_line: None,
            has_byte_order_mark: false,
        })
    }

    /// Is a key in it that belongs to `certificate`?
    pub fn has_key_of(&self, certificate: &Certificate) -> bool {
        self.keys.iter().any(|key| key.belongs_to(certificate))
    }
}

impl KeyFile {
    /// Is it the key of `certificate`, in whatever form that has it? Of one that cannot be opened that is not known.
    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        matches!(self, Self::Usable(key) if key.is_same(&certificate.key))
    }
}

/// The files of a directory that can be read at all, by name. Hidden files, directories and what is no regular
/// file stay out: a pipe would keep us waiting.
///
/// # Errors
/// When the directory cannot be read.
pub fn directory(path: &Path) -> Result<Vec<PathBuf>, IdentityError> {
    let mut files = entries(path)?;
    // Links are followed: so the kubelet mounts Secrets, and so our own sets are stored.
    files.retain(|file| fs::metadata(file).is_ok_and(|metadata| metadata.is_file()));
    Ok(files)
}

/// Everything in a directory that is not hidden and no directory, by name; also links to nowhere, pipes and sockets.
///
/// # Errors
/// When the directory cannot be read.
pub(super) fn entries(path: &Path) -> Result<Vec<PathBuf>, IdentityError> {
    let unreadable = |source| IdentityError::Unreadable { path: path.into(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let is_directory = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
        if !hidden && !is_directory {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn key_facts(key: &PrivateKeyDer<'_>) -> KeyFile {
    let key = any_supported_type(key).ok();
    let public = key.and_then(|key| PublicKey::from_der(&key.public_key()?));
    public.map_or(KeyFile::Unusable, KeyFile::Usable)
}

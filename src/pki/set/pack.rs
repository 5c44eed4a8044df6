//! The files of one side in one archive, for another machine.
//!
//! No file is copied unread. A file can have more in it than its name says, such as the CA's key in a combined PEM in
//! place of `ca.crt`. So the archive is written from the certificates and the one key that
//! were read, and a key among the certificates is an error.
//!
//! The archive is plain POSIX ustar, written without a library: three files with fixed short names need four fields of a
//! header and a checksum. A library would add two crates, and would copy owner and
//! date of the files. Without these, the same set gives the same octets every time.

mod error;

pub use error::PackError;

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::member;
use super::member::Member;
use super::store::{self, Snapshot, StoreError};
use crate::pki::ca::verify;
use crate::pki::keys::private_key::PrivateKey;
use crate::pki::keys::{file, pem};
use crate::pki::x509::when;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, Certificate, Identity, IdentityError, Refusal, Role};

/// The files of one side, read at one moment.
pub struct Pack {
    /// The CA's certificates, the chain, its key.
    files: [Packed; 3],
    role: Role,
    /// At least one.
    chain: Vec<Certificate>,
    anchors: Anchors,
    certificate: PathBuf,
}

/// One of them.
struct Packed {
    /// What it is called in the set.
    source: String,
    /// What it is called in the archive.
    name: &'static str,
    mode: u32,
    contents: Zeroizing<String>,
}

impl Pack {
    /// Reads what `role` needs from the set in `directory`, and proves that it works. `name` is that of a further
    /// certificate for this side.
    ///
    /// # Errors
    /// When a file cannot be used, or a peer would refuse the certificate for another reason than its dates.
    pub fn load(directory: &Path, role: Role, name: Option<&str>) -> Result<Self, PackError> {
        // All files are from one set, even if another program replaces it meanwhile.
        let set = opened(directory)?;
        // Deleted by the names that users know, it is no certificate of the set for any command.
        let is_withdrawn =
            |name: &&str| set.as_ref().is_some_and(|set| set.withdrawn().iter().any(|other| other == name));
        if let Some(name) = name.filter(is_withdrawn) {
            return Err(no_such_name(directory, set.as_ref(), role, name));
        }
        let read = |name: &str| read(directory, set.as_ref(), name);
        let (certificate, key) = match name {
            Some(name) => (member::certificate_file(name), member::key_file(name)),
            None => (role.certificate_file().to_owned(), role.key_file().to_owned()),
        };
        let [ca_path, certificate_path, key_path] =
            [CA_CERTIFICATE_FILE, &certificate, &key].map(|name| directory.join(name));
        let ca = read(CA_CERTIFICATE_FILE)?;
        let chain = read(&certificate).map_err(|error| match name {
            Some(name) if is_missing(&error) => no_such_name(directory, set.as_ref(), role, name),
            _ => error,
        })?;
        let secret = read(&key).map_err(|error| match is_missing(&error) {
            true => PackError::KeyElsewhere { name: name.unwrap_or(role.name()).to_owned() },
            false => error,
        })?;
        refuse_key(&ca_path, &ca)?;
        refuse_key(&certificate_path, &chain)?;
        let anchors = Anchors::from_pem(&ca_path, &ca)?;
        let identity = Identity::from_pem((&certificate_path, &chain), (&key_path, &secret))?;
        refuse_key_of_ca(&key_path, &anchors, &identity)?;
        let verify = |role| verify::dates_aside(identity.chain(), anchors.certificates(), role);
        verify(role).map_err(|refusal| match name.filter(|_| verify(role.other()).is_ok()) {
            Some(name) => {
                let (directory, name) = (directory.into(), name.to_owned());
                PackError::OtherSide { directory, name, role: role.other(), wanted: role }
            }
            None => PackError::Refused { role, directory: directory.into(), refusal },
        })?;
        let key_pem = PrivateKey::new(identity.key()).map(|key| key.pem());
        let key_pem = key_pem.ok_or(IdentityError::UnusableKey { path: key_path })?;
        let packed = |source: String, name, mode, contents| Packed { source, name, mode, contents };
        let files = [
            packed(
                CA_CERTIFICATE_FILE.to_owned(),
                CA_CERTIFICATE_FILE,
                0o644,
                pem::bundle(anchors.certificates()),
            ),
            packed(certificate, role.certificate_file(), 0o644, pem::bundle(identity.chain())),
            packed(key, role.key_file(), 0o600, key_pem),
        ];
        let chain = identity.chain().to_vec();
        Ok(Self { files, role, chain, anchors, certificate: certificate_path })
    }

    /// Refuses what every peer rejects now, because the certificate or a CA above it has expired. What is not valid yet
    /// may be by the time it arrives.
    ///
    /// # Errors
    /// When that is so.
    pub fn refuse_expired(&self, now: OffsetDateTime) -> Result<(), PackError> {
        if self.leaf().not_after <= now {
            let (path, ago) = (self.certificate.clone(), when::distance(self.leaf().not_after, now));
            return Err(PackError::Expired { path, ago });
        }
        // webpki does not look at the dates of an anchor, and other verifiers do.
        let is_alive = |anchor: &&Certificate| now < anchor.not_after;
        let alive = self.anchors.certificates().iter().filter(is_alive).cloned().collect::<Vec<_>>();
        match verify::leaf(&self.chain, &alive, self.role, &[], now) {
            Ok(()) | Err(Refusal::Verifier(webpki::Error::CertNotValidYet { .. })) => Ok(()),
            Err(_) => {
                let (path, ca) = (self.certificate.clone(), self.anchors.path().to_owned());
                Err(PackError::CaExpired { path, ca })
            }
        }
    }

    /// What the certificate says.
    pub fn leaf(&self) -> &Certificate {
        &self.chain[0]
    }

    /// The CA certificates that it trusts, in PEM.
    pub fn ca(&self) -> &str {
        &self.files[0].contents
    }

    /// The certificates that it presents, in PEM.
    pub fn chain(&self) -> &str {
        &self.files[1].contents
    }

    /// The key of the first of them, in PEM.
    pub fn key(&self) -> &str {
        &self.files[2].contents
    }

    /// The names of the files in it.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.files.iter().map(|file| file.name)
    }

    /// What they are called in the set.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.source.as_str())
    }

    /// The archive, which holds a key.
    pub fn archive(&self) -> Zeroizing<Vec<u8>> {
        // A date that is the set's own: the same set gives the same archive.
        let modified = u64::try_from(self.leaf().not_before.unix_timestamp()).unwrap_or_default().min(LATEST);
        let room = |contents: &str| BLOCK + contents.len().next_multiple_of(BLOCK);
        let length = self.files.iter().map(|file| room(&file.contents)).sum::<usize>() + 2 * BLOCK;
        // Room for all of it at once: a buffer that grows leaves copies of the key behind.
        let mut archive = Zeroizing::new(Vec::with_capacity(length));
        for Packed { name, mode, contents, .. } in &self.files {
            archive.extend_from_slice(&header(name, *mode, contents.len(), modified));
            archive.extend_from_slice(contents.as_bytes());
            let padded = archive.len().next_multiple_of(BLOCK);
            archive.resize(padded, 0);
        }
        archive.resize(length, 0);
        archive
    }
}

/// The CA certificates of the set in `directory`, in PEM, without what else may be in their file.
///
/// # Errors
/// When the file cannot be used, or has a key in it.
pub fn load_ca(directory: &Path) -> Result<Zeroizing<String>, PackError> {
    let path = directory.join(CA_CERTIFICATE_FILE);
    let text = read(directory, opened(directory)?.as_ref(), CA_CERTIFICATE_FILE)?;
    refuse_key(&path, &text)?;
    Ok(pem::bundle(Anchors::from_pem(&path, &text)?.certificates()))
}

/// A file of the set, or of a directory that is none.
fn read(directory: &Path, set: Option<&Snapshot>, name: &str) -> Result<Zeroizing<Vec<u8>>, PackError> {
    if let Some(set) = set {
        return Ok(set.read(name)?);
    }
    store::trust(&directory.join(name)).map_err(StoreError::from)?;
    Ok(file::read(&directory.join(name))?)
}

/// The names that there are, for the one that is not.
fn no_such_name(directory: &Path, set: Option<&Snapshot>, role: Role, name: &str) -> PackError {
    let members = set.and_then(|set| Member::all(set).ok()).unwrap_or_default();
    let names = members.iter().filter(|member| member.role() == role);
    PackError::NoSuchName {
        directory: directory.into(),
        name: name.to_owned(),
        role,
        names: names.map(|member| member.name().to_owned()).collect(),
        is_possible: true,
    }
}

/// The same for a name that no certificate of a set can have.
pub fn unknown_name(directory: &Path, role: Role, name: &str) -> PackError {
    let set = match opened(directory) {
        Ok(set) => set,
        Err(error) => return error.into(),
    };
    match no_such_name(directory, set.as_ref(), role, name) {
        PackError::NoSuchName { directory, name, role, names, .. } => {
            PackError::NoSuchName { directory, name, role, names, is_possible: false }
        }
        other => other,
    }
}

/// The set in `directory`. None for what is of one side only or not made by us: it is read as it is, and judged then.
fn opened(directory: &Path) -> Result<Option<Snapshot>, StoreError> {
    match Snapshot::open(directory) {
        Err(
            StoreError::Foreign { .. }
            | StoreError::Half { .. }
            | StoreError::Mixture { .. }
            | StoreError::Unusable(_),
        ) => Ok(None),
        result => result,
    }
}

/// A certificate file is readable for everyone, and is given to others.
fn refuse_key(path: &Path, text: &[u8]) -> Result<(), PackError> {
    match file::blocks(path, text)?.key_line {
        Some(line) => Err(PackError::KeyAmongCertificates { path: path.into(), line }),
        None => Ok(()),
    }
}

/// The CA's key is in no archive, whatever its file is called.
fn refuse_key_of_ca(path: &Path, anchors: &Anchors, identity: &Identity) -> Result<(), PackError> {
    let key = &identity.leaf().key;
    let mut authorities = anchors.certificates().iter().chain(&identity.chain()[1..]);
    if authorities.any(|authority| authority.key.is_same(key)) {
        return Err(PackError::KeyOfCa { path: path.into() });
    }
    Ok(())
}

fn is_missing(error: &PackError) -> bool {
    matches!(error, PackError::Identity(IdentityError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound)
}

/// One file's header (POSIX.1-1988 ustar). Owner and group are root by number, which every `tar` replaces by
/// the user who extracts, except for root.
fn header(name: &str, mode: u32, length: usize, modified: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut field = |offset: usize, text: &str| {
        header[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    };
    field(0, name);
    field(100, &format!("{mode:07o}"));
    field(108, "0000000");
    field(116, "0000000");
    field(124, &format!("{length:011o}"));
    field(136, &format!("{modified:011o}"));
    // Counted as if it were blank itself.
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\0");
    field(263, "00");
    let checksum = header.iter().map(|octet| u32::from(*octet)).sum::<u32>();
    header[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    header
}

const BLOCK: usize = 512;

/// The last date that fits into a header, in the year 2242.
const LATEST: u64 = 0o777_7777_7777;

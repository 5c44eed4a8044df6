//! Keys of CAs that `egext` did not make, when the set that holds them is removed.
//!
//! Such a key cannot be made again, and the CA may have issued more than this set. So it is not removed with the set: it
//! is moved to a separate directory, `.egext/kept-…`, with the CA's certificate, and stays there until the user discards
//! it. To refuse would be safe, too. But the key is removed by any later command that writes, such as the nightly renewal,
//! and that should not fail because of a step on the day before.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::file::{Access, random_name, sync, write_new};
use super::handle::{Directory, PRIVATE, ReadError};
use super::place::{KEPT, NEW, Place, is_set};
use super::plain::is_same;
use super::undo::Undo;
use super::{ALONE, PUBLIC, StoreError};
use crate::pki::keys::pem::{self, Blocks};
use crate::pki::keys::private_key::PrivateKey;
use crate::pki::x509::signature::is_signed_by;
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, Certificate, DistinguishedName, PublicKey, Role};

/// The key of a CA that signs here no longer.
#[derive(Clone, Debug)]
pub struct OtherCaKey {
    /// Its file.
    pub path: PathBuf,
    /// The CA's name, if its certificate can be read.
    pub ca: Option<DistinguishedName>,
    /// It stays until the user says that it may go. Otherwise it goes with the set before.
    pub is_kept: bool,
}

/// The keys in `directory` of CAs other than the one whose key is in the current set. Reads only, and needs no lock.
///
/// # Errors
/// When the directory cannot be read, or others could replace files in it.
pub fn other_ca_keys(directory: &Path) -> Result<Vec<OtherCaKey>, StoreError> {
    let Some(place) = Place::find(directory)? else { return Ok(Vec::new()) };
    let Some(hidden) = place.hidden() else { return Ok(Vec::new()) };
    let current = place.replaceable_set()?;
    let mut found = Vec::new();
    for (name, _) in hidden.entries()?.into_iter().filter(|(name, kind)| kind.is_dir() && is_stored(name)) {
        let Ok(stored) = hidden.open(&name) else { continue };
        let Ok((key, _)) = stored.read(CA_KEY_FILE) else { continue };
        if current.as_ref().is_none_or(|current| !is_same(&stored, current, CA_KEY_FILE)) {
            let ca = authority(&stored, &key).map(|ca| ca.subject);
            found.push(OtherCaKey { path: stored.path_of(CA_KEY_FILE), ca, is_kept: is_kept(&name) });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Keeps the key of a CA that `set` holds, if `egext` did not make the CA and the key is nowhere else, neither in `others`.
/// For who holds the lock, and is about to remove the key.
pub(super) fn keep_ca_key(
    hidden: &Directory,
    set: &Directory,
    others: &[&Directory],
) -> Result<(), StoreError> {
    let (key, status) = match set.read(CA_KEY_FILE) {
        Ok(read) => read,
        Err(ReadError::Failed(source)) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::failed("read", &set.path_of(CA_KEY_FILE), source));
        }
        // What is no file of a key's size is no key.
        Err(_) => return Ok(()),
    };
    if others.iter().any(|other| is_same(set, other, CA_KEY_FILE)) {
        return Ok(());
    }
    let ca = authority(set, &key);
    if ca.as_ref().is_some_and(Certificate::is_ours) || is_kept_already(hidden, set)? {
        return Ok(());
    }
    let random = random_name()?;
    let (new, kept) = (OsString::from(format!("{NEW}{random}")), OsString::from(format!("{KEPT}{random}")));
    let mut undo = Undo::default();
    hidden.make(&new, ALONE)?;
    undo.directory(hidden, &new);
    let directory = hidden.open(&new)?;
    let access = Some(Access::of(&status));
    let mut unsynced = vec![write_new(&directory, CA_KEY_FILE, &key, PRIVATE, access, &mut undo)?];
    // To be told later which CA it is of.
    if let Some(ca) = ca {
        let text = pem::bundle([&ca]);
        unsynced.push(write_new(&directory, CA_CERTIFICATE_FILE, text.as_bytes(), PUBLIC, None, &mut undo)?);
    }
    unsynced.push(directory.unsynced());
    sync(&unsynced)?;
    hidden.rename(&new, &kept)?;
    undo.keep();
    sync(&[hidden.unsynced()])
}

/// Removes all keys that were kept.
pub(super) fn remove_kept(hidden: &Directory) -> Result<(), StoreError> {
    for (name, kind) in hidden.entries()? {
        if kind.is_dir() && is_kept(&name) {
            hidden.remove_all(&name)?;
        }
    }
    sync(&[hidden.unsynced()])
}

fn is_kept_already(hidden: &Directory, set: &Directory) -> Result<bool, StoreError> {
    for (name, kind) in hidden.entries()? {
        if kind.is_dir() && is_kept(&name) && is_same(set, &hidden.open(&name)?, CA_KEY_FILE) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_stored(name: &OsStr) -> bool {
    is_set(name) || is_kept(name)
}

fn is_kept(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(KEPT.as_bytes())
}

/// The certificate of the CA that has this key. Of an encrypted key, that of the CA that issued the server's certificate.
fn authority(set: &Directory, key: &[u8]) -> Option<Certificate> {
    let certificates = |name: &str| {
        let blocks = Blocks::read(&set.read(name).ok()?.0).ok()?;
        Some(blocks.certificates.iter().filter_map(|der| Certificate::of(der).ok()).collect::<Vec<_>>())
    };
    let authorities = certificates(CA_CERTIFICATE_FILE)?;
    if pem::is_encrypted(key) {
        let server = certificates(Role::Server.certificate_file()).unwrap_or_default().into_iter().next();
        let has_issued = |ca: &&Certificate| server.as_ref().is_some_and(|server| is_signed_by(server, ca));
        return authorities.iter().find(has_issued).or(authorities.first()).cloned();
    }
    let key = Blocks::read(key).ok()?.keys.into_iter().next()?;
    let key = PrivateKey::new(key.clone_key())?;
    let public_key = PublicKey::from_der(key.public_key())?;
    authorities.into_iter().find(|ca| ca.key.is_same(&public_key))
}

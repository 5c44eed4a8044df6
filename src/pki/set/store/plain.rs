//! A set of plain files, as `cp -rL`, an archive, an object store or a container image makes it of a set with links.
//!
//! The first change converts it. All files are read once, must belong to the user, and must be a set: each key belongs to
//! its certificate, and the CA issued each certificate. Then they are written into `.egext` as they are, `current` is
//! made, and only when all this is on disk, each file is replaced by a link to its copy. A reader finds the same
//! contents before and after each step, and so does the next writer after a `kill -9`, which continues with the links.
//!
//! Such a copy may also have a copy of `.egext`, in which `current` and `previous` are directories. Of these, only the next
//! CA of a rotation is used, because it belongs to the same set and has no file in the directory itself.

use std::path::Path;

use rustix::fs::FileType;
use zeroize::Zeroizing;

use super::StoreError;
use super::file::Access;
use super::handle::{Directory, ReadError, Status};
use super::place::Place;
use super::trust::{Owners, Strictness};
use crate::pki::ca::verify;
use crate::pki::keys::file;
use crate::pki::keys::pem::{self, Blocks};
use crate::pki::{
    Anchors, CA_CERTIFICATE_FILE, CA_KEY_FILE, Certificate, Identity, IdentityError, Role, SET_FILES,
};

/// A set of plain files, read and found coherent.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) files: Vec<PlainFile>,
}

#[derive(Debug)]
pub(super) struct PlainFile {
    pub(super) name: String,
    pub(super) text: Zeroizing<Vec<u8>>,
    pub(super) status: Status,
}

impl PlainFile {
    pub(super) fn access(&self) -> Access {
        Access::of(&self.status)
    }
}

impl Plain {
    /// Reads the set.
    ///
    /// # Errors
    /// When a file cannot be read, is not ours, or does not belong to the others.
    pub(super) fn load(place: &Place) -> Result<Self, StoreError> {
        let directory = place.directory();
        let mut plain = Self { files: Vec::new() };
        for name in SET_FILES {
            if name != CA_KEY_FILE || directory.status(name)?.is_some() {
                plain.files.push(read(directory, name)?);
            }
        }
        plain.refuse_mixture(directory)?;
        plain.add_further(directory)?;
        plain.add_hidden(place)?;
        plain.files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(plain)
    }

    pub(super) fn file(&self, name: &str) -> Option<&PlainFile> {
        self.files.iter().find(|file| file.name == name)
    }

    fn text(&self, name: &str) -> &[u8] {
        self.file(name).map_or(&[], |file| &file.text)
    }

    fn refuse_mixture(&self, directory: &Directory) -> Result<(), StoreError> {
        let path = |name: &str| directory.path_of(name);
        let anchors = self.anchors(directory)?;
        let ca_key = self.text(CA_KEY_FILE);
        if !ca_key.is_empty() && !pem::is_encrypted(ca_key) {
            Identity::from_pem(
                (&path(CA_CERTIFICATE_FILE), self.text(CA_CERTIFICATE_FILE)),
                (&path(CA_KEY_FILE), ca_key),
            )?;
        }
        for role in Role::SERVER_FIRST {
            let (certificate, key) = (role.certificate_file(), role.key_file());
            let pair = Identity::from_pem(
                (&path(certificate), self.text(certificate)),
                (&path(key), self.text(key)),
            );
            let chain = match pair {
                Ok(pair) => pair.chain().to_vec(),
                // A key that TLS rejects is taken over as it is: then another one can take its place.
                Err(
                    IdentityError::KeyForm { .. }
                    | IdentityError::UnsupportedKey { .. }
                    | IdentityError::UnusableKey { .. },
                ) => self.chain(&path(certificate), certificate)?,
                Err(error) => return Err(error.into()),
            };
            if !is_issued(&anchors, &chain, role) {
                return Err(StoreError::Mixture {
                    certificate: path(certificate),
                    ca: path(CA_CERTIFICATE_FILE),
                });
            }
        }
        Ok(())
    }

    /// Further certificates of the same CA, with their keys. All else stays what it is.
    fn add_further(&mut self, directory: &Directory) -> Result<(), StoreError> {
        let anchors = self.anchors(directory)?;
        for (name, kind) in directory.entries()? {
            let Some(name) = name.to_str().filter(|_| kind == FileType::RegularFile) else { continue };
            let Some(stem) = name.strip_suffix(".crt").filter(|stem| !stem.starts_with('.')) else {
                continue;
            };
            if SET_FILES.contains(&name) {
                continue;
            }
            let key = format!("{stem}.key");
            // What cannot be read is not ours, and stays where it is.
            let Ok(certificate) = read(directory, name) else { continue };
            let secret = match directory.status(&key)? {
                // Who sent the request for it has the key.
                None => None,
                Some(_) => match read(directory, &key) {
                    Ok(secret) if is_pair(&certificate, &secret) => Some(secret),
                    _ => continue,
                },
            };
            if has_issued(&anchors, &certificate) {
                self.files.push(certificate);
                self.files.extend(secret);
            }
        }
        Ok(())
    }

    /// What has no name in the directory itself, where the copy has taken it along.
    fn add_hidden(&mut self, place: &Place) -> Result<(), StoreError> {
        let Some(copy) = place.copied_set()? else { return Ok(()) };
        if !is_same(place.directory(), &copy, CA_CERTIFICATE_FILE) {
            return Ok(());
        }
        for (name, kind) in copy.entries()? {
            if let Some(name) = name.to_str().filter(|name| kind.is_file() && name.starts_with('.')) {
                self.files.push(read(&copy, name)?);
            }
        }
        Ok(())
    }

    fn chain(&self, path: &Path, name: &str) -> Result<Vec<Certificate>, IdentityError> {
        file::certificates(path, &file::blocks(path, self.text(name))?.certificates)
    }

    fn anchors(&self, directory: &Directory) -> Result<Anchors, IdentityError> {
        Anchors::from_pem(&directory.path_of(CA_CERTIFICATE_FILE), self.text(CA_CERTIFICATE_FILE))
    }
}

/// Have both directories a file of this name, and with the same contents?
pub(super) fn is_same(one: &Directory, other: &Directory, name: &str) -> bool {
    match (one.read(name), other.read(name)) {
        (Ok((one, _)), Ok((other, _))) => one == other,
        _ => false,
    }
}

fn read(directory: &Directory, name: &str) -> Result<PlainFile, StoreError> {
    let path = directory.path_of(name);
    let (text, status) = directory.read(name).map_err(|error| match error {
        ReadError::Failed(source) => StoreError::failed("read", &path, source),
        ReadError::NotAFile => StoreError::Foreign { path: path.clone() },
        ReadError::TooLarge => StoreError::failed("read", &path, std::io::ErrorKind::FileTooLarge.into()),
    })?;
    Owners::effective().judge(&status, &path, Strictness::Own)?;
    Ok(PlainFile { name: name.to_owned(), text, status })
}

fn is_pair(certificate: &PlainFile, key: &PlainFile) -> bool {
    let files = [certificate, key].map(|file| (Path::new(&file.name), file.text.as_slice()));
    Identity::from_pem(files[0], files[1]).is_ok()
}

/// Is it a leaf of these CAs, for either side?
fn has_issued(anchors: &Anchors, certificate: &PlainFile) -> bool {
    let Ok(blocks) = Blocks::read(&certificate.text) else { return false };
    let Ok(chain) = file::certificates(Path::new(&certificate.name), &blocks.certificates) else {
        return false;
    };
    Role::SERVER_FIRST.into_iter().any(|role| is_issued(anchors, &chain, role))
}

/// Its dates are another question.
fn is_issued(anchors: &Anchors, chain: &[Certificate], role: Role) -> bool {
    let Some(leaf) = chain.first() else { return false };
    verify::leaf(chain, anchors.certificates(), role, &[], leaf.not_after).is_ok()
}

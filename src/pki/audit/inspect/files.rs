//! Files that are described together, to find the issuer and the key of each certificate among them.

use std::path::{Path, PathBuf};

use super::{KeyFile, PemFile, entries};
use crate::pki::{Certificate, Found, IdentityError, Passphrase};
use crate::report::{Finding, FindingId};

/// Files in the order in which they were named or found.
#[derive(Debug, Default)]
pub struct PemFiles {
    /// What could be read.
    pub readable: Vec<PemFile>,
    /// Files of directories that may hold certificates or keys, and are of another form.
    pub left_out: Vec<LeftOut>,
    /// Files of directories that are broken.
    pub broken: Vec<Finding>,
}

/// A file of a directory that may hold certificates or keys and cannot be read.
#[derive(Debug)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// In words.
    pub reason: String,
    /// What it would be if it were the only file.
    pub error: IdentityError,
}

impl PemFiles {
    /// Adds the files of a directory. Text files that hold neither certificates nor keys are none of our business. Broken
    /// files are, and so are those that may hold some in another form.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn add_directory(&mut self, path: &Path) -> Result<(), IdentityError> {
        for path in entries(path)? {
            match PemFile::read(&path) {
                Ok(PemFile { otherwise: Some(Found::Text), .. }) => {}
                Ok(PemFile { otherwise: Some(found), path, .. }) => {
                    let reason = found.to_string();
                    self.leave_out(path.clone(), IdentityError::NoCertificate { path, found }, reason);
                }
                Ok(file) => self.readable.push(file),
                Err(error @ IdentityError::TooLarge { limit, .. }) => {
                    self.leave_out(path, error, format!("it is larger than {} KiB", limit / 1024));
                }
                Err(error @ IdentityError::NotAFile { kind, .. }) => {
                    self.leave_out(path, error, format!("it is {kind}"));
                }
                Err(error) => {
                    let subject = path.display().to_string();
                    self.broken.push(Finding::of_error(FindingId::CertsUnusable, subject, &error));
                }
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: PathBuf, error: IdentityError, reason: String) {
        self.left_out.push(LeftOut { path, reason, error });
    }

    /// Is a key among them that only a passphrase opens?
    pub fn is_locked(&self) -> bool {
        self.readable.iter().any(PemFile::is_locked)
    }

    /// Opens every key that has this passphrase.
    ///
    /// # Errors
    /// When it opens none of those that are locked.
    pub fn unlock(&mut self, passphrase: &Passphrase) -> Result<(), IdentityError> {
        let locked = self.readable.iter().enumerate().filter(|(_, file)| file.is_locked());
        let (opened, closed): (Vec<_>, Vec<_>) =
            locked.map(|(index, file)| (index, file.unlock(passphrase))).partition(|(_, file)| file.is_ok());
        if opened.is_empty() {
            return closed.into_iter().try_for_each(|(_, file)| file.map(drop));
        }
        for (index, file) in opened {
            self.readable[index] = file?;
        }
        Ok(())
    }

    /// Neither a certificate nor a key is among them, nor a file that should hold one.
    pub fn has_nothing(&self) -> bool {
        self.broken.is_empty() && self.readable.iter().all(|file| file.otherwise.is_some())
    }

    /// What they hold, if that is nothing: why the first of them cannot be used. None without any file.
    pub fn nothing(&mut self) -> Option<IdentityError> {
        if !self.left_out.is_empty() {
            return Some(self.left_out.swap_remove(0).error);
        }
        self.readable.iter().find_map(|file| {
            Some(IdentityError::NoCertificate { path: file.path.clone(), found: file.otherwise.clone()? })
        })
    }

    /// The file with the certificate that issued this one. In a bundle of unrelated CAs no issuer is looked for: with the
    /// same name on all of them it would be a signature for every two.
    pub fn issuer(&self, certificate: &Certificate) -> Option<&Path> {
        if self.readable.iter().map(|file| file.certificates.len()).sum::<usize>() > ISSUER_LIMIT {
            return None;
        }
        let issued = |file: &&PemFile| {
            file.certificates.iter().any(|other| other != certificate && certificate.is_issued_by(other))
        };
        self.readable.iter().find(issued).map(|file| file.path.as_path())
    }

    /// The file with its key.
    pub fn key_file(&self, certificate: &Certificate) -> Option<&Path> {
        self.readable.iter().find(|file| file.has_key_of(certificate)).map(|file| file.path.as_path())
    }

    /// The file with the certificate of this key, and whether that is a CA's.
    pub fn owner(&self, key: &KeyFile) -> Option<(&Path, bool)> {
        self.readable.iter().find_map(|file| {
            let certificate = file.certificates.iter().find(|certificate| key.belongs_to(certificate))?;
            Some((file.path.as_path(), certificate.is_ca))
        })
    }
}

/// Among how many certificates issuers are looked for.
const ISSUER_LIMIT: usize = 128;

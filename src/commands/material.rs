//! Which files the flags about certificates mean, and what is in them.

use std::path::{Path, PathBuf};

use super::Alone;
use super::both::both;
use crate::cli::{Material, Variables};
use crate::pki::{CA_CERTIFICATE_FILE, PairFiles, Role};

/// What the flags about certificates mean.
pub(super) trait Files {
    /// The file of the CA certificates that a peer is verified against.
    fn ca_file(&self) -> PathBuf;

    /// The files of the certificate of `role`, if they were named, or one of them is where they are looked for. Without
    /// them there is no certificate: a server may do without ours.
    fn pair_if_present(&self, role: Role) -> Result<Option<(PathBuf, PathBuf)>, Alone>;

    /// As it would be typed.
    fn directory(&self) -> &Path;

    /// The files of certificate and private key of `role`: those of a mounted Secret where the directory has none of
    /// that role.
    fn pair(&self, role: Role) -> Result<(PathBuf, PathBuf), Alone>;

    /// Where the same files can be each time that they are read.
    fn pair_files(&self, role: Role, required: bool) -> Result<PairFiles, Alone>;

    /// A flag that was typed, and not taken from the environment.
    fn typed(&self, variables: &Variables) -> Option<&'static str>;

    /// True if a certificate of ours is looked for in the directory.
    fn is_searched(&self) -> bool;

    /// The files of certificate and private key that were named.
    fn named_pair(&self) -> Result<Option<(&PathBuf, &PathBuf)>, Alone>;
}

impl Files for Material {
    fn ca_file(&self) -> PathBuf {
        self.ca.clone().unwrap_or_else(|| self.directory().join(CA_CERTIFICATE_FILE))
    }

    fn pair_if_present(&self, role: Role) -> Result<Option<(PathBuf, PathBuf)>, Alone> {
        let pair = self.pair(role)?;
        let is_there = !self.is_searched() || is_present(&pair.0) || is_present(&pair.1);
        Ok(Some(pair).filter(|_| is_there))
    }

    fn directory(&self) -> &Path {
        self.dir.as_deref().unwrap_or(Path::new(DEFAULT_DIRECTORY))
    }

    fn pair(&self, role: Role) -> Result<(PathBuf, PathBuf), Alone> {
        if let Some((certificate, key)) = self.named_pair()? {
            return Ok((certificate.clone(), key.clone()));
        }
        let pair = |(certificate, key)| (self.directory().join(certificate), self.directory().join(key));
        let (own, mounted) = (pair((role.certificate_file(), role.key_file())), pair(MOUNTED));
        let is_there = |(certificate, key): &(PathBuf, PathBuf)| is_present(certificate) || is_present(key);
        Ok(if !is_there(&own) && is_there(&mounted) { mounted } else { own })
    }

    fn pair_files(&self, role: Role, required: bool) -> Result<PairFiles, Alone> {
        let candidates = match self.named_pair()? {
            Some((certificate, key)) => vec![(certificate.clone(), key.clone())],
            None => {
                let pair =
                    |(certificate, key)| (self.directory().join(certificate), self.directory().join(key));
                vec![pair((role.certificate_file(), role.key_file())), pair(MOUNTED)]
            }
        };
        Ok(PairFiles { role, required: required || self.cert.is_some(), candidates })
    }

    fn typed(&self, variables: &Variables) -> Option<&'static str> {
        let flags = [
            ("--dir", self.dir.is_some()),
            ("--ca", self.ca.is_some()),
            ("--cert", self.cert.is_some()),
            ("--key", self.key.is_some()),
        ];
        flags.into_iter().find(|(flag, given)| *given && !variables.set(flag)).map(|(flag, _)| flag)
    }

    fn is_searched(&self) -> bool {
        self.cert.is_none()
    }

    fn named_pair(&self) -> Result<Option<(&PathBuf, &PathBuf)>, Alone> {
        both(("--cert", self.cert.as_ref()), ("--key", self.key.as_ref()))
    }
}

fn is_present(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// As Kubernetes calls them in every Secret of type `kubernetes.io/tls`.
const MOUNTED: (&str, &str) = ("tls.crt", "tls.key");

pub(super) const DEFAULT_DIRECTORY: &str = "certs";

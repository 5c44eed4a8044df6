//! Which files the flags about certificates mean, and what is in them.

use std::path::{Path, PathBuf};

use super::both::both;
use super::{Alone, Error};
use crate::cli::Material;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, Identity, IdentityError, Role};

/// What the flags about certificates mean.
pub(super) trait Files {
    /// The CA certificates that a peer is verified against.
    fn anchors(&self) -> Result<Anchors, IdentityError>;

    /// The file of the CA certificates.
    fn ca_file(&self) -> PathBuf;

    /// Certificate and key of `role`, which must be there.
    fn identity(&self, role: Role) -> Result<Identity, Error>;

    /// Certificate and key of `role`, or none: a server may do without our certificate. Half a pair is an
    /// error. With a CA file and no directory there is none: the default directory is not looked at.
    fn identity_if_present(&self, role: Role) -> Result<Option<Identity>, Error>;

    /// As it would be typed.
    fn directory(&self) -> &Path;

    /// The files of certificate and private key of `role`.
    fn pair(&self, role: Role) -> Result<(PathBuf, PathBuf), Alone>;

    /// The files of certificate and private key that were named.
    fn named_pair(&self) -> Result<Option<(&PathBuf, &PathBuf)>, Alone>;
}

impl Files for Material {
    fn anchors(&self) -> Result<Anchors, IdentityError> {
        Anchors::load(&self.ca_file())
    }

    fn ca_file(&self) -> PathBuf {
        self.ca.clone().unwrap_or_else(|| self.directory().join(CA_CERTIFICATE_FILE))
    }

    fn identity(&self, role: Role) -> Result<Identity, Error> {
        let (certificate, key) = self.pair(role)?;
        Ok(Identity::load(&certificate, &key)?)
    }

    fn identity_if_present(&self, role: Role) -> Result<Option<Identity>, Error> {
        let named = self.cert.is_some() || self.dir.is_some() || self.ca.is_none();
        let (certificate, key) = self.pair(role)?;
        let present = |path: &Path| path.symlink_metadata().is_ok();
        if !named || self.cert.is_none() && !present(&certificate) && !present(&key) {
            return Ok(None);
        }
        Ok(Some(Identity::load(&certificate, &key)?))
    }

    fn directory(&self) -> &Path {
        self.dir.as_deref().unwrap_or(Path::new(DEFAULT_DIRECTORY))
    }

    fn pair(&self, role: Role) -> Result<(PathBuf, PathBuf), Alone> {
        let file = |name| self.directory().join(name);
        Ok(match self.named_pair()? {
            Some((certificate, key)) => (certificate.clone(), key.clone()),
            None => (file(role.certificate_file()), file(role.key_file())),
        })
    }

    fn named_pair(&self) -> Result<Option<(&PathBuf, &PathBuf)>, Alone> {
        both(("--cert", self.cert.as_ref()), ("--key", self.key.as_ref()))
    }
}

const DEFAULT_DIRECTORY: &str = "certs";

//! Which files the flags about certificates mean, and what is in them.

use std::path::{Path, PathBuf};

use crate::cli::Material;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, Identity, IdentityError, Role};

impl Material {
    /// The CA certificates that a peer is verified against.
    pub(super) fn anchors(&self) -> Result<Anchors, IdentityError> {
        Anchors::load(&self.ca_file())
    }

    /// The file of the CA certificates.
    pub(super) fn ca_file(&self) -> PathBuf {
        self.ca.clone().unwrap_or_else(|| self.directory().join(CA_CERTIFICATE_FILE))
    }

    /// Certificate and key of `role`, which must be there.
    pub(super) fn identity(&self, role: Role) -> Result<Identity, IdentityError> {
        let (certificate, key) = self.pair(role);
        Identity::load(&certificate, &key)
    }

    /// Certificate and key of `role`, or none: a server may do without our certificate. Half a pair is an
    /// error. Whoever names a CA file and no directory gets no certificate from the default directory.
    pub(super) fn identity_if_present(&self, role: Role) -> Result<Option<Identity>, IdentityError> {
        let named = self.cert.is_some() || self.dir.is_some() || self.ca.is_none();
        let (certificate, key) = self.pair(role);
        let present = |path: &Path| path.symlink_metadata().is_ok();
        if !named || self.cert.is_none() && !present(&certificate) && !present(&key) {
            return Ok(None);
        }
        Identity::load(&certificate, &key).map(Some)
    }

    /// As it would be typed.
    pub(super) fn directory(&self) -> &Path {
        self.dir.as_deref().unwrap_or(Path::new(DEFAULT_DIRECTORY))
    }

    /// The files of certificate and private key of `role`.
    pub(super) fn pair(&self, role: Role) -> (PathBuf, PathBuf) {
        let file =
            |named: &Option<PathBuf>, name| named.clone().unwrap_or_else(|| self.directory().join(name));
        (file(&self.cert, role.certificate_file()), file(&self.key, role.key_file()))
    }
}

const DEFAULT_DIRECTORY: &str = "certs";

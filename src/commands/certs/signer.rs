use std::path::Path;

use super::CertsError;
use crate::cli::Signer;
use crate::pki::authority::Authority;
use crate::pki::renewal::Ca;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE};

impl Signer {
    /// What will sign for the set in `directory`.
    pub(super) fn ca(&self, directory: &Path) -> Result<Ca, CertsError> {
        Ok(match (&self.ca_cert, &self.ca_key) {
            (Some(certificate), Some(key)) => Ca::of(certificate.clone(), key.clone())?,
            _ => Ca::load(directory)?,
        })
    }

    /// What the set's own peers do not trust is of no use in it.
    pub(super) fn refuse_stranger(&self, directory: &Path, authority: &Authority) -> Result<(), CertsError> {
        let trusted = Anchors::load(&directory.join(CA_CERTIFICATE_FILE))?;
        if trusted.certificates().contains(authority.anchor()) {
            return Ok(());
        }
        let certificate = self.ca_cert.clone().unwrap_or_else(|| directory.join(CA_CERTIFICATE_FILE));
        Err(CertsError::StrangeCa { certificate, trusted: directory.join(CA_CERTIFICATE_FILE) })
    }
}

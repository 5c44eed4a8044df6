use std::path::Path;

use super::CertsError;
use crate::cli::Signer;
use crate::commands::both::both;
use crate::pki::authority::{Authority, AuthorityError, ImportError};
use crate::pki::change::{ANOTHER_CA, rotation_command};
use crate::pki::member::Member;
use crate::pki::renewal::Ca;
use crate::pki::store::Snapshot;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE};

/// What the flags about the CA that signs mean.
pub(super) trait Signs {
    /// What will sign for a set of these leafs.
    fn ca(&self, set: &Snapshot, members: &[Member]) -> Result<Ca, CertsError>;

    /// How to get a CA that expires later, for a hint.
    fn replacement(&self, directory: &Path) -> String;

    /// What the set's own peers do not trust is of no use in it.
    fn refuse_stranger(&self, set: &Snapshot, authority: &Authority) -> Result<(), CertsError>;
}

impl Signs for Signer {
    fn ca(&self, set: &Snapshot, members: &[Member]) -> Result<Ca, CertsError> {
        let named = both(("--ca-cert", self.ca_cert.clone()), ("--ca-key", self.ca_key.clone()))?;
        Ok(match named {
            Some((certificate, key)) => {
                // A file that was named here is a CA's.
                let ca = Ca::of(certificate, key, members);
                ca.map_err(|error| AuthorityError::Import(ImportError::Identity(error)))?
            }
            None => Ca::load(set)?,
        })
    }

    fn replacement(&self, directory: &Path) -> String {
        let flags = if self.ca_cert.is_some() { ANOTHER_CA } else { "" };
        let prepare = rotation_command("prepare", flags, directory);
        format!("{prepare} begins to replace the CA by one that expires later")
    }

    fn refuse_stranger(&self, set: &Snapshot, authority: &Authority) -> Result<(), CertsError> {
        let path = set.path(CA_CERTIFICATE_FILE);
        let trusted = Anchors::from_pem(&path, &set.read(CA_CERTIFICATE_FILE)?)?;
        if trusted.certificates().contains(authority.anchor()) {
            return Ok(());
        }
        let certificate = self.ca_cert.clone().unwrap_or_else(|| path.clone());
        Err(CertsError::StrangeCa { certificate, trusted: path })
    }
}

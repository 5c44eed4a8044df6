//! A CA from files that the user names, and what opens its key.

use std::path::Path;

use time::OffsetDateTime;

use crate::pki::ca::authority::{Authority, AuthorityError, ImportError};
use crate::pki::keys::file::{of_one_generation, read};
use crate::pki::{IdentityError, Passphrase, PassphraseError};

/// Loads the CA whose key it is; `passphrase` is the file of what opens the key.
///
/// # Errors
/// When the files cannot be read, and as [`Authority::from_pem`].
pub fn load(
    certificate: &Path,
    key: &Path,
    passphrase: Option<&Path>,
    now: OffsetDateTime,
) -> Result<Authority, AuthorityError> {
    // Once: stdin cannot be read again.
    let passphrase = passphrase.map(read_passphrase).transpose().map_err(ImportError::from)?;
    of_one_generation(certificate, key, || {
        let (certificates, secret) = (read(certificate)?, read(key)?);
        Authority::from_pem((certificate, &certificates), (key, &secret), passphrase.as_ref(), now)
    })
}

/// Reads the first line of a file, or of stdin if `path` is `-`.
///
/// # Errors
/// When it cannot be read, is empty, looks like something else, or would be typed on a terminal.
pub fn read_passphrase(path: &Path) -> Result<Passphrase, PassphraseError> {
    let text = read(path).map_err(|error| match error {
        // It would echo what is typed.
        IdentityError::Terminal => PassphraseError::Terminal,
        error => error.into(),
    })?;
    Passphrase::from_text(path, &text)
}

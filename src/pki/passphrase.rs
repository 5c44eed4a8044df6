use std::fmt;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::identity;
use super::{IdentityError, pem};
use crate::report::Hint;

/// What opens an encrypted key; wiped from memory when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Reads the first line of a file, or of stdin if `path` is `-`.
    ///
    /// # Errors
    /// When it cannot be read, is empty, looks like something else, or would be typed on a terminal.
    pub fn read(path: &Path) -> Result<Self, PassphraseError> {
        let text = if path == Path::new("-") {
            // A terminal would echo it.
            if io::stdin().is_terminal() {
                return Err(PassphraseError::Terminal);
            }
            let mut text = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
            let limit = u64::try_from(LIMIT).unwrap_or_default() + 1;
            io::stdin().lock().take(limit).read_to_end(&mut text).map_err(PassphraseError::Stdin)?;
            text
        } else {
            identity::read(path)?
        };
        let line = text.split(|octet| *octet == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Err(PassphraseError::Empty { path: path.into() });
        }
        if line.len() > LIMIT || pem::contains(line, b"-----BEGIN ") {
            return Err(PassphraseError::NotAPassphrase { path: path.into() });
        }
        Ok(Self(Zeroizing::new(line.to_vec())))
    }

    #[cfg(test)]
    pub(super) fn from_octets(octets: &[u8]) -> Self {
        Self(Zeroizing::new(octets.to_vec()))
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    /// Without the passphrase.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The first line has nothing in it.
    #[error("`{}` holds no passphrase: its first line is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] IdentityError),
    /// A key or a certificate, or something longer than anybody would type.
    #[error("`{}` does not look like a passphrase", path.display())]
    NotAPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// Stdin cannot be read.
    #[error("cannot read a passphrase from stdin")]
    Stdin(#[source] io::Error),
    /// Stdin is a terminal, which shows what is typed.
    #[error("a passphrase is not read from a terminal, which would show it")]
    Terminal,
}

impl Hint for PassphraseError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty { .. } | Self::NotAPassphrase { .. } => {
                "put the passphrase alone on the file's first line; `-` reads it from stdin".to_owned()
            }
            Self::File(IdentityError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                "name a file with the passphrase on its first line, or `-` for stdin".to_owned()
            }
            Self::File(error) => return error.hint(),
            Self::Stdin(_) => "name a file, or pipe the passphrase in".to_owned(),
            Self::Terminal => {
                "pipe it in, for example `systemd-ask-password | egext ...`, or name a file of mode 0600"
                    .to_owned()
            }
        })
    }
}

/// Longer than any passphrase, in octets.
const LIMIT: usize = 1024;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::pem;
use crate::pki::IdentityError;
use crate::report::Hint;

/// What opens an encrypted key; wiped from memory when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The first line of `text`; `path` is what messages call it.
    ///
    /// # Errors
    /// When the line is empty, or looks like something else.
    pub fn from_text(path: &Path, text: &[u8]) -> Result<Self, PassphraseError> {
        if [UTF_16_LITTLE_ENDIAN, UTF_16_BIG_ENDIAN].iter().any(|mark| text.starts_with(mark)) {
            return Err(PassphraseError::Utf16 { path: path.into() });
        }
        // Editors of Windows write it, and it was never typed.
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
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
    pub(in crate::pki) fn from_octets(octets: &[u8]) -> Self {
        Self(Zeroizing::new(octets.to_vec()))
    }

    pub(in crate::pki) fn octets(&self) -> &[u8] {
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
    /// A key or a certificate, or something longer than a typed passphrase.
    #[error("`{}` does not look like a passphrase", path.display())]
    NotAPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// Stdin is a terminal, which shows what is typed.
    #[error("a passphrase is not read from a terminal, which would show it")]
    Terminal,
    /// What PowerShell writes by default.
    #[error("`{}` is text in UTF-16, and a passphrase is read as bytes", path.display())]
    Utf16 {
        /// The file.
        path: PathBuf,
    },
}

impl Hint for PassphraseError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty { .. } | Self::NotAPassphrase { .. } => {
                "put the passphrase alone on the file's first line; `-` reads it from stdin".to_owned()
            }
            Self::File(error @ IdentityError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                return error.hint();
            }
            Self::File(_) => "name a file with the passphrase on its first line, or `-` for stdin".to_owned(),
            Self::Terminal => {
                "pipe it in, for example from `systemd-ask-password`, or name a file of mode 0600".to_owned()
            }
            Self::Utf16 { path } => {
                let path = crate::shell::shell_path(path);
                format!("convert it: `(umask 077; iconv -f UTF-16 -t UTF-8 {path} > {path}.utf8)`")
            }
        })
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF_16_LITTLE_ENDIAN: &[u8] = b"\xff\xfe";
const UTF_16_BIG_ENDIAN: &[u8] = b"\xfe\xff";

/// Longer than any passphrase, in octets.
const LIMIT: usize = 1024;

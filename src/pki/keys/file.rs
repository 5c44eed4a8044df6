//! Reads files with certificates and keys, a pair always from the same set.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::container::Container;
use super::pem::Blocks;
use crate::input::{self, InputError};
use crate::pki::{Certificate, IdentityError, KeyKind};

/// Reads a file that should be small, and wipes it from memory afterwards: it may hold a key.
pub(in crate::pki) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    read_within(path, LIMIT)
}

/// The same with another limit.
pub(in crate::pki) fn read_within(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    input::read(path, limit).map_err(|error| match error {
        InputError::Directory => IdentityError::Directory { path: path.into() },
        InputError::Io(source) => {
            dangling(path).unwrap_or_else(|| IdentityError::Unreadable { path: path.into(), source })
        }
        InputError::NotAFile(kind) => IdentityError::NotAFile { path: path.into(), kind },
        InputError::Open => IdentityError::OpenPipe { path: path.into() },
        InputError::Silent(patience) => IdentityError::Silent { path: path.into(), limit: patience },
        InputError::Terminal => IdentityError::Terminal,
        InputError::TooLarge => IdentityError::TooLarge { path: path.into(), limit },
    })
}

/// Loads again when the paths led somewhere else before than after.
pub(in crate::pki) fn of_one_generation<T, E: From<IdentityError>>(
    certificate: &Path,
    key: &Path,
    load: impl Fn() -> Result<T, E>,
) -> Result<T, E> {
    unmoved(&[certificate, key], load)
}

/// The same for any number of files; the first gives the error its name.
pub(in crate::pki) fn unmoved<T, E: From<IdentityError>>(
    paths: &[&Path],
    load: impl Fn() -> Result<T, E>,
) -> Result<T, E> {
    for _ in 0..ATTEMPTS {
        let before = places(paths);
        let loaded = load();
        if before == places(paths) {
            return loaded;
        }
    }
    Err(IdentityError::Changing { path: paths.first().copied().unwrap_or(Path::new("")).into() }.into())
}

/// A link whose target is missing deserves better than "no such file": the file that was named is there.
fn dangling(path: &Path) -> Option<IdentityError> {
    let target = fs::read_link(path).ok()?;
    let missing = fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    missing.then(|| IdentityError::Dangling { path: path.into(), target })
}

/// Where paths lead once all links are followed. None for what is no file, such as a pipe.
fn places(paths: &[&Path]) -> Vec<Option<PathBuf>> {
    paths.iter().map(|path| fs::canonicalize(path).ok()).collect()
}

/// Reads every certificate of a file.
pub(in crate::pki) fn certificates(
    path: &Path,
    ders: &[CertificateDer<'_>],
) -> Result<Vec<Certificate>, IdentityError> {
    let read = |(index, der)| {
        Certificate::of(der).map_err(|source| IdentityError::Malformed {
            path: path.into(),
            position: index + 1,
            source,
        })
    };
    ders.iter().enumerate().map(read).collect()
}

pub(in crate::pki) fn blocks(path: &Path, text: &[u8]) -> Result<Blocks, IdentityError> {
    Blocks::read(text).map_err(|source| match Container::of(text) {
        Some(container) => IdentityError::NotPem { path: path.into(), container },
        None => IdentityError::MalformedPem { path: path.into(), source },
    })
}

/// Names the kind of a key that cannot be used, unless it is one of those that can.
pub(in crate::pki) fn unusable(path: &Path, key: &PrivateKeyDer<'_>) -> IdentityError {
    let path = path.to_owned();
    match KeyKind::of_private(key).filter(|kind| !kind.is_common()) {
        Some(kind) => IdentityError::UnsupportedKey { path, kind: kind.to_string() },
        None => IdentityError::UnusableKey { path },
    }
}

/// A bundle of all public CAs has a quarter of this.
pub(in crate::pki) const LIMIT: u64 = 1 << 20;

/// How often files are read again that were replaced meanwhile.
const ATTEMPTS: usize = 10;

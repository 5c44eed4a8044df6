use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::report::Hint;

/// Reads the name of a directory. Where a file is named, `-` is stdin or stdout, so that a script which passes it on to
/// the wrong flag would find its files in a directory of that name.
pub(super) fn directory() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path == Path::new("-") {
        true => Err(NotADirectory),
        false => Ok(path),
    })
}

/// The user named stdin where a directory is expected.
#[derive(Debug, thiserror::Error)]
#[error("it means stdin or stdout, and a directory is expected")]
pub(super) struct NotADirectory;

impl Hint for NotADirectory {
    fn hint(&self) -> Option<String> {
        Some("a directory that is really called `-` is `./-`".to_owned())
    }
}

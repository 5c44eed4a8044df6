//! `egext config check`: what EG makes of files.

use std::io;
use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::cli::ConfigCheck;
use crate::gateway::{FILE_LIMIT, Oversized, Questions, Release, Source, check};
use crate::input::{self, InputError};
use crate::render;
use crate::report::{Hint, Report};
use crate::shell::shell_path;

pub(super) fn run(arguments: &ConfigCheck) -> Result<Report, ConfigError> {
    let release: Release = arguments.eg_version.parse()?;
    let questions = Questions { release, namespace: arguments.namespace.parse()? };
    let sources = arguments.paths.iter().map(|path| source(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(render::config::check::report(release, &check(&sources, &questions)))
}

fn source(path: &Path) -> Result<Source, CheckError> {
    let not_a_file = |kind| Err(CheckError::NotAFile { path: path.to_owned(), kind });
    let bytes = match input::read(path, FILE_LIMIT) {
        Ok(bytes) => Ok(bytes),
        Err(InputError::TooLarge) => Err(Oversized),
        Err(InputError::Directory) => return not_a_file("a directory"),
        Err(InputError::NotAFile(kind)) => return not_a_file(kind),
        Err(InputError::Open) => return not_a_file("a pipe that stays open"),
        Err(InputError::Silent(_)) => return not_a_file("a pipe that stays silent"),
        Err(InputError::Terminal) => return not_a_file("a terminal"),
        Err(InputError::Io(source)) => {
            return Err(CheckError::Unreadable { path: path.to_owned(), source });
        }
    };
    Ok(Source { path: path.display().to_string(), bytes })
}

/// Why `egext config check` could not look at a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The user named something that has no end, or no contents.
    #[error("`{}` is {kind}, not a file", path.display())]
    NotAFile {
        /// As typed.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The user named a file that is not there or not readable.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// As typed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Hint for CheckError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAFile { .. } => Some(
                "name the file that EG is started with: `envoy-gateway server --config-path FILE`".to_owned(),
            ),
            Self::Unreadable { path, .. } => Some(format!("look at the path: `ls -ld {}`", shell_path(path))),
        }
    }
}

//! `egext config check`: what EG makes of files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::ConfigError;
use crate::cli::ConfigCheck;
use crate::gateway::{FILE_LIMIT, InPlace, NotRead, Questions, Release, Source, check};
use crate::input::{self, InputError};
use crate::render;
use crate::report::{Hint, Report};
use crate::shell::shell_path;
use crate::units::Size;

pub(super) fn run(arguments: &ConfigCheck, now: OffsetDateTime) -> Result<Report, ConfigError> {
    let release: Release = arguments.eg_version.parse()?;
    let questions = Questions {
        release,
        mode: arguments.mode,
        namespace: arguments.namespace.parse()?,
        now,
        server_limit: arguments.server_limit.map(Size::octets),
        look: Some(look_here),
    };
    let sources = sources(&arguments.paths)?;
    if let (true, Some(directory)) = (sources.is_empty(), arguments.paths.first()) {
        return Err(CheckError::Empty { directory: directory.clone() }.into());
    }
    Ok(render::config::check::report(release, &check(&sources, &questions)))
}

/// Files, and those in directories, as EG would read them.
pub(in crate::commands) fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, CheckError> {
    let mut sources = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => sources.extend(directory(path)?),
            false => sources.push(source(path)?),
        }
    }
    Ok(sources)
}

/// A file as EG would read it.
pub(in crate::commands) fn source(path: &Path) -> Result<Source, CheckError> {
    let bytes = match input::read(path, FILE_LIMIT) {
        Ok(bytes) => Ok(bytes),
        Err(InputError::TooLarge) => Err(NotRead::Oversized),
        Err(InputError::Io(source)) => {
            return Err(CheckError::Unreadable { path: path.to_owned(), source });
        }
        Err(error) => return Err(CheckError::NotAFile { path: path.to_owned(), kind: kind(&error) }),
    };
    Ok(Source { path: path.display().to_string(), bytes, is_resource: false })
}

/// What EG's file provider reads: all files directly in it, whatever their names, but no hidden ones.
pub(in crate::commands) fn directory(path: &Path) -> Result<Vec<Source>, CheckError> {
    let unreadable = |source| CheckError::Unreadable { path: path.to_owned(), source };
    let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
    let is_read = |entry: &fs::DirEntry| {
        // Of a link this is not asked: one to a directory is a file for EG, which it cannot read.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        !is_directory && !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let mut paths: Vec<_> = entries.into_iter().filter(is_read).map(|entry| entry.path()).collect();
    paths.sort();
    let resource = |path: PathBuf| {
        let bytes = input::read(&path, FILE_LIMIT).map_err(|error| match error {
            InputError::TooLarge => NotRead::Oversized,
            InputError::Io(error) => NotRead::Other(error.to_string()),
            error => NotRead::Other(format!("it is {}", kind(&error))),
        });
        Source { path: path.display().to_string(), bytes, is_resource: true }
    };
    Ok(paths.into_iter().map(resource).collect())
}

/// The same for a file that may be for another machine: of what is not here nothing follows.
fn look_here(path: &str) -> InPlace {
    match look(path) {
        InPlace::Nothing => InPlace::Other,
        found => found,
    }
}

/// What EG finds, if it runs on this machine.
pub(in crate::commands) fn look(path: &str) -> InPlace {
    let path = Path::new(path);
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() && path.is_dir() => InPlace::LinkToDirectory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => InPlace::Nothing,
        Ok(_) | Err(_) => InPlace::Other,
    }
}

/// What there is in the place of a file with contents and an end.
pub(in crate::commands) const fn kind(error: &InputError) -> &'static str {
    match error {
        InputError::Directory => "a directory",
        InputError::NotAFile(kind) => kind,
        InputError::Open => "a pipe that stays open",
        InputError::Silent(_) => "a pipe that stays silent",
        InputError::Terminal => "a terminal",
        InputError::Io(_) | InputError::TooLarge => "unreadable",
    }
}

/// Why `egext config check` could not look at a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The user named a directory of which EG would read nothing.
    #[error("no file in `{}` is one that EG reads", directory.display())]
    Empty {
        /// As typed.
        directory: PathBuf,
    },
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
            Self::Empty { .. } => Some(
                "name a directory of `provider.custom.resource.file.paths`; hidden files and subdirectories do not count"
                    .to_owned(),
            ),
            Self::NotAFile { .. } => Some(
                "name the file that EG is started with: `envoy-gateway server --config-path FILE`".to_owned(),
            ),
            Self::Unreadable { path, .. } => Some(format!("look at the path: `ls -ld {}`", shell_path(path))),
        }
    }
}

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::pki::{CA_KEY_FILE, SET_FILES};

/// What a directory holds of the files that were asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Contents {
    /// All of them.
    Complete,
    /// None of them.
    Nothing,
    /// Some of them.
    Partial {
        /// The names of the others.
        missing: Vec<String>,
        /// Some of those that are there were not made by [`Store`](super::Store).
        foreign: bool,
    },
}

/// Which of `names` are in `directory`. Reads only, and needs no lock.
///
/// # Errors
/// When the directory cannot be searched.
pub fn contents(directory: &Path, names: &[&str]) -> Result<Contents, StoreError> {
    let place = Place::new(directory);
    if place.is_missing() {
        return Ok(Contents::Nothing);
    }
    let before = place.current();
    let mut missing = Vec::new();
    for name in names {
        let path = directory.join(name);
        match fs::metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((*name).to_owned()),
            Err(source) if source.kind() == io::ErrorKind::NotADirectory => {
                return Err(StoreError::Failed { action: "open", path: directory.into(), source });
            }
            Err(source) => return Err(StoreError::Failed { action: "read", path, source }),
        }
    }
    // A set was published while we looked: what was missing then may be there now.
    if place.current() != before {
        return contents(directory, names);
    }
    Ok(match missing.len() {
        0 => Contents::Complete,
        number if number == names.len() => Contents::Nothing,
        _ => Contents::Partial { foreign: place.refuse_foreign(names).is_err(), missing },
    })
}

/// The same for a set, whose CA key may be elsewhere: a link to nothing is a loss, none at all is a choice.
///
/// # Errors
/// As [`contents`].
pub fn set_contents(directory: &Path) -> Result<Contents, StoreError> {
    let kept = fs::symlink_metadata(directory.join(CA_KEY_FILE)).is_ok();
    let names = SET_FILES.into_iter().filter(|name| kept || *name != CA_KEY_FILE).collect::<Vec<_>>();
    contents(directory, &names)
}

/// Would [`Store::open`](super::Store::open) find something foreign in the way? Reads only.
///
/// # Errors
/// When it would, or the directory cannot be searched.
pub fn refuse_foreign(directory: &Path, names: &[&str]) -> Result<(), StoreError> {
    Place::new(directory).refuse_foreign(names)
}

/// Where the set before the current one is, after something was replaced.
pub fn previous(directory: &Path) -> PathBuf {
    Place::new(directory).hidden(PREVIOUS)
}

/// The directory of the set that readers see at this moment: it never changes, and a new set gets a new one.
pub fn current(directory: &Path) -> PathBuf {
    Place::new(directory).current_directory()
}

/// The names of all files of the set that readers see. None where none was made by [`Store`](super::Store).
///
/// # Errors
/// When they cannot be listed, or something foreign is among them.
pub fn set_files(directory: &Path) -> Result<Option<Vec<String>>, StoreError> {
    let place = Place::new(directory);
    place.current().map(|_| place.set_files()).transpose()
}

/// A directory with our names in it.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.into())
    }

    pub(super) fn directory(&self) -> &Path {
        &self.0
    }

    /// There is nothing at all.
    fn is_missing(&self) -> bool {
        fs::symlink_metadata(&self.0).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// The directory where the sets are.
    pub(super) fn hidden_directory(&self) -> PathBuf {
        self.0.join(HIDDEN)
    }

    /// A path in it.
    pub(super) fn hidden(&self, name: &str) -> PathBuf {
        self.hidden_directory().join(name)
    }

    /// Where the link with a user's name points to.
    pub(super) fn target(name: &str) -> PathBuf {
        [HIDDEN, CURRENT, name].iter().collect()
    }

    /// The name of the set that readers see.
    pub(super) fn current(&self) -> Option<OsString> {
        fs::read_link(self.hidden(CURRENT)).ok().map(PathBuf::into_os_string)
    }

    /// The directory of the set that readers see: itself, not the link to it.
    pub(super) fn current_directory(&self) -> PathBuf {
        self.current().map_or_else(|| self.hidden(CURRENT), |set| self.hidden_directory().join(set))
    }

    /// The names of all files of the set that readers see.
    pub(super) fn set_files(&self) -> Result<Vec<String>, StoreError> {
        let directory = self.current_directory();
        let failed = |source| StoreError::Failed { action: "read", path: directory.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_file = entry.file_type().map_err(failed)?.is_file();
            // We have written none that is not UTF-8, and whatever is no file is not ours.
            match entry.file_name().into_string() {
                Ok(name) if is_file => names.push(name),
                _ => return Err(StoreError::Foreign { path: entry.path() }),
            }
        }
        names.sort();
        Ok(names)
    }

    /// Looks whether anything that we would write to is somebody else's.
    pub(super) fn refuse_foreign(&self, names: &[&str]) -> Result<(), StoreError> {
        if self.is_missing() {
            return Ok(());
        }
        for name in names {
            let path = self.0.join(name);
            let ours = || fs::read_link(&path).is_ok_and(|target| target == Self::target(name));
            refuse(&path, |kind| kind.is_symlink() && ours())?;
        }
        refuse(&self.hidden_directory(), fs::FileType::is_dir)?;
        refuse(&self.hidden("lock"), fs::FileType::is_file)?;
        for name in [CURRENT, PREVIOUS] {
            refuse(&self.hidden(name), fs::FileType::is_symlink)?;
        }
        Ok(())
    }

    /// Removes those of our links that lead nowhere, because the current set, which is `names`, has no such file:
    /// the key of a CA that is somebody else's now, or a leaf of the set before.
    pub(super) fn remove_idle_links(&self, names: &[&str]) -> Result<(), StoreError> {
        let failed = |path: &Path, source| StoreError::Failed { action: "clean", path: path.into(), source };
        for entry in fs::read_dir(&self.0).map_err(|source| failed(&self.0, source))? {
            let entry = entry.map_err(|source| failed(&self.0, source))?;
            let (path, name) = (entry.path(), entry.file_name());
            if names.iter().any(|used| name == *used) {
                continue;
            }
            let target = [OsStr::new(HIDDEN), OsStr::new(CURRENT), &name].iter().collect::<PathBuf>();
            if fs::read_link(&path).is_ok_and(|found| found == target) {
                fs::remove_file(&path).map_err(|source| failed(&path, source))?;
            }
        }
        Ok(())
    }

    /// Removes what a killed run has left, and sets that nobody needs. Only for who holds the lock.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let directory = self.hidden_directory();
        let failed = |path: &Path, source| StoreError::Failed { action: "clean", path: path.into(), source };
        let kept = [CURRENT, PREVIOUS].map(|name| fs::read_link(self.hidden(name)).ok());
        for entry in fs::read_dir(&directory).map_err(|source| failed(&directory, source))? {
            let entry = entry.map_err(|source| failed(&directory, source))?;
            let (path, name) = (entry.path(), PathBuf::from(entry.file_name()));
            let kind = entry.file_type().map_err(|source| failed(&path, source))?;
            let begins = |prefix: &str| name.to_str().is_some_and(|name| name.starts_with(prefix));
            if kind.is_dir() && begins("set-") && !kept.iter().flatten().any(|kept| *kept == name) {
                fs::remove_dir_all(&path).map_err(|source| failed(&path, source))?;
            } else if kind.is_symlink() && (begins("current.") || begins("previous.")) {
                fs::remove_file(&path).map_err(|source| failed(&path, source))?;
            }
        }
        Ok(())
    }
}

/// Nothing may stand at `path`, or something that `is_ours`. Links are looked at, not followed.
fn refuse(path: &Path, is_ours: impl FnOnce(&fs::FileType) -> bool) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if is_ours(&metadata.file_type()) => Ok(()),
        Ok(_) => Err(StoreError::Foreign { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(StoreError::Failed { action: "read", path: path.into(), source }),
    }
}

const HIDDEN: &str = ".egext";
const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::StoreError;
use super::handle::Directory;
use super::trust::{Owners, Strictness};
use super::way;
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
    let Some(place) = Place::find(directory)? else {
        return Ok(Contents::Nothing);
    };
    let before = place.current()?;
    let mut missing = Vec::new();
    for name in names {
        let path = directory.join(name);
        match fs::metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((*name).to_owned()),
            Err(source) => return Err(StoreError::Failed { action: "read", path, source }),
        }
    }
    // A set was published while we looked: what was missing then may be there now.
    if place.current()? != before {
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
    Place::find(directory)?.map_or(Ok(()), |place| place.refuse_foreign(names))
}

/// Where the set before the current one is, after something was replaced.
pub fn previous(directory: &Path) -> PathBuf {
    directory.join(HIDDEN).join(PREVIOUS)
}

/// The directory of the set that readers see at this moment: it never changes, and a new set gets a new one.
pub fn current(directory: &Path) -> PathBuf {
    let hidden = directory.join(HIDDEN);
    let set = Place::find(directory).and_then(|place| place.map_or(Ok(None), |place| place.current()));
    hidden.join(set.ok().flatten().unwrap_or_else(|| CURRENT.into()))
}

/// A directory with our names in it, opened once.
#[derive(Debug)]
pub(super) struct Place {
    directory: Directory,
    hidden: Option<Directory>,
}

impl Place {
    /// Opens what is there, and makes nothing.
    pub(super) fn find(directory: &Path) -> Result<Option<Self>, StoreError> {
        way::find(directory, Strictness::Own)?.map(Self::open).transpose()
    }

    pub(super) fn open(directory: Directory) -> Result<Self, StoreError> {
        let hidden = match directory.status(HIDDEN)? {
            None => None,
            Some(status) if !status.kind().is_dir() => {
                return Err(StoreError::Foreign { path: directory.path_of(HIDDEN) });
            }
            Some(_) => Some(own(directory.open(HIDDEN)?)?),
        };
        Ok(Self { directory, hidden })
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The directory where the sets are.
    pub(super) fn hidden(&self) -> Option<&Directory> {
        self.hidden.as_ref()
    }

    /// Where the link with a user's name points to.
    pub(super) fn target(name: impl AsRef<OsStr>) -> OsString {
        [OsStr::new(HIDDEN), OsStr::new(CURRENT), name.as_ref()].iter().collect::<PathBuf>().into()
    }

    /// The name of the set that readers see.
    pub(super) fn current(&self) -> Result<Option<OsString>, StoreError> {
        let Some(hidden) = &self.hidden else { return Ok(None) };
        match hidden.target(CURRENT) {
            // Anything else, and most of all a path, would lead us to what is not ours.
            Some(target) if !is_set(&target) => {
                Err(StoreError::Stray { path: hidden.path_of(CURRENT), target: target.into() })
            }
            target => Ok(target),
        }
    }

    /// The set that readers see.
    pub(super) fn current_set(&self) -> Result<Option<Directory>, StoreError> {
        let (Some(hidden), Some(set)) = (&self.hidden, self.current()?) else { return Ok(None) };
        own(hidden.open(set)?).map(Some)
    }

    /// The names of all files of a set.
    pub(super) fn files_of(set: &Directory) -> Result<Vec<String>, StoreError> {
        let foreign = |name: OsString| Err(StoreError::Foreign { path: set.path_of(name) });
        let mut names = Vec::new();
        for (name, kind) in set.entries()? {
            // We have written none that is not UTF-8, and whatever is no file is not ours.
            match name.into_string() {
                Ok(name) if kind.is_file() => names.push(name),
                Ok(name) => return foreign(name.into()),
                Err(name) => return foreign(name),
            }
        }
        names.sort();
        Ok(names)
    }

    /// Looks whether anything that we would write to is somebody else's.
    pub(super) fn refuse_foreign(&self, names: &[&str]) -> Result<(), StoreError> {
        for name in names {
            let ours = || self.directory.target(name).is_some_and(|target| target == Self::target(name));
            refuse(&self.directory, name, |kind| kind.is_symlink() && ours())?;
        }
        let Some(hidden) = &self.hidden else { return Ok(()) };
        refuse(hidden, LOCK, FileType::is_file)?;
        for name in [CURRENT, PREVIOUS] {
            refuse(hidden, name, FileType::is_symlink)?;
        }
        self.current().map(|_| ())
    }

    /// Removes those of our links that lead nowhere, because the current set, which is `names`, has no such file:
    /// the key of a CA that is somebody else's now, or a leaf of the set before.
    pub(super) fn remove_idle_links(&self, names: &[&str]) -> Result<(), StoreError> {
        let directory = &self.directory;
        for (name, kind) in directory.entries()? {
            if !kind.is_symlink() || names.iter().any(|used| name == *used) {
                continue;
            }
            if directory.target(&name).is_some_and(|found| found == Self::target(&name)) {
                let failed = |source| StoreError::failed("clean", &directory.path_of(&name), source);
                directory.remove(&name).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Removes what a killed run has left, and sets that nobody needs. Only for who holds the lock.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let Some(hidden) = &self.hidden else { return Ok(()) };
        let kept = [CURRENT, PREVIOUS].map(|name| hidden.target(name));
        for (name, kind) in hidden.entries()? {
            let begins = |prefix: &str| name.to_str().is_some_and(|name| name.starts_with(prefix));
            if kind.is_dir() && is_set(&name) && !kept.iter().flatten().any(|kept| *kept == name) {
                hidden.remove_all(&name)?;
            } else if kind.is_symlink() && (begins("current.") || begins("previous.")) {
                let failed = |source| StoreError::failed("clean", &hidden.path_of(&name), source);
                hidden.remove(&name).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// What is in `.egext` is for its owner alone.
fn own(directory: Directory) -> Result<Directory, StoreError> {
    Owners::effective().judge(&directory.own_status()?, directory.path(), Strictness::Own)?;
    Ok(directory)
}

/// A set is called so, and beside `current`: one component and no path.
fn is_set(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.len() > SET.len() && name.starts_with(SET.as_bytes()) && !name.contains(&b'/')
}

/// Nothing may be called `name`, or something that `is_ours`. Links are looked at, not followed.
fn refuse(
    directory: &Directory,
    name: &str,
    is_ours: impl FnOnce(FileType) -> bool,
) -> Result<(), StoreError> {
    match directory.status(name)? {
        Some(status) if !is_ours(status.kind()) => Err(StoreError::Foreign { path: directory.path_of(name) }),
        _ => Ok(()),
    }
}

pub(super) const HIDDEN: &str = ".egext";
pub(super) const CURRENT: &str = "current";
pub(super) const PREVIOUS: &str = "previous";
pub(super) const LOCK: &str = "lock";
pub(super) const SET: &str = "set-";

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::StoreError;
use super::forget::forget;
use super::handle::Directory;
use super::keep::keep_ca_key;
use super::trust::{Owners, Strictness};
use super::way;
pub(super) use crate::pki::keys::link::CURRENT;
pub(in crate::pki) use crate::pki::keys::link::HIDDEN;

/// Where the set before the current one is, after something was replaced.
pub fn previous(directory: &Path) -> PathBuf {
    directory.join(HIDDEN).join(PREVIOUS)
}

/// Where the set is that the links of `directory` lead to.
pub fn current(directory: &Path) -> PathBuf {
    directory.join(HIDDEN).join(CURRENT)
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
        self.linked(CURRENT)
    }

    fn linked(&self, link: &str) -> Result<Option<OsString>, StoreError> {
        let Some(hidden) = &self.hidden else { return Ok(None) };
        match hidden.target(link) {
            // Anything else, and most of all a path, would lead us to what is not ours.
            Some(target) if !is_set(&target) => {
                Err(StoreError::Stray { path: hidden.path_of(link), target: target.into() })
            }
            target => Ok(target),
        }
    }

    /// The set that readers see.
    pub(super) fn current_set(&self) -> Result<Option<Directory>, StoreError> {
        self.linked_set(CURRENT)
    }

    /// The set that one of our links leads to.
    pub(super) fn linked_set(&self, link: &str) -> Result<Option<Directory>, StoreError> {
        let (Some(hidden), Some(set)) = (&self.hidden, self.linked(link)?) else { return Ok(None) };
        own(hidden.open(set)?).map(Some)
    }

    /// The same for who is about to replace it: none where its directory was lost.
    pub(super) fn replaceable_set(&self) -> Result<Option<Directory>, StoreError> {
        match self.current_set() {
            Err(StoreError::Failed { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result,
        }
    }

    /// What has become of `current` in a copy without links.
    pub(super) fn copied_set(&self) -> Result<Option<Directory>, StoreError> {
        let Some(hidden) = &self.hidden else { return Ok(None) };
        match hidden.status(CURRENT)? {
            Some(status) if status.kind().is_dir() => own(hidden.open(CURRENT)?).map(Some),
            _ => Ok(None),
        }
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

    /// The sets that are there though no link that users know leads to one; none where a run was killed that made
    /// the first. With whether `current` is still there.
    pub(super) fn unlinked_sets(&self) -> Result<(Vec<String>, bool), StoreError> {
        let Some(hidden) = &self.hidden else { return Ok((Vec::new(), false)) };
        if let (Some(name), Some(_)) = (self.current()?, self.replaceable_set()?) {
            return Ok((vec![name.to_string_lossy().into_owned()], true));
        }
        if self.copied_set()?.is_some() {
            return Ok((vec![CURRENT.to_owned()], true));
        }
        let entries = hidden.entries()?;
        let sets = entries.into_iter().filter(|(name, kind)| kind.is_dir() && is_set(name));
        let mut sets = sets.map(|(name, _)| name.to_string_lossy().into_owned()).collect::<Vec<_>>();
        // It was published while we looked.
        if let Some(name) = self.current()?.map(|name| name.to_string_lossy().into_owned())
            && sets.contains(&name)
        {
            return Ok((vec![name], true));
        }
        // The set before is not the one that was in use.
        let before = self.linked(PREVIOUS).ok().flatten().map(|name| name.to_string_lossy().into_owned());
        if sets.len() > 1 {
            sets.retain(|set| Some(set) != before.as_ref());
        }
        sets.sort();
        Ok((sets, false))
    }

    /// Looks whether anything that we would write to belongs to another user. In a copy without links, directories are
    /// where links have been.
    pub(super) fn refuse_foreign(&self, names: &[&str], is_copy: bool) -> Result<(), StoreError> {
        for name in names {
            self.refuse_foreign_name(name)?;
        }
        let Some(hidden) = &self.hidden else { return Ok(()) };
        refuse(hidden, LOCK, FileType::is_file)?;
        refuse(hidden, CURRENT, |kind| kind.is_symlink() || is_copy && kind.is_dir())?;
        // It is swept as soon as the copy is ours.
        refuse(hidden, PREVIOUS, |kind| kind.is_symlink() || kind.is_dir())?;
        self.current().map(|_| ())
    }

    /// The same for the one name that users know a file by.
    pub(super) fn refuse_foreign_name(&self, name: &str) -> Result<(), StoreError> {
        let ours = || self.directory.target(name).is_some_and(|target| target == Self::target(name));
        refuse(&self.directory, name, |kind| kind.is_symlink() && ours())
    }

    /// Removes those of our links that lead nowhere, because the current set, which is `names`, has no such file:
    /// the key of a CA that is not stored any more, or a leaf certificate of the previous set.
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

    /// Removes what a killed run has left, and sets that are no longer needed. The caller must hold the lock.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let Some(hidden) = &self.hidden else { return Ok(()) };
        if self.copied_set()?.is_some() {
            // It is a copy, and what is in it is needed until it is ours.
            return Ok(());
        }
        forget(self)?;
        let current = self.replaceable_set()?;
        let kept = [CURRENT, PREVIOUS].map(|name| hidden.target(name));
        for (name, kind) in hidden.entries()? {
            let is = |prefixes: &[&str]| {
                name.to_str().is_some_and(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
            };
            let is_idle_set = is_set(&name) && !kept.iter().flatten().any(|kept| *kept == name);
            // Of a copy that was taken over, directories are left that links have replaced.
            if kind.is_dir()
                && (is_idle_set
                    || [PREVIOUS, FORGOTTEN, DISCARDED].iter().any(|link| name == *link)
                    || is(&[NEW, "current."]))
            {
                if !is(&[NEW]) {
                    keep_ca_key(hidden, &hidden.open(&name)?, &current.iter().collect::<Vec<_>>())?;
                }
                hidden.remove_all(&name)?;
            } else if kind.is_symlink() && is(&["current.", "previous.", "forgotten.", "discarded.", LINK]) {
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

/// A set is called so, next to `current`: one component and no path.
pub(super) fn is_set(name: &OsStr) -> bool {
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

pub(super) const PREVIOUS: &str = "previous";
/// With which set the CA keys of the one before are forgotten, until they are.
pub(super) const FORGOTTEN: &str = "forgotten";
/// The same of all CA keys that are not in that set, also of CAs that `egext` did not make.
pub(super) const DISCARDED: &str = "discarded";
/// Of a directory with the key of a CA that signs here no longer.
pub(super) const KEPT: &str = "kept-";
pub(super) const LOCK: &str = "lock";
pub(super) const SET: &str = "set-";
/// Of a set that is not published yet.
pub(super) const NEW: &str = "new-";
/// A link on its way to its place.
pub(super) const LINK: &str = "link.";

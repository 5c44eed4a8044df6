//! How a set is replaced, step by step: see [`store`](super).

use std::ffi::OsStr;
use std::io;

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::file::{Access, close_many, random_name, sync, write_new};
use super::handle::{Directory, PRIVATE, ReadError, Unsynced};
use super::keep::keep_ca_key;
use super::place::{CURRENT, DISCARDED, FORGOTTEN, NEW, PREVIOUS, Place, SET};
use super::{ALONE, Forget, PUBLIC, SetFile, Store, StoreError};
use crate::pki::CA_KEY_FILE;

impl Store {
    /// Makes a set of `files` and of those of the current one that are `kept`.
    pub(super) fn publish(mut self, files: &[SetFile], kept: &[String]) -> Result<(), StoreError> {
        self.take_over()?;
        let before = self.place.replaceable_set()?;
        // Where its directory was lost, the set before it is all that is left.
        let replaced = if before.is_some() { self.place.current()? } else { None };
        let name = random_name()?;
        let (new, set) = (format!("{NEW}{name}"), format!("{SET}{name}"));
        let hidden = self.hidden()?;
        let directory = self.make_set(&hidden, &new)?;
        self.fill(&directory, files, before.as_ref(), kept)?;
        let made = files.iter().map(|file| file.name.as_str());
        let names = made.clone().chain(kept.iter().map(String::as_str));
        let names = names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>();
        let is_visible = |name: &&str| made.clone().any(|made| made == *name) || !self.is_withdrawn(name);
        // To a set that has no such key, its link would lead nowhere: it comes with the set.
        let comes_later = |name: &&str| *name == CA_KEY_FILE && before.is_some();
        let early = names.iter().copied().filter(|name| is_visible(name) && !comes_later(name));
        for name in early.collect::<Vec<_>>() {
            self.link(name)?;
        }
        if before.is_none() {
            return self.name_first(&hidden, (&new, &set), &names);
        }
        self.name_set(&hidden, &new, &set)?;
        if let Some(replaced) = &replaced {
            self.point(&hidden, PREVIOUS, replaced)?;
        }
        if let Some(before) = before.filter(|_| self.forgets != Forget::All) {
            keep_ca_key(&hidden, &before, &[&directory])?;
        }
        if let (Some(marker), Some(_)) = (self.forgets.marker(), &replaced) {
            // Whatever ends this run, the next one sees what it was about to remove.
            self.point(&hidden, marker, OsStr::new(&set))?;
            sync(&[hidden.unsynced()])?;
        }
        if !names.contains(&CA_KEY_FILE) {
            self.remove_ca_key_link()?;
        }
        self.point(&hidden, CURRENT, OsStr::new(&set))?;
        self.settle(hidden, &names)?;
        let swept = if replaced.is_some() { self.place.sweep() } else { Ok(()) };
        // What cannot be removed now is removed by the next writer, but the report does not say that a key is removed.
        if self.forgets == Forget::Nothing { Ok(()) } else { swept }
    }

    /// The first set gets its name when `current` leads to it already: a set that no link leads to was not left by a killed
    /// run then, and is never swept as if it were.
    fn name_first(
        mut self,
        hidden: &Directory,
        (new, set): (&str, &str),
        names: &[&str],
    ) -> Result<(), StoreError> {
        if !names.contains(&CA_KEY_FILE) {
            self.remove_ca_key_link()?;
        }
        self.point(hidden, CURRENT, OsStr::new(set))?;
        sync(&[hidden.unsynced()])?;
        self.name_set(hidden, new, set)?;
        self.settle(hidden.clone(), names)
    }

    /// From here on the new set is what readers see.
    fn settle(&mut self, hidden: Directory, names: &[&str]) -> Result<(), StoreError> {
        self.undo.keep();
        if names.contains(&CA_KEY_FILE) {
            self.link(CA_KEY_FILE)?;
            self.undo.keep();
        }
        self.place.remove_idle_links(names)?;
        self.changed.extend([hidden, self.place.directory().clone()]);
        sync(&self.changed.iter().map(Directory::unsynced).collect::<Vec<_>>())
    }

    /// Removes every CA key but that of the current set, and changes nothing else.
    ///
    /// # Errors
    /// When one of them cannot be removed.
    pub fn discard_other_ca_keys(mut self) -> Result<(), StoreError> {
        self.take_over()?;
        let (hidden, Some(current)) = (self.hidden()?, self.place.current()?) else { return Ok(()) };
        self.point(&hidden, DISCARDED, &current)?;
        self.undo.keep();
        sync(&[hidden.unsynced()])?;
        self.place.sweep()
    }

    /// Writes all files of a new set, and waits until they are on disk.
    fn fill(
        &mut self,
        set: &Directory,
        files: &[SetFile],
        before: Option<&Directory>,
        kept: &[String],
    ) -> Result<(), StoreError> {
        let mut unsynced: Vec<Unsynced> = Vec::new();
        for file in files {
            let access = before.map_or(Ok(None), |before| Access::of_file(before, &file.name))?;
            let mode = if file.secret { PRIVATE } else { PUBLIC };
            let text = file.text.as_bytes();
            unsynced.push(write_new(set, &file.name, text, mode, access, &mut self.undo)?);
            close_many(&mut unsynced)?;
        }
        if let Some(before) = before {
            for name in kept {
                let (text, access) = take_along(before, name)?;
                unsynced.push(write_new(set, name, &text, PRIVATE, Some(access), &mut self.undo)?);
                close_many(&mut unsynced)?;
            }
            Access::of(&before.own_status()?).apply(set.file(), set.path())?;
        }
        unsynced.push(set.unsynced());
        sync(&unsynced)
    }

    /// Has the user deleted the certificate whose file this is? Its name is not made again.
    fn is_withdrawn(&self, file: &str) -> bool {
        let stem = file.rsplit_once('.').map(|(stem, _)| stem);
        self.judgement.withdrawn.iter().any(|name| stem == Some(name))
    }

    pub(super) fn hidden(&self) -> Result<Directory, StoreError> {
        let missing = || StoreError::failed("open", &self.directory, Errno::NOENT.into());
        self.place.hidden().cloned().ok_or_else(missing)
    }

    pub(super) fn make_set(&mut self, hidden: &Directory, name: &str) -> Result<Directory, StoreError> {
        hidden.make(name, ALONE)?;
        self.undo.directory(hidden, name);
        hidden.open(name)
    }

    /// The new set has no such key. A link to nothing would mean that it was lost, so the link goes before: without one,
    /// the set that is still there is whole, and has its key.
    fn remove_ca_key_link(&mut self) -> Result<(), StoreError> {
        let directory = self.place.directory();
        if directory.target(CA_KEY_FILE).is_none_or(|found| found != Place::target(CA_KEY_FILE)) {
            return Ok(());
        }
        let failed = |source| StoreError::failed("remove", &directory.path_of(CA_KEY_FILE), source);
        directory.remove(CA_KEY_FILE).map_err(failed)?;
        self.undo.removed_link(directory, CA_KEY_FILE);
        sync(&[directory.unsynced()])
    }

    /// Complete, and on disk: from here on it is one of the sets.
    pub(super) fn name_set(&mut self, hidden: &Directory, new: &str, set: &str) -> Result<(), StoreError> {
        let (new, set) = (OsStr::new(new), OsStr::new(set));
        hidden.rename(new, set)?;
        self.undo.renamed(new, set);
        Ok(())
    }

    /// The name that users know: a link into the current set.
    fn link(&mut self, name: &str) -> Result<(), StoreError> {
        let directory = self.place.directory();
        match directory.symlink(&Place::target(name), name) {
            Ok(()) => {
                self.undo.file(directory, name);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.place.refuse_foreign_name(name)
            }
            Err(source) => Err(StoreError::failed("create", &directory.path_of(name), source)),
        }
    }

    /// Replaces one of our links, so that there is never none.
    pub(super) fn point(&mut self, hidden: &Directory, name: &str, target: &OsStr) -> Result<(), StoreError> {
        let temporary = format!("{name}.{}", random_name()?);
        let failed = |source| StoreError::failed("create", &hidden.path_of(&temporary), source);
        hidden.symlink(target, &temporary).map_err(failed)?;
        self.undo.file(hidden, &temporary);
        let (temporary, name) = (OsStr::new(&temporary), OsStr::new(name));
        match hidden.status(name)? {
            Some(status) if status.kind().is_dir() => hidden.replace_directory(temporary, name),
            // What was there before is not put back, so the new one is taken away only where there was none.
            Some(_) => hidden.rename(temporary, name),
            None => {
                hidden.rename(temporary, name)?;
                self.undo.renamed(temporary, name);
                Ok(())
            }
        }
    }
}

impl Forget {
    /// With which link the set is marked that makes the removal final.
    const fn marker(self) -> Option<&'static str> {
        match self {
            Self::All => Some(DISCARDED),
            Self::Nothing => None,
            Self::Own => Some(FORGOTTEN),
        }
    }
}

/// What a file of the set before holds, and who may do what with it: of one and the same file.
fn take_along(set: &Directory, name: &str) -> Result<(Zeroizing<Vec<u8>>, Access), StoreError> {
    let path = set.path_of(name);
    match set.read(name) {
        Ok((text, status)) => Ok((text, Access::of(&status))),
        Err(ReadError::Failed(source)) => Err(StoreError::failed("read", &path, source)),
        Err(ReadError::NotAFile) => Err(StoreError::Foreign { path }),
        Err(ReadError::TooLarge) => {
            Err(StoreError::failed("take along", &path, io::ErrorKind::FileTooLarge.into()))
        }
    }
}

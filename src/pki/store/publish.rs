//! How a set is replaced, step by step: see [`store`](super).

use std::ffi::OsStr;
use std::io;

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::file::{Access, random_name, sync, write_new};
use super::handle::{Directory, PRIVATE, ReadError, Unsynced};
use super::place::{CURRENT, FORGOTTEN, NEW, PREVIOUS, Place, SET};
use super::{ALONE, PUBLIC, SetFile, Store, StoreError};
use crate::pki::CA_KEY_FILE;

impl Store {
    /// Makes a set of `files` and of those of the current one that are `kept`.
    pub(super) fn publish(mut self, files: &[SetFile<'_>], kept: &[String]) -> Result<(), StoreError> {
        self.take_over()?;
        let before = self.place.replaceable_set()?;
        // Where its directory was lost, the set before it is all that is left.
        let replaced = if before.is_some() { self.place.current()? } else { None };
        let name = random_name()?;
        let (new, set) = (format!("{NEW}{name}"), format!("{SET}{name}"));
        let hidden = self.hidden()?;
        let directory = self.make_set(&hidden, &new)?;
        self.fill(&directory, files, before.as_ref(), kept)?;
        let names = files.iter().map(|file| file.name).chain(kept.iter().map(String::as_str));
        let names = names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>();
        for name in &names {
            self.link(name)?;
        }
        self.name_set(&hidden, &new, &set)?;
        if let Some(replaced) = &replaced {
            self.point(&hidden, PREVIOUS, replaced)?;
        }
        if self.forgets && replaced.is_some() {
            // Whatever ends this run, the next one sees what it was about to remove.
            self.point(&hidden, FORGOTTEN, OsStr::new(&set))?;
            sync(&[hidden.unsynced()])?;
        }
        if !names.contains(&CA_KEY_FILE) {
            self.remove_ca_key_link()?;
        }
        self.point(&hidden, CURRENT, OsStr::new(&set))?;
        // From here on the new set is what readers see.
        self.undo.keep();
        self.place.remove_idle_links(&names)?;
        self.changed.extend([hidden, self.place.directory().clone()]);
        sync(&self.changed.iter().map(Directory::unsynced).collect::<Vec<_>>())?;
        let swept = if replaced.is_some() { self.place.sweep() } else { Ok(()) };
        // What cannot be removed now is removed by the next writer, but nobody is told that a key is gone.
        if self.forgets { swept } else { Ok(()) }
    }

    /// Writes all files of a new set, and waits until they are on disk.
    fn fill(
        &mut self,
        set: &Directory,
        files: &[SetFile<'_>],
        before: Option<&Directory>,
        kept: &[String],
    ) -> Result<(), StoreError> {
        let mut unsynced: Vec<Unsynced> = Vec::new();
        for file in files {
            let access = before.map_or(Ok(None), |before| Access::of_file(before, file.name))?;
            let mode = if file.secret { PRIVATE } else { PUBLIC };
            let text = file.text.as_bytes();
            unsynced.push(write_new(set, file.name, text, mode, access, &mut self.undo)?);
        }
        if let Some(before) = before {
            for name in kept {
                let (text, access) = take_along(before, name)?;
                unsynced.push(write_new(set, name, &text, PRIVATE, Some(access), &mut self.undo)?);
            }
            Access::of(&before.own_status()?).apply(set.file(), set.path())?;
        }
        unsynced.push(set.unsynced());
        sync(&unsynced)
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
            _ => hidden.rename(temporary, name),
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

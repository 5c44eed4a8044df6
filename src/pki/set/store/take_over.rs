//! Converts a copy with plain files to a set as we store it: see [`plain`].

use std::ffi::OsStr;

use rustix::fs::Mode;

use super::file::{close_many, random_name, sync, write_new};
use super::handle::{Directory, PRIVATE};
use super::place::{CURRENT, LINK, NEW, PREVIOUS, Place, SET};
use super::plain::{self, Plain};
use super::{ALONE, Store, StoreError};

impl Store {
    /// Does nothing where there is no copy.
    pub(super) fn take_over(&mut self) -> Result<(), StoreError> {
        let mut names = std::mem::take(&mut self.judgement.unlinked);
        if let Some(copy) = self.copy.take() {
            self.store_copy(&copy)?;
            let visible = copy.files.iter().map(|file| &file.name).filter(|name| !name.starts_with('.'));
            names = visible.cloned().collect();
        }
        if names.is_empty() {
            return Ok(());
        }
        for name in &names {
            self.replace_by_link(name)?;
        }
        // Before `current` leads to anything else: a name that is no link yet would stay with the old set.
        sync(&[self.place.directory().unsynced()])
    }

    /// Makes `current` hold what the plain files hold.
    fn store_copy(&mut self, copy: &Plain) -> Result<(), StoreError> {
        let hidden = self.hidden()?;
        let random = random_name()?;
        let (new, name) = (format!("{NEW}{random}"), format!("{SET}{random}"));
        let replaced = self.place.current()?;
        let set = self.make_set(&hidden, &new)?;
        let mut unsynced = Vec::new();
        for file in &copy.files {
            let access = Some(file.access());
            unsynced.push(write_new(&set, &file.name, &file.text, PRIVATE, access, &mut self.undo)?);
            close_many(&mut unsynced)?;
        }
        self.open_as_before(&hidden, &set)?;
        unsynced.push(set.unsynced());
        sync(&unsynced)?;
        self.name_set(&hidden, &new, &name)?;
        if let Some(replaced) = replaced {
            self.point(&hidden, PREVIOUS, &replaced)?;
        }
        self.point(&hidden, CURRENT, OsStr::new(&name))?;
        self.undo.keep();
        // Before the first link: it must not lead nowhere when the power fails.
        sync(&[hidden.unsynced()])
    }

    /// Who could read the plain files in their directory can read them behind their links.
    fn open_as_before(&self, hidden: &Directory, set: &Directory) -> Result<(), StoreError> {
        let mode = self.place.directory().own_status()?.mode() & READABLE | ALONE;
        for directory in [hidden, set] {
            rustix::fs::fchmod(directory.file(), mode)
                .map_err(|source| StoreError::failed("set the mode of", directory.path(), source.into()))?;
        }
        Ok(())
    }

    fn replace_by_link(&self, name: &str) -> Result<(), StoreError> {
        let (directory, hidden) = (self.place.directory(), self.hidden()?);
        let set = self.place.current_set()?;
        // A change since it was read must not be lost.
        if !set.is_some_and(|set| plain::is_same(directory, &set, name)) {
            return Err(StoreError::Foreign { path: directory.path_of(name) });
        }
        let temporary = format!("{LINK}{}", random_name()?);
        let failed = |source| StoreError::failed("create", &hidden.path_of(&temporary), source);
        hidden.symlink(&Place::target(name), &temporary).map_err(failed)?;
        hidden.rename_into(OsStr::new(&temporary), directory, OsStr::new(name))
    }
}

/// All but writing for others.
const READABLE: Mode = Mode::from_raw_mode(0o755);

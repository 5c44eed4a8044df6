//! One writer at a time.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::Mode;

use super::handle::{Directory, Status};
use super::place::{HIDDEN, LOCK, Place};
use super::trust::Strictness;
use super::undo::Undo;
use super::way;
use super::{PUBLIC, StoreError};

/// The lock, until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is just starting has inherited it.
        // Where this fails, closing is what is left.
        let _ = self.0.unlock();
    }
}

/// Makes what is missing of the directory, and locks it.
pub(super) fn lock(
    directory: &Path,
    undo: &mut Undo,
    changed: &mut Vec<Directory>,
) -> Result<(Place, Lock), StoreError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match try_lock(directory, undo, changed) {
            Ok(Some(locked)) => return Ok(locked),
            Ok(None) if attempts == ATTEMPTS => {
                return Err(StoreError::Busy { directory: directory.into() });
            }
            // Another writer has failed, and has just taken away the directories that it had made.
            Err(StoreError::Failed { source, .. })
                if source.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS => {}
            Ok(None) => {}
            Err(error) => return Err(error),
        }
    }
}

/// None when what was locked is no longer the lock.
fn try_lock(
    path: &Path,
    undo: &mut Undo,
    changed: &mut Vec<Directory>,
) -> Result<Option<(Place, Lock)>, StoreError> {
    let (directory, is_new) = way::make(path, Strictness::Own, undo, changed)?;
    if is_new {
        ignore_by_git(&directory, undo)?;
    }
    let is_new = directory.make(HIDDEN, ALONE)?;
    if is_new {
        undo.directory(&directory, HIDDEN);
    }
    let place = Place::open(directory)?;
    let Some(hidden) = place.hidden() else { return Ok(None) };
    if is_new {
        // Also in a directory of others, whose patterns know nothing of this one.
        ignore_by_git(hidden, undo)?;
    }
    let failed = |source| StoreError::failed("lock", &hidden.path_of(LOCK), source);
    let file = hidden.open_lock(LOCK).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Busy { directory: path.into() });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let file = Lock(file);
    // A writer that failed has removed the lock file. What we hold then is a file without a name, and the next
    // writer would lock another one.
    let (held, named) = (Status::of(&file.0).map_err(failed)?, hidden.status(LOCK)?);
    if named.is_none_or(|named| !named.is_same(&held)) {
        return Ok(None);
    }
    // Of a set, the lock stays for the next writer; of a copy, it was there before.
    if place.current()?.is_none() && place.copied_set()?.is_none() {
        undo.file(hidden, LOCK);
    }
    Ok(Some((place, file)))
}

/// Keys are not for commits. Only where all of a directory is ours: another one holds what others want to commit.
fn ignore_by_git(directory: &Directory, undo: &mut Undo) -> Result<(), StoreError> {
    let mut file = match directory.create(GITIGNORE, PUBLIC) {
        Ok(file) => file,
        // Another writer is in it already, and has seen that it had been made.
        Err(StoreError::Failed { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    undo.last_file(directory, GITIGNORE);
    file.write_all(IGNORE_ALL)
        .map_err(|source| StoreError::failed("write", &directory.path_of(GITIGNORE), source))
}

/// How often the lock is tried when others come and go at the same moment.
const ATTEMPTS: usize = 10;

const ALONE: Mode = Mode::from_raw_mode(0o700);

const GITIGNORE: &str = ".gitignore";

const IGNORE_ALL: &[u8] = b"# Made by egext: keys are not for commits.\n*\n";

#[cfg(test)]
mod tests {
    use super::super::Store;

    #[test]
    fn a_lock_ends_with_its_writer_although_another_process_has_inherited_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let open = || Store::open(&directory.path().join("certs"), &[]);
        let store = open().expect("a new directory");
        // What a child process has between fork and exec.
        let inherited = store._lock.0.try_clone().expect("a descriptor");
        open().expect_err("locked");
        drop(store);
        open().expect("free again");
        drop(inherited);
    }
}

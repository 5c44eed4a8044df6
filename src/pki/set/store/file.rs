//! Writes single files.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;

use super::handle::{Directory, PRIVATE, Status, Unsynced};
use super::trust::Strictness;
use super::undo::Undo;
use super::way;
use super::{PUBLIC, StoreError};

/// Who may do what with a file: what its successor keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    mode: Mode,
    owner: u32,
    group: u32,
}

impl Access {
    pub(super) fn of(status: &Status) -> Self {
        Self { mode: status.mode(), owner: status.owner(), group: status.group() }
    }

    /// That of the file `name`, which is nothing where nothing is.
    pub(super) fn of_file(directory: &Directory, name: &str) -> Result<Option<Self>, StoreError> {
        match directory.status(name)? {
            // The mode of a link says nothing, and none is ours here.
            Some(status) if !status.kind().is_file() => {
                Err(StoreError::Foreign { path: directory.path_of(name) })
            }
            status => Ok(status.as_ref().map(Self::of)),
        }
    }

    /// Gives it to a file that only we have so far.
    pub(super) fn apply(self, file: &impl AsFd, path: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::failed("keep the owner of", path, source);
        let status = Status::of(file).map_err(failed)?;
        // Asked for only where it changes something: not every file system knows owners.
        if (status.owner(), status.group()) != (self.owner, self.group) {
            let (owner, group) = (Uid::from_raw(self.owner), Gid::from_raw(self.group));
            rustix::fs::fchown(file, Some(owner), Some(group)).map_err(|error| failed(error.into()))?;
        }
        // The mode last: until here no other user can read it, and a change of owner clears bits of it.
        rustix::fs::fchmod(file, self.mode)
            .map_err(|source| StoreError::failed("set the mode of", path, source.into()))
    }
}

/// Writes a single file that is not there yet and that only its owner may read: all of it or nothing.
///
/// It gets its name by a link once it is complete, because a link, unlike a rename, replaces nothing.
///
/// # Errors
/// When something is at `path` already, whatever it is, others could replace it there, or the disk does not take it.
pub fn write_alone(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    write_single(path, contents, PRIVATE)
}

/// The same for a file without secrets, which everyone may read.
///
/// # Errors
/// The same.
pub fn write_open(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    write_single(path, contents, PUBLIC)
}

fn write_single(path: &Path, contents: &[u8], mode: Mode) -> Result<(), StoreError> {
    let failed = |source: io::Error| StoreError::failed("write", path, source);
    let (directory, name) = place_of(path)?;
    let temporary = format!(".{}.{}", name.display(), random_name()?);
    // Taken away again in any case: what stays is the link.
    let mut undo = Undo::default();
    let written = write_new(&directory, &temporary, contents, mode, None, &mut undo);
    let (file, _) = written.map_err(|error| error.about(&directory.path_of(&temporary), path))?;
    sync(&[(file, path.into())])?;
    directory.link(OsStr::new(&temporary), name).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists { path: path.into() },
        _ => failed(source),
    })?;
    sync(&[directory.unsynced()])
}

/// Writes a single file anew, if it still holds `old`: all of it or nothing. Mode and owner stay. At the end of a link, the
/// file is written and the link stays.
///
/// # Errors
/// When the file holds something else, others could replace it there, or the disk does not take it.
pub fn replace_alone(path: &Path, old: &[u8], new: &[u8]) -> Result<(), StoreError> {
    let failed = |source: io::Error| StoreError::failed("write", path, source);
    let is_link = fs::symlink_metadata(path).map_err(failed)?.is_symlink();
    let real = if is_link { fs::canonicalize(path).map_err(failed)? } else { path.to_owned() };
    let (directory, name) = place_of(&real)?;
    let shown = name.to_string_lossy();
    let lock = lock_alone(&real, path)?;
    if lock.is_held {
        sweep_alone(&directory, &shown)?;
    }
    let access = Access::of_file(&directory, &shown)?;
    let temporary = format!(".{shown}.{}", random_name()?);
    // Unless it gets its name, it is taken away again.
    let mut undo = Undo::default();
    let written = write_new(&directory, &temporary, new, PRIVATE, access, &mut undo);
    let (file, _) = written.map_err(|error| error.about(&directory.path_of(&temporary), path))?;
    sync(&[(file, path.into())])?;
    // Another program may have written it meanwhile, such as an editor. What it does from here on is not seen.
    if fs::read(&real).map_err(failed)? != old {
        return Err(StoreError::Changed { path: path.into() });
    }
    directory.rename(OsStr::new(&temporary), name)?;
    undo.keep();
    sync(&[directory.unsynced()])
}

/// The lock of a file that is replaced. It ends with the process, however that ends.
struct Lock {
    _file: File,
    /// Not every file system has locks.
    is_held: bool,
}

/// Of several that replace a file, one does so at a time. The lock is that of the file that has the name now: one that was
/// replaced meanwhile has a lock of its own, which excludes no other writer.
fn lock_alone(real: &Path, path: &Path) -> Result<Lock, StoreError> {
    let failed = |source| StoreError::failed("write", path, source);
    let file = File::open(real).map_err(failed)?;
    let is_held = match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(StoreError::Busy { directory: path.into() }),
        Ok(()) => true,
        Err(TryLockError::Error(_)) => false,
    };
    let (locked, named) = (file.metadata().map_err(failed)?, fs::metadata(real).map_err(failed)?);
    match (locked.dev(), locked.ino()) == (named.dev(), named.ino()) {
        true => Ok(Lock { _file: file, is_held }),
        false => Err(StoreError::Changed { path: path.into() }),
    }
}

/// Removes what runs that were killed have left next to the file `name`. Under its lock, no other run writes there.
fn sweep_alone(directory: &Directory, name: &str) -> Result<(), StoreError> {
    let prefix = format!(".{name}.");
    let is_ours = |other: &OsStr| {
        let random = other.to_str().and_then(|other| other.strip_prefix(&prefix)).unwrap_or_default();
        random.len() == RANDOM_LENGTH
            && random.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    for (other, kind) in directory.entries()? {
        if kind.is_file() && is_ours(&other) {
            // That of another user in a directory of all stays.
            let _ = directory.remove(&other);
        }
    }
    Ok(())
}

/// The directory of a file and the name of the file in it, if no other user can replace files there.
fn place_of(path: &Path) -> Result<(Directory, &OsStr), StoreError> {
    let failed = |source: io::Error| StoreError::failed("write", path, source);
    let name = path.file_name().ok_or_else(|| failed(Errno::ISDIR.into()))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let about = |error| match error {
        StoreError::Failed { action: "open", source, .. } => failed(source),
        other => other,
    };
    let directory = way::find(parent, Strictness::Passed).map_err(about)?;
    Ok((directory.ok_or_else(|| failed(Errno::NOENT.into()))?, name))
}

/// Writes a file that is not there yet, with its mode from birth, or the `access` of the file that it replaces.
pub(super) fn write_new(
    directory: &Directory,
    name: &str,
    text: &[u8],
    mode: Mode,
    access: Option<Access>,
    undo: &mut Undo,
) -> Result<Unsynced, StoreError> {
    let path = directory.path_of(name);
    let mode = if access.is_some() { PRIVATE } else { mode };
    let mut file: File = directory.create(name, mode)?;
    undo.file(directory, name);
    if let Some(access) = access {
        access.apply(&file, &path)?;
    }
    file.write_all(text).map_err(|source| StoreError::failed("write", &path, source))?;
    Ok((Arc::new(OwnedFd::from(file)), path))
}

/// Waits until all of them are on disk.
///
/// The writing of all is begun before the first is waited for. Waited for one by one, each would need a journal
/// entry of its own; in threads they are no faster than in this way, and the threads cost more than the syncing
/// where memory is the disk.
pub(super) fn sync(files: &[Unsynced]) -> Result<(), StoreError> {
    #[cfg(target_os = "linux")]
    for (file, _) in files {
        // Advice, and for its side effect: Linux begins to write what it need not keep. That it may be
        // refused, as it is for a directory, changes nothing of what is waited for below.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    }
    files.iter().try_for_each(|(file, path)| match rustix::fs::fsync(file).map_err(io::Error::from) {
        // Some network file systems cannot sync a directory, and have no need to.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result.map_err(|source| StoreError::failed("sync", path, source)),
    })
}

/// Syncs and closes what is open, before it is more than a process may have open at once: a set may have any number of
/// further certificates. A set of two sides stays below, and is synced at once.
pub(super) fn close_many(files: &mut Vec<Unsynced>) -> Result<(), StoreError> {
    if files.len() >= MOST_OPEN {
        sync(files)?;
        files.clear();
    }
    Ok(())
}

pub(super) fn random_name() -> Result<String, StoreError> {
    let mut octets = [0; 8];
    crate::crypto::rand::fill(&mut octets).map_err(|_| StoreError::NoRandomness)?;
    Ok(format!("{:0RANDOM_LENGTH$x}", u64::from_be_bytes(octets)))
}

const RANDOM_LENGTH: usize = 16;

/// Even `ulimit -n 64` leaves as many.
const MOST_OPEN: usize = 16;

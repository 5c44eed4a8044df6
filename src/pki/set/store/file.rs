//! Writes single files.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FlockOperation, Gid, Mode, Uid};
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

/// Makes a directory for such files, for its owner alone, and what is missing above it. One that is there stays as it is.
///
/// # Errors
/// When something else is at `path`, others could replace what is put there, or the disk does not take it.
pub fn make_directory(path: &Path) -> Result<(), StoreError> {
    let (mut undo, mut changed) = (Undo::default(), Vec::new());
    way::make(path, Strictness::Passed, &mut undo, &mut changed)?;
    sync(&changed.iter().map(Directory::unsynced).collect::<Vec<_>>())?;
    undo.keep();
    Ok(())
}

fn write_single(path: &Path, contents: &[u8], mode: Mode) -> Result<(), StoreError> {
    let failed = |source: io::Error| StoreError::failed("write", path, source);
    let (directory, name) = place_of(path)?;
    // Taken away again in any case: what stays is the link.
    let mut undo = Undo::default();
    let written = Hidden::write(&directory, name, path, contents, mode, None, &mut undo)?;
    directory.link(OsStr::new(&written.name), name).map_err(|source| match source.kind() {
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
    let _lock = lock_alone(&real, path)?;
    let access = Access::of_file(&directory, &shown)?;
    // Unless it gets its name, it is taken away again.
    let mut undo = Undo::default();
    let written = Hidden::write(&directory, name, path, new, PRIVATE, access, &mut undo)?;
    // Another program may have written it meanwhile, such as an editor. What it does from here on is not seen.
    if fs::read(&real).map_err(failed)? != old {
        return Err(StoreError::Changed { path: path.into() });
    }
    directory.rename(OsStr::new(&written.name), name)?;
    undo.keep();
    sync(&[directory.unsynced()])
}

/// A file that is complete, and has a hidden name until it gets its own. It is locked as long as it may be needed: so a run finds
/// out which of such files belong to runs that were killed.
struct Hidden {
    name: String,
    _locked: Arc<OwnedFd>,
}

impl Hidden {
    /// Writes it next to the file `name`, which messages call `path`.
    fn write(
        directory: &Directory,
        name: &OsStr,
        path: &Path,
        contents: &[u8],
        mode: Mode,
        access: Option<Access>,
        undo: &mut Undo,
    ) -> Result<Self, StoreError> {
        let shown = name.to_string_lossy();
        sweep_alone(directory, &shown);
        for _ in 0..ATTEMPTS {
            let temporary = format!(".{shown}.{}", random_name()?);
            let written = write_new(directory, &temporary, contents, mode, access, undo);
            let (file, _) = written.map_err(|error| error.about(&directory.path_of(&temporary), path))?;
            // Another run can have come between the two and taken it for a file that was left.
            if !is_swept(&file).map_err(|source| StoreError::failed("write", path, source))? {
                sync(&[(Arc::clone(&file), path.into())])?;
                return Ok(Self { name: temporary, _locked: file });
            }
        }
        Err(StoreError::Busy { directory: path.into() })
    }
}

/// Locks a file that we have written, if it is still there. Not every file system has locks; nothing is swept on one without.
fn is_swept(file: &OwnedFd) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(true),
        Ok(()) | Err(_) => Ok(rustix::fs::fstat(file)?.st_nlink == 0),
    }
}

/// The lock of a file that is replaced. It ends with the process, however that ends.
struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// Of several that replace a file, one does so at a time. The lock is that of the file that has the name now: one that was
/// replaced meanwhile has a lock of its own, which excludes no other writer.
fn lock_alone(real: &Path, path: &Path) -> Result<Lock, StoreError> {
    let failed = |source| StoreError::failed("write", path, source);
    let file = File::open(real).map_err(failed)?;
    // Not every file system has locks.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(StoreError::Busy { directory: path.into() });
    }
    let (locked, named) = (file.metadata().map_err(failed)?, fs::metadata(real).map_err(failed)?);
    match (locked.dev(), locked.ino()) == (named.dev(), named.ino()) {
        true => Ok(Lock(file)),
        false => Err(StoreError::Changed { path: path.into() }),
    }
}

/// Removes what runs that were killed have left next to the file `name`: a run that writes has locked its own.
fn sweep_alone(directory: &Directory, name: &str) {
    let prefix = format!(".{name}.");
    let is_ours = |other: &OsStr| {
        let random = other.to_str().and_then(|other| other.strip_prefix(&prefix)).unwrap_or_default();
        random.len() == RANDOM_LENGTH
            && random.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    // What cannot be listed or removed is no reason not to write.
    for (other, kind) in directory.entries().unwrap_or_default() {
        if !kind.is_file() || !is_ours(&other) {
            continue;
        }
        // That of another user stays, and is none of our business.
        let Ok(file) = directory.open_file(&other) else { continue };
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = directory.remove(&other);
        }
    }
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

/// How often a file is written again that another run has swept.
const ATTEMPTS: usize = 5;

/// Even `ulimit -n 64` leaves as many.
const MOST_OPEN: usize = 16;

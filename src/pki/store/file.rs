//! Files and directories one by one.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::undo::Undo;

/// Who may do what with a file: what its successor keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    mode: u32,
    owner: u32,
    group: u32,
}

impl Access {
    /// That of what is at `path`, which is nothing where nothing is.
    pub(super) fn of(path: &Path) -> Result<Option<Self>, StoreError> {
        match fs::symlink_metadata(path) {
            // The mode of a link says nothing, and none is ours here.
            Ok(metadata) if metadata.is_symlink() => Err(StoreError::Foreign { path: path.into() }),
            Ok(metadata) => Ok(Some(Self {
                mode: metadata.mode() & 0o7777,
                owner: metadata.uid(),
                group: metadata.gid(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::failed("read", path, source)),
        }
    }

    /// Gives it to `file`, which is nobody's but ours so far.
    pub(super) fn apply(self, file: &File, path: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::failed("keep the owner of", path, source);
        let metadata = file.metadata().map_err(failed)?;
        // Asked for only where it changes something: not every file system knows owners.
        if (metadata.uid(), metadata.gid()) != (self.owner, self.group) {
            fchown(file, Some(self.owner), Some(self.group)).map_err(failed)?;
        }
        // The mode last: until here nobody else can read it, and a change of owner clears bits of it.
        file.set_permissions(Permissions::from_mode(self.mode))
            .map_err(|source| StoreError::failed("set the mode of", path, source))
    }
}

/// Writes a single file that is not there yet and that only its owner may read: all of it or nothing.
///
/// It gets its name by a link once it is complete, because a link, unlike a rename, replaces nothing.
///
/// # Errors
/// When something is at `path` already, whatever it is, or the disk does not take it.
pub fn write_alone(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    let name = path
        .file_name()
        .ok_or_else(|| StoreError::failed("write", path, io::ErrorKind::IsADirectory.into()))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = directory.join(format!(".{}.{}", name.display(), random_name()?));
    // Taken away again in any case: what stays is the link.
    let mut undo = Undo::default();
    let file = write_new(&temporary, contents, 0o600, None, &mut undo)
        .map_err(|error| error.about(&temporary, path))?;
    sync(&[(file, temporary.clone())])?;
    fs::hard_link(&temporary, path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists { path: path.into() },
        _ => StoreError::failed("write", path, source),
    })?;
    sync(&[(open_directory(directory)?, directory.into())])
}

/// Makes `directory` for its owner alone, and what is missing above it as usual.
pub(super) fn make_directories(
    directory: &Path,
    undo: &mut Undo,
    changed: &mut Vec<PathBuf>,
) -> Result<(), StoreError> {
    let missing =
        |path: &&Path| fs::symlink_metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
    let mut paths = directory
        .ancestors()
        .filter(|path| !path.as_os_str().is_empty())
        .take_while(missing)
        .collect::<Vec<_>>();
    paths.reverse();
    for path in paths {
        let mode = if path == directory { 0o700 } else { 0o777 };
        make_directory(path, mode, undo)?;
        if let Some(parent) = path.parent() {
            changed.push(if parent.as_os_str().is_empty() { ".".into() } else { parent.into() });
        }
    }
    let metadata = fs::metadata(directory).map_err(|source| StoreError::failed("open", directory, source))?;
    if metadata.is_dir() {
        return Ok(());
    }
    Err(StoreError::failed("open", directory, io::ErrorKind::NotADirectory.into()))
}

pub(super) fn make_directory(path: &Path, mode: u32, undo: &mut Undo) -> Result<(), StoreError> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {
            undo.remember(path.into());
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(StoreError::failed("create", path, source)),
    }
}

/// Writes a file that is not there yet, with its mode from birth, or the `access` of the file that it replaces.
pub(super) fn write_new(
    path: &Path,
    text: &[u8],
    mode: u32,
    access: Option<Access>,
    undo: &mut Undo,
) -> Result<File, StoreError> {
    let failed = |source| StoreError::failed("write", path, source);
    let mode = if access.is_some() { 0o600 } else { mode };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    undo.remember(path.into());
    if let Some(access) = access {
        access.apply(&file, path)?;
    }
    file.write_all(text).map_err(failed)?;
    Ok(file)
}

pub(super) fn open_directory(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|source| StoreError::failed("open", path, source))
}

/// Waits until all of them are on disk.
///
/// The writing of all is begun before the first is waited for. Waited for one by one, each would need a journal
/// entry of its own; in threads they are no faster than in this way, and the threads cost more than the syncing
/// where memory is the disk.
pub(super) fn sync(files: &[(File, PathBuf)]) -> Result<(), StoreError> {
    #[cfg(target_os = "linux")]
    for (file, _) in files {
        // Advice, and for its side effect: Linux begins to write what it shall not keep. That it may be
        // refused, as it is for a directory, changes nothing of what is waited for below.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    }
    files.iter().try_for_each(|(file, path)| match file.sync_all() {
        // Some network file systems cannot sync a directory, and have no need to.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result.map_err(|source| StoreError::failed("sync", path, source)),
    })
}

pub(super) fn random_name() -> Result<String, StoreError> {
    let mut octets = [0; 8];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| StoreError::NoRandomness)?;
    Ok(format!("{:016x}", u64::from_be_bytes(octets)))
}

//! Directories that are opened once. All that is done in one is done by a single name below its handle, and no
//! call follows a link.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{StoreError, acl};

/// An open directory, and what messages call it.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    handle: Arc<OwnedFd>,
    path: PathBuf,
}

/// What is on the way to disk: a file or a directory, and what messages call it.
pub(super) type Unsynced = (Arc<OwnedFd>, PathBuf);

impl Directory {
    /// `/` or the working directory, to go on from.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let handle = fs::open(path, SEARCH, Mode::empty())?;
        Ok(Self { handle: Arc::new(handle), path: path.into() })
    }

    /// The directory `name` in this one, to go on from: it can be searched, not listed.
    pub(super) fn search(&self, name: &OsStr) -> io::Result<Self> {
        let handle = fs::openat(&self.handle, name, SEARCH, Mode::empty())?;
        Ok(Self { handle: Arc::new(handle), path: self.path_of(name) })
    }

    /// This directory, to be listed and synced; messages call it `path`.
    pub(super) fn reopen(&self, path: &Path) -> Result<Self, StoreError> {
        let handle = fs::openat(&self.handle, ".", LIST, Mode::empty());
        let handle = handle.map_err(|source| StoreError::failed("open", path, source.into()))?;
        Ok(Self { handle: Arc::new(handle), path: path.into() })
    }

    /// The directory `name` in this one.
    pub(super) fn open(&self, name: impl AsRef<OsStr>) -> Result<Self, StoreError> {
        let path = self.path_of(&name);
        let handle = fs::openat(&self.handle, name.as_ref(), LIST, Mode::empty());
        let handle = handle.map_err(|source| StoreError::failed("open", &path, source.into()))?;
        Ok(Self { handle: Arc::new(handle), path })
    }

    /// What messages call it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What messages call `name` in it.
    pub(super) fn path_of(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    pub(super) fn unsynced(&self) -> Unsynced {
        (Arc::clone(&self.handle), self.path.clone())
    }

    pub(super) fn own_status(&self) -> Result<Status, StoreError> {
        Status::of(&self.handle).map_err(|source| StoreError::failed("read", &self.path, source))
    }

    /// What is called `name`: itself, where it is a link. None where nothing is.
    pub(super) fn status(&self, name: impl AsRef<OsStr>) -> Result<Option<Status>, StoreError> {
        match fs::statat(&self.handle, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Status { stat, has_writers: false })),
            Err(Errno::NOENT) => Ok(None),
            Err(source) => Err(StoreError::failed("read", &self.path_of(name), source.into())),
        }
    }

    /// Where the link `name` leads. None where nothing is, or something else.
    pub(super) fn target(&self, name: impl AsRef<OsStr>) -> Option<OsString> {
        let target = fs::readlinkat(&self.handle, name.as_ref(), Vec::new()).ok()?;
        Some(OsString::from_vec(target.into_bytes()))
    }

    /// What is called `name`, and where it leads if it is a link: both of one and the same thing. None where nothing
    /// is, or it is being exchanged right now.
    #[cfg(target_os = "linux")]
    pub(super) fn link_status(&self, name: &OsStr) -> io::Result<Option<(Status, Option<OsString>)>> {
        let itself = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
        let handle = match fs::openat(&self.handle, name, itself, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            handle => handle?,
        };
        let status = Status::of(&handle)?;
        if !status.kind().is_symlink() {
            return Ok(Some((status, None)));
        }
        let target = fs::readlinkat(&handle, "", Vec::new())?;
        Ok(Some((status, Some(OsString::from_vec(target.into_bytes())))))
    }

    /// The same where links cannot be opened.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn link_status(&self, name: &OsStr) -> io::Result<Option<(Status, Option<OsString>)>> {
        let status = || match fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            stat => stat.map(|stat| Some(Status { stat, has_writers: false })),
        };
        let Some(before) = status()? else { return Ok(None) };
        let target = self.target(name);
        let is_same = status()?.is_some_and(|after| after.is_same(&before));
        Ok(is_same.then_some((before, target)))
    }

    /// Everything in it, in no order.
    pub(super) fn entries(&self) -> Result<Vec<(OsString, FileType)>, StoreError> {
        let failed = |source: Errno| StoreError::failed("read", &self.path, source.into());
        let mut entries = Vec::new();
        for entry in fs::Dir::read_from(&self.handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Not every file system says it here.
                FileType::Unknown => match self.status(&name)? {
                    Some(status) => status.kind(),
                    None => continue,
                },
                kind => kind,
            };
            entries.push((name, kind));
        }
        Ok(entries)
    }

    /// Makes a directory. False where something has the name already.
    pub(super) fn make(&self, name: impl AsRef<OsStr>, mode: Mode) -> Result<bool, StoreError> {
        match fs::mkdirat(&self.handle, name.as_ref(), mode) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(source) => Err(StoreError::failed("create", &self.path_of(name), source.into())),
        }
    }

    /// Makes a file that is not there yet, with its mode from birth.
    pub(super) fn create(&self, name: impl AsRef<OsStr>, mode: Mode) -> Result<File, StoreError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&self.handle, name.as_ref(), flags, mode) {
            Ok(handle) => Ok(handle.into()),
            Err(source) => Err(StoreError::failed("write", &self.path_of(name), source.into())),
        }
    }

    /// Opens a file to lock it, and makes it where it is missing.
    pub(super) fn open_lock(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(fs::openat(&self.handle, name.as_ref(), flags, PRIVATE)?.into())
    }

    /// Opens what is there, to lock it.
    pub(super) fn open_file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(fs::openat(&self.handle, name.as_ref(), flags, Mode::empty())?.into())
    }

    /// Reads a regular file, whose status is that of the handle it is read from.
    pub(super) fn read(&self, name: impl AsRef<OsStr>) -> Result<(Zeroizing<Vec<u8>>, Status), ReadError> {
        // Not to wait for a writer, where the file is a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = match fs::openat(&self.handle, name.as_ref(), flags, Mode::empty()) {
            Err(Errno::LOOP) => return Err(ReadError::NotAFile),
            handle => handle.map_err(io::Error::from)?,
        };
        let status = Status::of(&handle)?;
        if !status.kind().is_file() {
            return Err(ReadError::NotAFile);
        }
        let (mut text, file) = (Zeroizing::new(Vec::new()), File::from(handle));
        // Room for all of it at once: a buffer that grows leaves copies of a key behind.
        text.reserve_exact(usize::try_from(status.size().min(LIMIT)).unwrap_or_default() + 1);
        io::Read::read_to_end(&mut io::Read::take(file, LIMIT + 1), &mut text)?;
        match u64::try_from(text.len()) {
            Ok(length) if length <= LIMIT => Ok((text, status)),
            _ => Err(ReadError::TooLarge),
        }
    }

    pub(super) fn symlink(&self, target: &OsStr, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(fs::symlinkat(target, &self.handle, name.as_ref())?)
    }

    /// Gives a file a second name, which replaces nothing.
    pub(super) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty())?)
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), StoreError> {
        fs::renameat(&self.handle, from, &self.handle, to)
            .map_err(|source| StoreError::failed("replace", &self.path_of(to), source.into()))
    }

    /// Moves `from` to another directory, in the place of what is called `to` there.
    pub(super) fn rename_into(&self, from: &OsStr, other: &Self, to: &OsStr) -> Result<(), StoreError> {
        fs::renameat(&self.handle, from, &other.handle, to)
            .map_err(|source| StoreError::failed("replace", &other.path_of(to), source.into()))
    }

    /// Puts the link `from` in the place of the directory `to`, which gets a name that is swept.
    pub(super) fn replace_directory(&self, from: &OsStr, to: &OsStr) -> Result<(), StoreError> {
        // At once, where the file system can.
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        if fs::renameat_with(&self.handle, from, &self.handle, to, fs::RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
        let mut aside = from.to_owned();
        aside.push("-aside");
        self.rename(to, &aside)?;
        self.rename(from, to)
    }

    /// Removes anything but a directory.
    pub(super) fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(fs::unlinkat(&self.handle, name.as_ref(), AtFlags::empty())?)
    }

    /// Removes an empty directory.
    pub(super) fn remove_directory(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(fs::unlinkat(&self.handle, name.as_ref(), AtFlags::REMOVEDIR)?)
    }

    /// Removes a directory with all that is in it.
    pub(super) fn remove_all(&self, name: &OsStr) -> Result<(), StoreError> {
        let directory = self.open(name)?;
        let failed = |path: PathBuf| move |source| StoreError::failed("clean", &path, source);
        for (entry, kind) in directory.entries()? {
            match kind {
                FileType::Directory => directory.remove_all(&entry)?,
                _ => directory.remove(&entry).map_err(failed(directory.path_of(&entry)))?,
            }
        }
        self.remove_directory(name).map_err(failed(self.path_of(name)))
    }

    /// To change its owner and mode.
    pub(super) fn file(&self) -> &OwnedFd {
        &self.handle
    }
}

/// What the operating system says of a file, a directory or a link.
#[derive(Clone, Copy)]
pub(super) struct Status {
    stat: Stat,
    /// Others may write to it by an access list.
    has_writers: bool,
}

impl Status {
    pub(super) fn of(file: &impl std::os::fd::AsFd) -> io::Result<Self> {
        let stat = fs::fstat(file)?;
        let is_asked = Mode::from_raw_mode(stat.st_mode).contains(Mode::WGRP)
            && !FileType::from_raw_mode(stat.st_mode).is_symlink();
        Ok(Self { stat, has_writers: is_asked && acl::lets_others_write(file.as_fd()) })
    }

    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// The bits of `chmod`.
    pub(super) fn mode(&self) -> Mode {
        Mode::from_raw_mode(self.stat.st_mode)
    }

    pub(super) fn owner(&self) -> u32 {
        self.stat.st_uid
    }

    pub(super) fn group(&self) -> u32 {
        self.stat.st_gid
    }

    pub(super) fn has_writers(&self) -> bool {
        self.has_writers
    }

    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or_default()
    }

    /// Is it one and the same file?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.stat.st_dev, self.stat.st_ino) == (other.stat.st_dev, other.stat.st_ino)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status").field("mode", &self.mode()).field("owner", &self.owner()).finish()
    }
}

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum ReadError {
    Failed(io::Error),
    /// A link, a pipe, a device or a directory.
    NotAFile,
    TooLarge,
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Of files and directories that only their owner may read.
pub(super) const PRIVATE: Mode = Mode::from_raw_mode(0o600);

/// A bundle of all public CAs has a quarter of this.
pub(super) const LIMIT: u64 = 1 << 20;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

const LIST: OFlags = OFlags::RDONLY.union(DIRECTORY);

/// A directory above ours need not be readable: it is enough that it can be passed.
#[cfg(target_os = "linux")]
const SEARCH: OFlags = OFlags::PATH.union(DIRECTORY);
#[cfg(not(target_os = "linux"))]
const SEARCH: OFlags = LIST;

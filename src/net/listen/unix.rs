//! A unix socket that no other user can make, open or replace.
//!
//! The directory is opened once, and the path to it is judged by handles: other users cannot write to these directories, or
//! the sticky bit keeps them from replacing files of others. A lock file, which is removed when the socket exists, keeps two
//! processes of one user apart that start at the same time. No other user can open this file, so no other user can hold it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{self, AtFlags, FileType, Gid, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep};

use super::access::OTHERS;
use super::{AcceptError, BindError, SocketAccess};
use crate::net::Address;
use crate::pki::store::{StoreError, open_trusted};

/// A unix socket of ours and its file.
///
/// When it is dropped, the file is removed before the socket is closed: while the socket is open, no other process can
/// mistake its path for a stale one, or reuse its inode.
///
/// The file of a socket that another process has made belongs to that process, and stays.
#[derive(Debug)]
pub struct UnixSocket {
    path: PathBuf,
    identity: Option<Identity>,
    /// Before the listener, because it is dropped first.
    _file: Option<SocketFile>,
    access: SocketAccess,
    /// The number of our user.
    own: u32,
    listener: UnixListener,
}

#[derive(Debug)]
struct SocketFile {
    place: Place,
    identity: Identity,
}

/// Device and inode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Identity(u64, u64);

/// The place of the socket: its directory, opened, and its name there.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    directory: OwnedFd,
    name: OsString,
}

impl UnixSocket {
    /// Listens at `path`.
    pub(super) async fn bind(path: &Path, access: &SocketAccess) -> Result<Self, BindError> {
        let place = Place::open(path)?;
        let lock = Lock::take(&place).await?;
        place.clear().await?;
        let bound = place.listen(access);
        drop(lock);
        let (identity, listener) = bound?;
        let file = Some(SocketFile { place, identity });
        let (path, access) = (path.to_owned(), access.clone());
        Ok(Self { path, identity: Some(identity), _file: file, access, own: geteuid().as_raw(), listener })
    }

    /// A socket that another process has bound to `path`. Needs a runtime.
    pub(super) fn adopt(
        path: &Path,
        access: &SocketAccess,
        socket: std::os::unix::net::UnixListener,
    ) -> io::Result<Self> {
        let identity = fs::stat(path).ok().map(|found| Identity::of(&found));
        let listener = UnixListener::from_std(socket)?;
        let (path, access) = (path.to_owned(), access.clone());
        Ok(Self { path, identity, _file: None, access, own: geteuid().as_raw(), listener })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// True if `path` is this socket, also under another name.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::stat(path).is_ok_and(|found| Some(Identity::of(&found)) == self.identity)
    }

    /// The next connection, if it is of a user who is served.
    pub(super) async fn accept(&self) -> Result<UnixStream, AcceptError> {
        let (stream, _) = self.listener.accept().await?;
        let user = stream.peer_cred()?.uid();
        match self.access.serves(user, self.own) || self.is_for_members() {
            true => Ok(stream),
            false => Err(AcceptError::Foreign { user }),
        }
    }

    /// Can no process connect but those of this user, of root, and of the members of the group that we serve? True
    /// while the file has the group and the mode that it is to have.
    fn is_for_members(&self) -> bool {
        let Some(group) = self.access.group else { return false };
        fs::lstat(&self.path).is_ok_and(|found| {
            Some(Identity::of(&found)) == self.identity
                && found.st_gid == group
                && Mode::from_raw_mode(found.st_mode) == self.access.file_mode()
                && self.access.mode & OTHERS == 0
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The operator may have replaced it meanwhile; then it is not ours to remove.
        if self.place.status().ok().flatten().is_some_and(|found| Identity::of(&found) == self.identity) {
            // If it cannot be removed, it stays as a stale socket, which the next start replaces.
            let _ = self.place.remove(&self.place.name);
        }
    }
}

impl Identity {
    #[expect(clippy::useless_conversion, reason = "other systems have other types")]
    fn of(found: &Stat) -> Self {
        Self(found.st_dev.into(), found.st_ino.into())
    }
}

impl Place {
    fn open(path: &Path) -> Result<Self, BindError> {
        let name = path.file_name().ok_or_else(|| BindError::NotSocket { path: path.to_owned() })?;
        let directory = open_trusted(directory_of(path)).map_err(|error| match error {
            StoreError::Untrusted(untrusted) => BindError::Untrusted(untrusted),
            StoreError::Failed { source, .. } => failed(path, source),
            other => failed(path, io::Error::other(other)),
        })?;
        Ok(Self { path: path.to_owned(), directory, name: name.to_owned() })
    }

    /// What is there: itself, if it is a link.
    fn status(&self) -> io::Result<Option<Stat>> {
        self.status_of(&self.name)
    }

    fn status_of(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.directory, name, AtFlags::empty())?)
    }

    /// Removes a socket that an earlier process of this user has left behind, and nothing else.
    async fn clear(&self) -> Result<(), BindError> {
        let failed = |source| failed(&self.path, source);
        let Some(found) = self.status().map_err(failed)? else { return Ok(()) };
        if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
            return Err(BindError::NotSocket { path: self.path.clone() });
        }
        let in_use = || BindError::InUse { address: Address::Unix(self.path.clone()) };
        let is_hidden = match UnixStream::connect(&self.path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => false,
            // Only those may ask whom its mode permits.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => true,
            // It answers, or it would if its queue had room.
            Ok(_) | Err(_) => return Err(in_use()),
        };
        if is_bound(Identity::of(&found)) {
            return Err(in_use());
        }
        if is_hidden {
            return Err(BindError::Hidden { path: self.path.clone(), owner: found.st_uid });
        }
        if found.st_uid != geteuid().as_raw() {
            return Err(BindError::Foreign { path: self.path.clone(), owner: found.st_uid });
        }
        let again = self.status().map_err(failed)?;
        match again.is_some_and(|again| Identity::of(&again) == Identity::of(&found)) {
            true => self.remove(&self.name).map_err(failed),
            false => Err(in_use()),
        }
    }

    /// Between `bind` and `listen` the path exists and no caller can connect. On Linux the file is private from the start,
    /// and gets its group before its mode.
    fn listen(&self, access: &SocketAccess) -> Result<(Identity, UnixListener), BindError> {
        let failed = |source| failed(&self.path, source);
        let (identity, socket) = self.bind_private().map_err(failed)?;
        match self.admit(socket, access) {
            Ok(listener) => Ok((identity, listener)),
            Err(error) => {
                // What stays is a stale socket, which the next start replaces.
                let _ = self.remove(&self.name);
                Err(error)
            }
        }
    }

    /// Lets those connect who may.
    fn admit(&self, socket: Socket, access: &SocketAccess) -> Result<UnixListener, BindError> {
        let failed = |source| failed(&self.path, source);
        if let Some(group) = access.group {
            let given =
                fs::chownat(&self.directory, &*self.name, None, Some(Gid::from_raw(group)), AtFlags::empty());
            given.map_err(|error| BindError::Group {
                path: self.path.clone(),
                group,
                source: error.into(),
            })?;
        }
        if access.file_mode() != PRIVATE {
            let changed = fs::chmodat(&self.directory, &*self.name, access.file_mode(), AtFlags::empty());
            changed.map_err(|error| failed(error.into()))?;
        }
        let begun = || {
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            UnixListener::from_std(socket.into())
        };
        begun().map_err(failed)
    }

    fn bind_private(&self) -> io::Result<(Identity, Socket)> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        #[cfg(target_os = "linux")]
        fs::fchmod(&socket, PRIVATE)?;
        socket.bind(&SockAddr::unix(&self.path)?)?;
        let bound = self.status()?.ok_or(io::ErrorKind::NotFound)?;
        // Only this user or root can have replaced our directory.
        if FileType::from_raw_mode(bound.st_mode) != FileType::Socket || bound.st_uid != geteuid().as_raw() {
            return Err(io::Error::other("its directory was exchanged meanwhile"));
        }
        if Mode::from_raw_mode(bound.st_mode) != PRIVATE {
            fs::chmodat(&self.directory, &*self.name, PRIVATE, AtFlags::empty())?;
        }
        Ok((Identity::of(&bound), socket))
    }
}

/// Held while a socket is examined, removed and made. The file is removed with it.
struct Lock<'a> {
    place: &'a Place,
    name: OsString,
    /// The lock ends when it is closed, also by the end of the process.
    _file: File,
}

impl<'a> Lock<'a> {
    async fn take(place: &'a Place) -> Result<Self, BindError> {
        let name = [OsStr::new("."), &place.name, OsStr::new(".lock")].into_iter().collect::<OsString>();
        let path = place.path.with_file_name(&name);
        let deadline = Instant::now() + LOCK_LIMIT;
        loop {
            if let Some(file) = try_lock(place, &name, &path)? {
                return Ok(Self { place, name, _file: file });
            }
            if Instant::now() > deadline {
                return Err(BindError::Locked { path });
            }
            sleep(LOCK_PAUSE).await;
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // A file that stays does no harm: the next start uses it.
        let _ = self.place.remove(&self.name);
    }
}

/// None if another process holds the lock, or has just removed it.
fn try_lock(place: &Place, name: &OsStr, path: &Path) -> Result<Option<File>, BindError> {
    let failed = |source| failed(&place.path, source);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let foreign = || BindError::ForeignLock { path: path.to_owned() };
    let file = match fs::openat(&place.directory, name, flags, PRIVATE) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Err(foreign()),
        // Another process's, if it is there.
        Err(Errno::ACCESS) if place.status_of(name).map_err(failed)?.is_some() => return Err(foreign()),
        Err(error) => return Err(failed(error.into())),
    };
    let held = fs::fstat(&file).map_err(|error| failed(error.into()))?;
    if FileType::from_raw_mode(held.st_mode) != FileType::RegularFile || held.st_uid != geteuid().as_raw() {
        return Err(foreign());
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // The holder before us has removed it: then our file has no name, and the next process locks another one.
    let named = place.status_of(name).map_err(failed)?;
    Ok(named.is_some_and(|named| Identity::of(&named) == Identity::of(&held)).then_some(file))
}

/// Does a process hold a socket that is bound to this file? One that does not listen yet refuses connections as if
/// there were none.
#[cfg(target_os = "linux")]
fn is_bound(identity: Identity) -> bool {
    // Without /proc only that is unknown.
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    // Num, RefCount, Protocol, Flags, Type, St, Inode, Path (proc_net(5)). 01 is a socket without a peer. A relative
    // path could be anywhere.
    let unconnected = sockets.lines().filter(|line| line.split_whitespace().nth(5) == Some("01"));
    let mut paths = unconnected.filter_map(|line| line.find(" /").map(|space| &line[space + 1..]));
    paths.any(|path| fs::lstat(path).is_ok_and(|found| Identity::of(&found) == identity))
}

#[cfg(not(target_os = "linux"))]
fn is_bound(_: Identity) -> bool {
    false
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failed(path: &Path, source: io::Error) -> BindError {
    BindError::Failed { address: Address::Unix(path.to_owned()), source }
}

/// For its owner alone.
const PRIVATE: Mode = Mode::from_raw_mode(0o600);

const BACKLOG: i32 = 1024;

/// How long another starting process may hold the lock, and how often to look.
const LOCK_LIMIT: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

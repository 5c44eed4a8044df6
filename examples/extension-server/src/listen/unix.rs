//! A unix socket that only our user can open or replace.

use std::io;
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat, chmodat, lstat, stat};
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tracing::warn;

/// A socket's file. It is removed when this is dropped, if it is still the one that we made.
pub struct SocketFile {
    path: PathBuf,
    found: Stat,
}

impl SocketFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = lstat(&self.path).is_ok_and(|found| is_same(&found, &self.found));
        if is_ours && let Err(error) = std::fs::remove_file(&self.path) {
            warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

/// Listens at `path`, with mode 0600 before a client can connect.
pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    refuse_open_directory(path)?;
    remove_stale(path);
    let socket = UnixSocket::new_stream()?;
    // On Linux the file has this mode as soon as it has a name.
    #[cfg(target_os = "linux")]
    rustix::fs::fchmod(&socket, PRIVATE)?;
    socket.bind(path)?;
    let file = SocketFile { path: path.to_owned(), found: lstat(path)? };
    // Elsewhere no client can connect before `listen`, and no other user can put a file there.
    if Mode::from_raw_mode(file.found.st_mode) != PRIVATE {
        chmodat(CWD, path, PRIVATE, AtFlags::empty())?;
    }
    Ok((socket.listen(BACKLOG)?, file))
}

/// Another user's process is turned away, even if the mode of the socket was changed.
pub(super) fn is_ours(connection: &io::Result<UnixStream>) -> bool {
    let Ok(stream) = connection else { return true };
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == geteuid().as_raw() || peer.uid() == ROOT => true,
        Ok(peer) => {
            warn!(user = peer.uid(), "a process of another user was turned away");
            false
        }
        Err(_) => false,
    }
}

/// In a directory that belongs to another user, or that every user can write to, the socket could be replaced.
fn refuse_open_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = stat(directory)?;
    let mode = Mode::from_raw_mode(found.st_mode);
    let is_ours = found.st_uid == geteuid().as_raw() || found.st_uid == ROOT;
    if !is_ours || mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
        let words = format!("other users can replace files in `{}`", directory.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
    }
    Ok(())
}

/// Removes the socket that a killed server of ours left behind: one that refuses. What else is there stays, and `bind`
/// says so.
fn remove_stale(path: &Path) {
    let is_our_socket = lstat(path).is_ok_and(|found| {
        FileType::from_raw_mode(found.st_mode) == FileType::Socket && found.st_uid == geteuid().as_raw()
    });
    let refuses = || {
        BlockingUnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_our_socket
        && refuses()
        && let Err(error) = std::fs::remove_file(path)
    {
        warn!(path = %path.display(), %error, "cannot remove the stale socket");
    }
}

fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

const PRIVATE: Mode = Mode::from_raw_mode(0o600);
const ROOT: u32 = 0;
const BACKLOG: u32 = 1024;

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use super::{Address, Host, Transport};
use crate::report::Hint;

/// A listening socket. Dropping it removes the path of a unix socket, if that is still ours.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A unix socket. The file goes first when it is dropped: as long as the socket is open, nobody else can
    /// have taken its path for a stale one, or its inode for a new one.
    Unix(SocketFile, UnixListener),
}

/// A connection as it was accepted.
#[derive(Debug)]
pub enum Accepted {
    /// Over TCP.
    Tcp(TcpStream, SocketAddr),
    /// Over a unix socket.
    Unix(UnixStream),
}

impl Listener {
    /// Listens at `address`.
    ///
    /// Plaintext is served to this machine only: on unix sockets, which are 0600 before anybody can connect,
    /// and on loopback. A socket file that nobody listens on is replaced, any other file is left alone. Two
    /// processes that start at once on one path cannot both win: the directory is locked meanwhile.
    ///
    /// # Errors
    /// When the address is taken, is not ours to take, or must not be served without TLS.
    pub async fn bind(address: &Address) -> Result<Self, BindError> {
        match address {
            Address::Unix(path) => bind_unix(path).await,
            Address::Tcp { transport: Transport::Plaintext, .. } if !address.is_local() => {
                Err(BindError::NotLoopback { address: address.clone() })
            }
            Address::Tcp { host, port, .. } => bind_tcp(address, host, *port).await,
        }
    }

    /// The address, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self, transport: Transport) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => {
                let local = listener.local_addr()?;
                Ok(Address::Tcp { host: Host::Ip(local.ip()), port: local.port(), transport })
            }
            Self::Unix(file, _) => Ok(Address::Unix(file.path.clone())),
        }
    }

    /// Waits for a connection.
    ///
    /// On a unix socket only the user who owns it and root are let in; others are dropped in silence, as the
    /// file's mode would have done.
    ///
    /// # Errors
    /// What the operating system says; most of it passes, such as too many open files.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(file, listener) => loop {
                let (stream, _) = listener.accept().await?;
                let user = stream.peer_cred()?.uid();
                if user == file.owner || user == ROOT {
                    return Ok(Accepted::Unix(stream));
                }
            },
        }
    }
}

/// The path of a unix socket that we made.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    owner: u32,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have replaced it meanwhile; then it is not ours to remove.
        if identity(&self.path).is_some_and(|(identity, _)| identity == self.identity) {
            // If it cannot be removed, it stays as a stale socket, which the next start replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The operating system refuses.
    #[error("cannot listen on `{address}`")]
    Failed {
        /// The address.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// Another process listens there.
    #[error("another process listens on `{address}`")]
    InUse {
        /// The address.
        address: Address,
    },
    /// The user would serve plaintext to a network.
    #[error("`{address}` is plaintext and can be reached from other machines")]
    NotLoopback {
        /// The address.
        address: Address,
    },
    /// The path is taken by something that is not a socket.
    #[error("`{}` exists and is not a socket", path.display())]
    NotSocket {
        /// The path.
        path: PathBuf,
    },
}

impl Hint for BindError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Failed { address: Address::Unix(path), .. } => {
                let directory = directory(path).display();
                format!("the directory `{directory}` must exist and be writable")
            }
            Self::Failed { .. } => {
                "an address of this machine and a port that this user may use are needed".to_owned()
            }
            Self::InUse { address: Address::Unix(path) } => {
                format!("`ss -lxp src {}` names it; stop it or choose another path", path.display())
            }
            Self::InUse { address: Address::Tcp { port, .. } } => {
                format!("`ss -ltnp sport = :{port}` names it; stop it or choose another port")
            }
            Self::NotLoopback { .. } => {
                "listen on `unix:/path`, `tcp://127.0.0.1:PORT` or `tls://...`".to_owned()
            }
            Self::NotSocket { .. } => {
                "choose another path; `egext` does not remove files that it did not make".to_owned()
            }
        })
    }
}

async fn bind_tcp(address: &Address, host: &Host, port: u16) -> Result<Listener, BindError> {
    let bound = match host {
        Host::Ip(ip) => TcpListener::bind((*ip, port)).await,
        Host::Name(name) => TcpListener::bind((name.as_str(), port)).await,
    };
    bound.map(Listener::Tcp).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address: address.clone() },
        _ => BindError::Failed { address: address.clone(), source },
    })
}

async fn bind_unix(path: &Path) -> Result<Listener, BindError> {
    let address = || Address::Unix(path.to_owned());
    let failed = |source| BindError::Failed { address: address(), source };
    let _locked = lock_directory(directory(path)).await.map_err(failed)?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::NotSocket { path: path.to_owned() });
        }
        Ok(_) => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(failed)?;
            }
            // It answers, or it would if its queue had room or we were allowed to ask.
            Ok(_) | Err(_) => return Err(BindError::InUse { address: address() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let (file, listener) = listen_unix(path).map_err(failed)?;
    Ok(Listener::Unix(file, listener))
}

/// The lock ends when the file is dropped. A directory can be locked like a file, so nothing is left behind.
async fn lock_directory(directory: &Path) -> io::Result<File> {
    let file = File::open(directory)?;
    let locked = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => sleep(LOCK_PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    };
    timeout(LOCK_LIMIT, locked).await.map_err(|_| io::Error::other("its directory stays locked"))??;
    Ok(file)
}

/// Between `bind` and `listen` the path exists and nobody can connect: the time to set its mode.
fn listen_unix(path: &Path) -> io::Result<(SocketFile, UnixListener)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let (identity, owner) = identity(path).ok_or(io::ErrorKind::NotFound)?;
    let file = SocketFile { path: path.to_owned(), owner, identity };
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((file, UnixListener::from_std(socket.into())?))
}

/// Device and inode, and the owner.
fn identity(path: &Path) -> Option<((u64, u64), u32)> {
    fs::symlink_metadata(path).ok().map(|found| ((found.dev(), found.ino()), found.uid()))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

const BACKLOG: i32 = 1024;

/// How long another starting process may hold the directory's lock, and how often to look.
const LOCK_LIMIT: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

const ROOT: u32 = 0;

/// How long to wait after a failed `accept`, such as for want of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

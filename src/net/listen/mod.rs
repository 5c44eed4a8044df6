//! Listening sockets.

mod access;
mod inherited;
mod unix;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;
use rustix::process::geteuid;
use tokio::net::{TcpListener, TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use super::descriptors::cause_of_resolver;
use super::dial::prepare;
use super::{Address, Transport};
use crate::host::Host;
use crate::pki::store::Untrusted;
use crate::report::Hint;
use crate::shell::{shell_parent, shell_path};

pub use access::SocketAccess;
pub use inherited::{Inherited, InheritedError};
pub use unix::UnixSocket;

/// A listening socket. Dropping it removes the path of a unix socket, if that is still ours.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A unix socket.
    Unix(UnixSocket),
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
    /// Plaintext is served to this machine only: on unix sockets, which are 0600 before a caller can connect, and on
    /// addresses of the loopback interface. A socket file that no process listens on is replaced, any other file is not
    /// touched. If two processes start on one path at the same time, only one gets it.
    ///
    /// # Errors
    /// When the address is in use, belongs to another user, or must not be served without TLS.
    pub async fn bind(address: &Address) -> Result<Self, BindError> {
        Self::bind_for(address, &SocketAccess::default()).await
    }

    /// The same, with a unix socket for others than this user and root.
    ///
    /// # Errors
    /// As [`Self::bind`], and when the socket cannot be given to the group.
    pub async fn bind_for(address: &Address, access: &SocketAccess) -> Result<Self, BindError> {
        match address {
            Address::Unix(path) => UnixSocket::bind(path, access).await.map(Self::Unix),
            Address::Tcp { host, port, transport } => bind_tcp(address, host, *port, *transport).await,
        }
    }

    /// The same with one of `sockets`, which other processes have made, if one of them listens at `address`. That one is
    /// taken out.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub async fn bind_with(
        address: &Address,
        access: &SocketAccess,
        sockets: &mut Vec<Inherited>,
    ) -> Result<Self, BindError> {
        match Inherited::take(address, sockets).await {
            Some(socket) => socket.listener(address, access),
            None => Self::bind_for(address, access).await,
        }
    }

    /// The address. If port 0 was asked for, it has the port that the system chose.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self, transport: Transport) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => {
                let local = listener.local_addr()?;
                Ok(Address::Tcp { host: Host::Ip(local.ip()), port: local.port(), transport })
            }
            Self::Unix(socket) => Ok(Address::Unix(socket.path().to_owned())),
        }
    }

    /// True if a connection to `address` arrives here.
    ///
    /// False for a name that cannot be resolved.
    pub async fn is_at(&self, address: &Address) -> bool {
        match (self, address) {
            (Self::Unix(socket), Address::Unix(path)) => socket.is_at(path),
            (Self::Tcp(listener), Address::Tcp { host, port, .. }) => match listener.local_addr() {
                Ok(local) if local.port() == *port => {
                    let resolved = resolve(host, *port).await.unwrap_or_default();
                    resolved.iter().any(|address| leads_to(*address, local))
                }
                Ok(_) | Err(_) => false,
            },
            (_, _) => false,
        }
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// As the operating system has them; most are temporary, such as too many open files.
    pub async fn accept(&self) -> Result<Accepted, AcceptError> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                prepare(&stream)?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(socket) => socket.accept().await.map(Accepted::Unix),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// A process of another user, whom the mode of the socket lets connect.
    #[error("user {user} is not served")]
    Foreign {
        /// The number of the user.
        user: u32,
    },
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
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
    /// A socket of another user, on which no process listens any more.
    #[error("`{}` is a socket of user {owner} that no process listens on", path.display())]
    Foreign {
        /// The path.
        path: PathBuf,
        /// The number of the user.
        owner: u32,
    },
    /// The socket cannot be given to a group.
    #[error("cannot give `{}` to group {group}", path.display())]
    Group {
        /// The path.
        path: PathBuf,
        /// The number of the group.
        group: u32,
        /// Why.
        source: io::Error,
    },
    /// The lock file was not made by us.
    #[error("`{}` is not a lock file of this user", path.display())]
    ForeignLock {
        /// The path.
        path: PathBuf,
    },
    /// A socket that this user may not open, and that no process holds as far as this user can see.
    #[error("`{}` is a socket of user {owner}, and this user may not ask whether a process listens on it", path.display())]
    Hidden {
        /// The path.
        path: PathBuf,
        /// The number of the user.
        owner: u32,
    },
    /// Another process listens there.
    #[error("another process listens on `{address}`")]
    InUse {
        /// The address.
        address: Address,
    },
    /// Another process of this user is starting on the same path, and does not finish its start.
    #[error("another process holds `{}`", path.display())]
    Locked {
        /// The path of the lock file.
        path: PathBuf,
    },
    /// A connection to the upstream would arrive at the bridge again.
    #[error("`{upstream}` leads to `{address}`, where this bridge listens")]
    Loop {
        /// Where the bridge listens.
        address: Address,
        /// Where its calls would go.
        upstream: Address,
    },
    /// The user would serve plaintext to a network.
    #[error("`{address}` is plaintext and can be reached from other machines ({resolved})")]
    NotLoopback {
        /// The address.
        address: Address,
        /// The first that is not of the loopback interface.
        resolved: IpAddr,
    },
    /// The path is taken by something that is not a socket.
    #[error("`{}` exists and is not a socket", path.display())]
    NotSocket {
        /// The path.
        path: PathBuf,
    },
    /// Other users can replace what is in the socket's directory.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

impl Hint for BindError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Failed { address: Address::Unix(path), source } => socket_hint(path, source),
            Self::Failed { source, .. } => port_hint(source).to_owned(),
            Self::Foreign { path, .. } => format!("remove it if it is a leftover: `rm {}`", shell_path(path)),
            Self::ForeignLock { path } => {
                format!("remove it, `rm {}`, or choose another path", shell_path(path))
            }
            Self::Group { .. } => {
                "only root, or a member of the group, may do that: `id` prints the groups of this user"
                    .to_owned()
            }
            Self::Hidden { path, .. } => {
                let path = shell_path(path);
                format!(
                    "as root, `ss -lxp src {path}` names the process; if there is none, remove it: `rm {path}`"
                )
            }
            Self::InUse { address: Address::Unix(path) } => {
                format!("`ss -lxp src {}` names it; stop it or choose another path", shell_path(path))
            }
            Self::InUse { address: Address::Tcp { port, .. } } => {
                format!("`ss -ltnp sport = :{port}` names it; stop it or choose another port")
            }
            Self::Locked { path } => {
                format!("`fuser -v {}` names it; stop it or choose another path", shell_path(path))
            }
            Self::Loop { .. } => "a bridge needs two different addresses".to_owned(),
            Self::NotLoopback { .. } => {
                "listen on `unix:/path`, `tcp://127.0.0.1:PORT` or `tls://HOST:PORT`".to_owned()
            }
            Self::NotSocket { .. } => {
                "choose another path; `egext` does not remove files that it did not make".to_owned()
            }
            Self::Untrusted(untrusted) => return untrusted.hint(),
        })
    }
}

/// What to do about a socket that could not be made.
fn socket_hint(path: &Path, source: &io::Error) -> String {
    let directory = shell_parent(path);
    match source.kind() {
        io::ErrorKind::NotFound if may_be_made(path) => {
            format!("make its directory first: `mkdir -p -m 700 {directory}`")
        }
        io::ErrorKind::NotFound => format!(
            "make its directory first: `sudo install -d -m 700 -o {} {directory}`; or name a socket in a directory of your own",
            geteuid().as_raw()
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("name a socket in a directory that this user may write to: `ls -ld {directory}`")
        }
        _ => format!("look at its directory: `ls -ld {directory}`"),
    }
}

/// May this user make the directories that are missing on the way to `path`?
fn may_be_made(path: &Path) -> bool {
    let is_there = |part: &&Path| part.as_os_str().is_empty() || part.is_dir();
    let there = path.ancestors().skip(1).find(is_there).filter(|part| !part.as_os_str().is_empty());
    rustix::fs::access(there.unwrap_or(Path::new(".")), Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// The same for a port.
fn port_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrNotAvailable => "name an address of this machine: `ip address` lists them",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: choose a higher one",
        _ => "name an address of this machine and a free port, such as `tcp://127.0.0.1:50051`",
    }
}

/// For plaintext, every address of the name must be a loopback address: a hosts file can map a name to any address.
async fn bind_tcp(
    address: &Address,
    host: &Host,
    port: u16,
    transport: Transport,
) -> Result<Listener, BindError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address: address.clone() },
        _ => BindError::Failed { address: address.clone(), source },
    };
    let resolved = resolve(host, port).await.map_err(failed)?;
    let exposed = resolved.iter().map(SocketAddr::ip).find(|ip| !ip.to_canonical().is_loopback());
    match exposed {
        Some(resolved) if transport == Transport::Plaintext => {
            Err(BindError::NotLoopback { address: address.clone(), resolved })
        }
        _ => TcpListener::bind(&*resolved).await.map(Listener::Tcp).map_err(failed),
    }
}

async fn resolve(host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
    match host {
        Host::Ip(ip) => Ok(vec![SocketAddr::new(*ip, port)]),
        Host::Name(name) => {
            let resolved = timeout(RESOLVE_LIMIT, lookup_host((name.as_str(), port))).await;
            let resolved = resolved.map_err(|_| io::Error::other("its name is not resolved in time"))?;
            Ok(resolved.map_err(cause_of_resolver)?.collect())
        }
    }
}

/// Does a connection to `address` arrive at a listener on `local`?
fn leads_to(address: SocketAddr, local: SocketAddr) -> bool {
    let (ip, own) = (address.ip().to_canonical(), local.ip().to_canonical());
    if ip == own || ip.is_unspecified() && own.is_loopback() {
        return true;
    }
    // A listener on all addresses is reached by all that are this machine's: those that can be bound.
    let covers = own.is_unspecified() && (own.is_ipv6() || ip.is_ipv4());
    covers && is_of_this_machine(ip)
}

/// True if what is sent to `address` stays on this machine: only its own addresses can be bound.
pub(crate) fn is_of_this_machine(address: IpAddr) -> bool {
    let ip = address.to_canonical();
    ip.is_loopback() || ip.is_unspecified() || std::net::UdpSocket::bind((ip, 0)).is_ok()
}

/// How long to wait for the addresses of a name.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);

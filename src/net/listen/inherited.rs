//! Listening sockets that another process has made for us, such as systemd (socket activation).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;

use socket2::SockRef;

use super::{BindError, Listener, SocketAccess, UnixSocket, resolve};
use crate::host::Host;
use crate::net::{Address, Transport};

/// A socket that listens already.
#[derive(Debug)]
pub struct Inherited {
    socket: Socket,
    address: Address,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why a socket cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InheritedError {
    /// The operating system says nothing about it.
    #[error("cannot ask where it listens")]
    Failed(#[from] io::Error),
    /// Its address is no path, so it has no owner and no mode.
    #[error("it is an abstract or unnamed unix socket")]
    NoPath,
    /// It is a socket, but nothing can connect to it.
    #[error("it does not listen")]
    NotListening,
}

impl Inherited {
    /// A TCP port.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn tcp(socket: TcpListener) -> Result<Self, InheritedError> {
        if !SockRef::from(&socket).is_listener()? {
            return Err(InheritedError::NotListening);
        }
        let local = socket.local_addr()?;
        // What is spoken on it is for the address to say that it is compared with.
        let address =
            Address::Tcp { host: Host::Ip(local.ip()), port: local.port(), transport: Transport::Plaintext };
        Ok(Self { socket: Socket::Tcp(socket), address })
    }

    /// A unix socket.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn unix(socket: UnixListener) -> Result<Self, InheritedError> {
        if !SockRef::from(&socket).is_listener()? {
            return Err(InheritedError::NotListening);
        }
        let local = socket.local_addr()?;
        let path = local.as_pathname().ok_or(InheritedError::NoPath)?;
        Ok(Self { address: Address::Unix(path.to_owned()), socket: Socket::Unix(socket) })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Takes the socket out of `sockets` that listens at `address`.
    pub(super) async fn take(address: &Address, sockets: &mut Vec<Self>) -> Option<Self> {
        for index in 0..sockets.len() {
            if sockets[index].is_at(address).await {
                return Some(sockets.swap_remove(index));
            }
        }
        None
    }

    /// True if this is the socket that `address` means.
    pub async fn is_at(&self, address: &Address) -> bool {
        match (&self.socket, address) {
            (Socket::Unix(_), Address::Unix(path)) => self.address.socket_path() == Some(path),
            (Socket::Tcp(socket), Address::Tcp { host, port, .. }) => match socket.local_addr() {
                Ok(local) if local.port() == *port => {
                    let resolved = resolve(host, *port).await.unwrap_or_default();
                    resolved.iter().any(|address| is_same(*address, local))
                }
                Ok(_) | Err(_) => false,
            },
            (_, _) => false,
        }
    }

    /// Needs a runtime.
    pub(super) fn listener(self, address: &Address, access: &SocketAccess) -> Result<Listener, BindError> {
        let failed = |source| BindError::Failed { address: address.clone(), source };
        match self.socket {
            Socket::Tcp(socket) => {
                let resolved = socket.local_addr().map_err(failed)?.ip();
                let is_exposed = !resolved.to_canonical().is_loopback();
                if is_exposed && address.transport() == Transport::Plaintext {
                    return Err(BindError::NotLoopback { address: address.clone(), resolved });
                }
                socket.set_nonblocking(true).map_err(failed)?;
                tokio::net::TcpListener::from_std(socket).map(Listener::Tcp).map_err(failed)
            }
            Socket::Unix(socket) => {
                socket.set_nonblocking(true).map_err(failed)?;
                let path = self.address.socket_path().unwrap_or(Path::new(""));
                UnixSocket::adopt(path, access, socket).map(Listener::Unix).map_err(failed)
            }
        }
    }
}

/// systemd binds a port without an address to `[::]`, which IPv4 reaches, too.
fn is_same(address: SocketAddr, local: SocketAddr) -> bool {
    let (ip, own) = (address.ip().to_canonical(), local.ip().to_canonical());
    ip == own || ip.is_unspecified() && own.is_unspecified() && own.is_ipv6()
}

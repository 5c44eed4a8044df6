//! Where to listen, and the way from an accepted connection to a call.

mod handshakes;
mod unix;

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream, UnixListenerStream};
use tonic::transport::server::Router;

pub use unix::SocketFile;

/// Where to listen: `tls://host:port`, `tcp://host:port` or `unix:/path`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// Plaintext.
    Tcp(String),
    /// Mutual TLS.
    Tls(String),
    /// Plaintext on a unix socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tcp", rest)) if rest.starts_with("//") => Ok(Self::Tcp(rest[2..].to_owned())),
            Some(("tls", rest)) if rest.starts_with("//") => Ok(Self::Tls(rest[2..].to_owned())),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            _ => Err("expected `tls://host:port`, `tcp://host:port` or `unix:/path`".to_owned()),
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Tls(address) => write!(f, "tls://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that connections arrive on.
pub enum Listener {
    /// Plaintext, on loopback.
    Tcp(TcpListener),
    /// Mutual TLS.
    Tls(TcpListener, Arc<ServerConfig>),
    /// Plaintext, on a unix socket that only our user can open.
    Unix(UnixListener, SocketFile),
}

impl Listener {
    /// Opens `address`; `tls` is for `tls://`.
    ///
    /// # Errors
    /// When it is taken, not ours to open, or plaintext that would leave the machine.
    pub async fn bind(address: &Address, tls: Option<Arc<ServerConfig>>) -> Result<Self, ListenError> {
        let cannot = |source| ListenError::Bind { address: address.clone(), source };
        match (address, tls) {
            (Address::Tls(host), Some(config)) => {
                let addresses: Vec<_> = host.to_socket_addrs().map_err(cannot)?.collect();
                Ok(Self::Tls(TcpListener::bind(&*addresses).await.map_err(cannot)?, config))
            }
            (Address::Tls(_), None) => Err(ListenError::NoCertificates { address: address.clone() }),
            (Address::Tcp(host), _) => {
                let addresses: Vec<_> = host.to_socket_addrs().map_err(cannot)?.collect();
                if !addresses.iter().map(SocketAddr::ip).all(|ip| ip.is_loopback()) {
                    return Err(ListenError::Exposed { address: address.clone() });
                }
                Ok(Self::Tcp(TcpListener::bind(&*addresses).await.map_err(cannot)?))
            }
            (Address::Unix(path), _) => {
                let (listener, file) = unix::bind(path).map_err(cannot)?;
                Ok(Self::Unix(listener, file))
            }
        }
    }

    /// The address as it came out: with the port that was chosen where 0 was asked for.
    ///
    /// # Errors
    /// When the system does not know; never seen on a bound socket.
    pub fn address(&self) -> io::Result<Address> {
        Ok(match self {
            Self::Tcp(listener) => Address::Tcp(listener.local_addr()?.to_string()),
            Self::Tls(listener, _) => Address::Tls(listener.local_addr()?.to_string()),
            Self::Unix(_, file) => Address::Unix(file.path().to_owned()),
        })
    }

    /// Serves until `stop`, then lets the calls in flight end.
    ///
    /// # Errors
    /// What tonic reports.
    pub async fn serve(
        self,
        router: Router,
        stop: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        match self {
            Self::Tcp(listener) => {
                router.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop).await
            }
            Self::Tls(listener, config) => {
                let (sender, connections) = mpsc::channel(1);
                let stopping = Notify::new();
                let accepting = async {
                    tokio::select! {
                        never = handshakes::accept(listener, TlsAcceptor::from(config), sender) => match never {},
                        () = stopping.notified() => {}
                    }
                    // The calls in flight have still to come to their end.
                    std::future::pending::<Infallible>().await
                };
                let stop = async {
                    stop.await;
                    stopping.notify_one();
                };
                tokio::select! {
                    ended = router.serve_with_incoming_shutdown(ReceiverStream::new(connections), stop) => ended,
                    never = accepting => match never {},
                }
            }
            Self::Unix(listener, _file) => {
                let ours = UnixListenerStream::new(listener).filter(unix::is_ours);
                router.serve_with_incoming_shutdown(ours, stop).await
            }
        }
    }
}

/// The operator asked for an address that cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Taken, unknown or forbidden.
    #[error("cannot listen on `{address}`: {source}")]
    Bind {
        /// As asked for.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// Plaintext beyond this machine: whoever reaches the port could change what Envoy does.
    #[error("`{address}` is plaintext beyond this machine; use `tls://`, a loopback address or `unix:`")]
    Exposed {
        /// As asked for.
        address: Address,
    },
    /// TLS without certificates.
    #[error("`{address}` is TLS and needs certificates; `--plaintext` goes with `tcp://` and `unix:`")]
    NoCertificates {
        /// As asked for.
        address: Address,
    },
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn every_form_parses_and_prints_back() {
        for text in ["tls://localhost:5005", "tcp://[::1]:0", "unix:/run/extension.sock"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
        for text in ["", "localhost:5005", "http://localhost:1", "tls:localhost:1", "unix:"] {
            text.parse::<Address>().expect_err(text);
        }
    }

    #[tokio::test]
    async fn plaintext_stays_on_this_machine() {
        let address = "tcp://0.0.0.0:0".parse().expect("an address");
        assert!(matches!(Listener::bind(&address, None).await, Err(ListenError::Exposed { .. })));
    }

    #[tokio::test]
    async fn a_socket_is_private_and_only_a_stale_one_is_replaced() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("s");
        drop(UnixListener::bind(&path).expect("left behind"));
        let address = Address::Unix(path.clone());

        let first = Listener::bind(&address, None).await.expect("the stale one is replaced");
        let mode = fs::metadata(&path).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(Listener::bind(&address, None).await, Err(ListenError::Bind { .. })));
        drop(first);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn only_our_own_socket_is_removed() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("s");
        let address = Address::Unix(path.clone());

        let first = Listener::bind(&address, None).await.expect("a free path");
        fs::remove_file(&path).expect("ours");
        let _other = UnixListener::bind(&path).expect("free again");
        drop(first);
        assert!(path.exists(), "somebody else put it there");

        fs::remove_file(&path).expect("ours");
        fs::create_dir(&path).expect("a free path");
        assert!(matches!(Listener::bind(&address, None).await, Err(ListenError::Bind { .. })));
        assert!(path.exists(), "what is not a socket is left alone");
    }

    #[tokio::test]
    async fn a_directory_that_everybody_can_write_to_is_refused() {
        let directory = tempfile::tempdir().expect("temporary directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        let address = Address::Unix(directory.path().join("s"));
        assert!(matches!(Listener::bind(&address, None).await, Err(ListenError::Bind { .. })));
    }
}

//! Where to listen, and the way from an accepted connection to a call.

use std::fmt::{self, Display};
use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream, UnixListenerStream};
use tonic::transport::server::Router;
use tracing::{info, warn};

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
                remove_stale(path);
                let listener = UnixListener::bind(path).map_err(cannot)?;
                let file = SocketFile(path.clone());
                fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(cannot)?;
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
            Self::Unix(_, file) => Address::Unix(file.0.clone()),
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
                let accepting = tokio::spawn(accept_tls(listener, TlsAcceptor::from(config), sender));
                let incoming = ReceiverStream::new(connections);
                let stop = async {
                    stop.await;
                    accepting.abort();
                };
                router.serve_with_incoming_shutdown(incoming, stop).await
            }
            Self::Unix(listener, _file) => {
                router.serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop).await
            }
        }
    }
}

/// Removes the socket's file when the server ends.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            warn!(path = %self.0.display(), %error, "cannot remove the socket");
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

/// Accepts for ever. Each handshake runs in its own task, so that a client that says nothing keeps nobody else
/// waiting.
async fn accept_tls(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    connections: mpsc::Sender<io::Result<TlsStream<TcpStream>>>,
) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: trying again at once would spin.
                warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (acceptor, connections) = (acceptor.clone(), connections.clone());
        tokio::spawn(async move {
            match timeout(HANDSHAKE_LIMIT, handshake(&acceptor, stream)).await {
                // Nobody receives any more once the server stops.
                Ok(Ok(stream)) => drop(connections.send(Ok(stream)).await),
                Ok(Err(error)) => warn!(%peer, %error, "TLS handshake failed"),
                Err(_) => info!(%peer, "TLS handshake not finished in time"),
            }
        });
    }
}

async fn handshake(acceptor: &TlsAcceptor, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    acceptor.accept(stream).await
}

/// Removes the socket that a killed server left behind: one that refuses. Another server's stays, and `bind` says so.
fn remove_stale(path: &Path) {
    let refused =
        UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if refused && let Err(error) = fs::remove_file(path) {
        warn!(path = %path.display(), %error, "cannot remove the stale socket");
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
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
        drop(std::os::unix::net::UnixListener::bind(&path).expect("left behind"));
        let address = Address::Unix(path.clone());

        let first = Listener::bind(&address, None).await.expect("the stale one is replaced");
        let mode = fs::metadata(&path).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(Listener::bind(&address, None).await, Err(ListenError::Bind { .. })));
        drop(first);
        assert!(!path.exists());
    }
}

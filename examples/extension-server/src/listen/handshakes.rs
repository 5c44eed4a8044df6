//! TLS handshakes: each in its own task, none for long, and not too many at a time.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::warn;

/// A connection on which a call can begin.
pub(super) type Ready = mpsc::Sender<io::Result<TlsStream<TcpStream>>>;

/// Accepts without end. A client that says nothing keeps no other waiting: if too many are in the middle of their
/// handshake, the oldest has had its time.
pub(super) async fn accept(listener: TcpListener, acceptor: TlsAcceptor, ready: Ready) -> Infallible {
    let mut handshakes = JoinSet::new();
    let mut unfinished = VecDeque::new();
    let mut log = Seldom::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = handshakes.join_next() => {
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err((peer, error))) => log.warn("TLS handshake failed", &format!("{error}, from {peer}")),
                    Err(error) if error.is_cancelled() => log.warn("TLS handshake given up", "too many at a time"),
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                }
                continue;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                unfinished.retain(|handshake: &AbortHandle| !handshake.is_finished());
                if unfinished.len() == MOST_UNFINISHED
                    && let Some(oldest) = unfinished.pop_front()
                {
                    oldest.abort();
                }
                unfinished.push_back(handshakes.spawn(secure(acceptor.clone(), stream, peer, ready.clone())));
            }
            Err(error) => {
                // Out of file descriptors, most likely: trying again at once would spin.
                log.warn("cannot accept a connection", &error.to_string());
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn secure(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    ready: Ready,
) -> Result<(), (SocketAddr, io::Error)> {
    let handshake = async {
        stream.set_nodelay(true)?;
        acceptor.accept(stream).await
    };
    let stream = timeout(LIMIT, handshake).await.map_err(io::Error::from).flatten();
    // There is no receiver any more once the server stops.
    drop(ready.send(Ok(stream.map_err(|error| (peer, error))?)).await);
    Ok(())
}

/// Writes one line a second at most: strangers can fail as often as they like.
#[derive(Default)]
struct Seldom {
    last: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    fn warn(&mut self, what: &str, why: &str) {
        if self.last.is_some_and(|last| last.elapsed() < BETWEEN_LINES) {
            self.left_out += 1;
            return;
        }
        warn!(why, left_out = self.left_out, "{what}");
        *self = Self { last: Some(Instant::now()), left_out: 0 };
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const BETWEEN_LINES: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(10);
const MOST_UNFINISHED: usize = 256;

//! HTTP/1.1, one request for each connection: probes and scrapes come every few seconds, and a connection that ends
//! with its answer cannot be held open.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::gather::View;
use super::routes::{self, Peer};
use super::seats::{Progress, Seats};
use crate::net::{AcceptError, Accepted, Listener};

/// Answers until `stop` is notified.
pub(super) async fn serve(listener: &Listener, view: Arc<View>, stop: &Notify) {
    let mut seats = Seats::default();
    let accepting = async {
        loop {
            accept(listener, &view, &mut seats).await;
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop.notified() => {}
    }
    seats.end().await;
}

/// Accepts one connection. Nothing is closed for it before it is there, and further ones wait in the queue of the socket.
async fn accept(listener: &Listener, view: &Arc<View>, seats: &mut Seats) {
    match listener.accept().await {
        Ok(connection) => {
            seats.free().await;
            match connection {
                Accepted::Tcp(stream, _) => admit(stream, Peer::Loopback, view, seats),
                Accepted::Unix(stream) => admit(stream, Peer::UnixSocket, view, seats),
            }
        }
        // Another user: the connection is closed.
        Err(AcceptError::Foreign { .. }) => {}
        // Out of descriptors, most likely: the next try would fail at once.
        Err(AcceptError::Io(_)) => sleep(ACCEPT_PAUSE).await,
    }
}

fn admit<S>(stream: S, peer: Peer, view: &Arc<View>, seats: &mut Seats)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let view = Arc::clone(view);
    let progress = Progress::new();
    let asking = progress.clone();
    let answer = service_fn(move |request| {
        asking.asked();
        let view = Arc::clone(&view);
        async move { Ok::<_, Infallible>(routes::answer(&view, &request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .keep_alive(false)
        .max_headers(HEADERS)
        .max_buf_size(REQUEST_BYTES)
        .serve_connection(TokioIo::new(progress.note(stream)), answer);
    let serving = async move {
        // A client that sends nonsense has its answer (400, 408 or 431), one that does not read is cut.
        let _ = timeout(CONNECTION_LIMIT, connection).await;
    };
    seats.take(serving, progress);
}

/// For the head of a request.
const HEADER_LIMIT: Duration = Duration::from_secs(5);

/// From the beginning of a connection to its end.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);

const HEADERS: usize = 64;

/// The head of a request. Browsers send about one kilobyte.
const REQUEST_BYTES: usize = 16 << 10;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

//! HTTP/1.1, one request for each connection: probes and scrapes come every few seconds, and a connection that ends
//! with its answer cannot be held open.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::gather::View;
use super::routes::{self, Peer};
use crate::net::{AcceptError, Accepted, Listener};

/// Answers until `stop` is notified.
pub(super) async fn serve(listener: &Listener, view: Arc<View>, stop: &Notify) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let accepting = async {
        loop {
            // Further connections wait in the queue of the socket: each of these ends soon.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            accept(listener, &view, place).await;
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop.notified() => {}
    }
    // Answers that have begun reach their readers.
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    let _ = timeout(LAST_ANSWERS, places.acquire_many(all)).await;
}

async fn accept(listener: &Listener, view: &Arc<View>, place: OwnedSemaphorePermit) {
    match listener.accept().await {
        Ok(Accepted::Tcp(stream, _)) => spawn(stream, Peer::Loopback, view, place),
        Ok(Accepted::Unix(stream)) => spawn(stream, Peer::UnixSocket, view, place),
        // Another user: the connection is closed.
        Err(AcceptError::Foreign { .. }) => {}
        // Out of descriptors, most likely: the next try would fail at once.
        Err(AcceptError::Io(_)) => sleep(ACCEPT_PAUSE).await,
    }
}

fn spawn<S>(stream: S, peer: Peer, view: &Arc<View>, place: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let view = Arc::clone(view);
    let answer = service_fn(move |request| {
        let view = Arc::clone(&view);
        async move { Ok::<_, Infallible>(routes::answer(&view, &request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .keep_alive(false)
        .max_headers(HEADERS)
        .max_buf_size(REQUEST_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::spawn(async move {
        // A client that sends nonsense has its answer (400, 408 or 431), one that does not read is cut.
        let _ = timeout(CONNECTION_LIMIT, connection).await;
        drop(place);
    });
}

/// At once. A person has one page open, and a scrape takes milliseconds.
const CONNECTIONS: usize = 16;

/// For the head of a request.
const HEADER_LIMIT: Duration = Duration::from_secs(5);

/// From the beginning of a connection to its end.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);

const HEADERS: usize = 64;

/// The head of a request. Browsers send about one kilobyte.
const REQUEST_BYTES: usize = 16 << 10;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// For answers that are under way at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

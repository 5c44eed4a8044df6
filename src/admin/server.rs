//! HTTP/1.1, one request for each connection: probes and scrapes come every few seconds, and a connection that ends
//! with its answer cannot be held open.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::gather::View;
use super::routes::{self, Peer};
use crate::net::{AcceptError, Accepted, Listener};

/// Answers until `stop` is notified.
pub(super) async fn serve(listener: &Listener, view: Arc<View>, stop: &Notify) {
    let mut seats = Seats::default();
    let accepting = async {
        loop {
            // Further connections wait in the queue of the socket.
            seats.free().await;
            accept(listener, &view, &mut seats).await;
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop.notified() => {}
    }
    seats.end().await;
}

async fn accept(listener: &Listener, view: &Arc<View>, seats: &mut Seats) {
    match listener.accept().await {
        Ok(Accepted::Tcp(stream, _)) => admit(stream, Peer::Loopback, view, seats),
        Ok(Accepted::Unix(stream)) => admit(stream, Peer::UnixSocket, view, seats),
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
    let has_asked = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&has_asked);
    let answer = service_fn(move |request| {
        asks.store(true, Ordering::Relaxed);
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
    let serving = async move {
        // A client that sends nonsense has its answer (400, 408 or 431), one that does not read is cut.
        let _ = timeout(CONNECTION_LIMIT, connection).await;
    };
    seats.take(serving, has_asked);
}

/// The connections that are open, oldest first.
#[derive(Default)]
struct Seats {
    tasks: JoinSet<()>,
    taken: VecDeque<Seat>,
}

struct Seat {
    task: AbortHandle,
    /// True as soon as a whole request has arrived.
    has_asked: Arc<AtomicBool>,
    since: Instant,
}

impl Seats {
    /// Returns when there is a seat. If all are taken, the oldest connection that has asked nothing is closed: so a
    /// scraper is answered, however many others are silent.
    async fn free(&mut self) {
        loop {
            // One that panicked has been reported where that happened.
            while self.tasks.try_join_next().is_some() {}
            self.taken.retain(|seat| !seat.task.is_finished());
            if self.taken.len() < CONNECTIONS {
                return;
            }
            let silent = self.taken.iter().position(|seat| !seat.has_asked.load(Ordering::Relaxed));
            let oldest = silent.unwrap_or_default();
            let end = self.taken[oldest].since + GRACE;
            if Instant::now() >= end {
                self.taken.remove(oldest).iter().for_each(|seat| seat.task.abort());
                return;
            }
            tokio::select! {
                () = sleep_until(end) => {}
                _ = self.tasks.join_next() => {}
            }
        }
    }

    fn take(&mut self, serving: impl Future<Output = ()> + Send + 'static, has_asked: Arc<AtomicBool>) {
        let task = self.tasks.spawn(serving);
        self.taken.push_back(Seat { task, has_asked, since: Instant::now() });
    }

    /// Answers that have begun reach their readers. A client that has asked nothing is not waited for.
    async fn end(mut self) {
        let silent = self.taken.iter().filter(|seat| !seat.has_asked.load(Ordering::Relaxed));
        silent.for_each(|seat| seat.task.abort());
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // What is left then is cut.
        let _ = timeout(LAST_ANSWERS, ended).await;
    }
}

/// At once. A person has one page open, and a scrape takes milliseconds.
const CONNECTIONS: usize = 16;

/// An honest client sends its request as soon as it is connected.
const GRACE: Duration = Duration::from_millis(200);

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

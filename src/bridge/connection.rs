use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::calls::Calls;
use super::clock::{Clock, Due};
use super::connection_name::ConnectionName;
use super::cutoff::{Cutoff, GoAwayReason};
use super::phase::{Watched, stopping};
use super::request::Caller;
use crate::net::{
    Admission, CONNECTION_WINDOW, CallerLimits, FRAME_SIZE, Flusher, Gathered, H2, HeaderFaults, Lingering,
    REMEMBERED_RESETS, SEND_BUFFER, SMALL_FRAMES, STREAM_WINDOW, Sieve, Stream,
};

/// HTTP/2 with one caller, until one side ends it.
pub(super) async fn serve(
    stream: Stream,
    (caller, name): (Caller, ConnectionName),
    (calls, cutoff): (Arc<Calls>, Arc<Cutoff>),
    (limits, drain): (CallerLimits, Duration),
    admission: &Admission,
    mut phase: Watched,
) -> Result<(), Ended> {
    if matches!(&stream, Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() != Some(H2)) {
        return Err(Ended::NoAlpn);
    }
    // In a box, which is gone by the time that the caller may be idle. So its task has no room for it.
    let begun = Box::pin(begin(stream, &limits, admission, &mut phase)).await?;
    let Some(Begun { mut connection, flusher, faults }) = begun else { return Ok(()) };
    if !admission.prove() {
        return Err(Ended::Displaced);
    }
    let clock = Clock::new(connection.ping_pong().expect("taken once"), limits);
    let mut serving = Serving {
        connection,
        flusher,
        name,
        calls,
        cutoff,
        caller,
        faults,
        clock,
        called: false,
        busy: false,
    };
    serving.run(phase, drain).await
}

/// What h2 reads and writes.
type Below = Sieve<Lingering>;

/// HTTP/2 as it has begun.
struct Begun {
    connection: Box<Connection<Gathered<Below>, Bytes>>,
    flusher: Flusher<Below>,
    faults: HeaderFaults,
}

/// Waits until the caller begins HTTP/2; `None` if the bridge stops first.
async fn begin(
    stream: Stream,
    limits: &CallerLimits,
    admission: &Admission,
    phase: &mut Watched,
) -> Result<Option<Begun>, Ended> {
    let sieve = Sieve::of_caller(Lingering::new(stream), limits.metadata);
    let faults = sieve.faults();
    let (stream, flusher) = Gathered::new(sieve);
    let handshake = settings(limits).handshake(stream);
    let connection = tokio::select! {
        connection = timeout(limits.preface, handshake) => connection.map_err(|_| Ended::Silent)??,
        () = admission.closed() => return Err(Ended::Displaced),
        // A caller that has not begun HTTP/2 by then has no call in progress.
        () = async { stopping(phase).await; sleep(LAST_WORDS).await } => return Ok(None),
    };
    flusher.take_over();
    Ok(Some(Begun { connection: Box::new(connection), flusher, faults }))
}

/// Why a caller's connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("its calls did not finish in time after GOAWAY")]
    Cut,
    #[error("it proved nothing, and a newer one needed its place")]
    Displaced,
    #[error("the caller does not answer")]
    Gone,
    #[error("HTTP/2 failed")]
    Http2(#[from] h2::Error),
    /// RFC 9113 section 3.2: HTTP/2 over TLS is negotiated by ALPN. A caller without it may speak another protocol.
    #[error("the client did not ask for `h2` by ALPN")]
    NoAlpn,
    #[error(
        "it was made with certificates that have been replaced, and the time for its calls to finish has passed"
    )]
    Replaced,
    #[error("the caller did not begin HTTP/2 in time")]
    Silent,
    #[error("the caller had no call, and did not close it after GOAWAY")]
    Unread,
}

struct Serving {
    connection: Box<Connection<Gathered<Below>, Bytes>>,
    flusher: Flusher<Below>,
    name: ConnectionName,
    calls: Arc<Calls>,
    cutoff: Arc<Cutoff>,
    caller: Caller,
    faults: HeaderFaults,
    clock: Clock,
    called: bool,
    /// There was a call since the clock last said that it is time to look.
    busy: bool,
}

/// Why no more calls are accepted on a connection.
enum AcceptEnd {
    Closed,
    /// It gets GOAWAY, for this reason.
    GoAway(GoAwayReason),
}

impl Serving {
    async fn run(&mut self, mut phase: Watched, drain: Duration) -> Result<(), Ended> {
        tokio::select! {
            end = self.accept() => match end? {
                AcceptEnd::Closed => return Ok(()),
                AcceptEnd::GoAway(reason) => return self.go_away(reason, drain).await,
            },
            () = stopping(&mut phase) => {}
        }
        self.clock.leave();
        self.connection.graceful_shutdown();
        tokio::select! {
            ended = self.accept() => return ended.map(|_| ()),
            () = sleep(LAST_WORDS) => {}
        }
        // A caller without a call by now has none in progress, and may never answer.
        if self.called { self.accept().await.map(|_| ()) } else { Ok(()) }
    }

    /// Tells the caller to connect again for new calls (GOAWAY), and lets those in progress finish.
    async fn go_away(&mut self, reason: GoAwayReason, drain: Duration) -> Result<(), Ended> {
        debug!(connection = %self.name, %reason, "a caller's connection is closed");
        self.clock.leave();
        self.connection.graceful_shutdown();
        let limit = drain.max(LAST_WORDS);
        // The caller may send a call before it has read GOAWAY.
        let first = limit.min(UNREAD_GOAWAY);
        match timeout(first, self.accept()).await {
            Ok(ended) => return ended.map(|_| ()),
            Err(_) if !self.connection.has_streams() => return Err(Ended::Unread),
            Err(_) => {}
        }
        match timeout(limit - first, self.accept()).await {
            Ok(ended) => return ended.map(|_| ()),
            Err(_) => self.cutoff.cut(reason),
        }
        // However it ends now, calls were cut.
        let _ = timeout(LAST_ANSWERS, self.accept()).await;
        Err(Ended::Cut)
    }

    /// Takes calls until the connection has ended or has to go. Can be cancelled and begun again.
    async fn accept(&mut self) -> Result<AcceptEnd, Ended> {
        poll_fn(|context| {
            while let Poll::Ready(call) = self.connection.poll_accept(context) {
                let Some(call) = call else { return Poll::Ready(Ok(AcceptEnd::Closed)) };
                let (request, respond) = call?;
                (self.called, self.busy) = (true, true);
                // No task waits for its end: it belongs to the streams of its two connections, and the connection here
                // ends after its streams. If it panics, the process ends (`render::log`).
                let (calls, caller) = (Arc::clone(&self.calls), self.caller.clone());
                // In a box, since tokio moves a task several times before it runs, and once when it has ended.
                tokio::spawn(Box::pin(calls.pass(
                    request,
                    respond,
                    (caller, self.name),
                    self.faults.clone(),
                    Arc::clone(&self.cutoff),
                )));
            }
            self.flusher.flush(context);
            while let Poll::Ready(due) = self.clock.poll(context) {
                match due {
                    Due::Gone => return Poll::Ready(Err(Ended::Gone)),
                    Due::Old => return Poll::Ready(Ok(AcceptEnd::GoAway(GoAwayReason::Old))),
                    Due::Look => {
                        let has_calls = self.connection.has_streams();
                        if self.clock.is_idle(has_calls || self.busy) {
                            return Poll::Ready(Ok(AcceptEnd::GoAway(GoAwayReason::Idle)));
                        }
                        // The end of a call that goes on is not seen here: it counts until the next look.
                        self.busy = has_calls;
                    }
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn settings(limits: &CallerLimits) -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_header_list_size(limits.metadata)
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(SMALL_FRAMES)
        .max_concurrent_streams(limits.concurrent_calls)
        .max_concurrent_reset_streams(REMEMBERED_RESETS)
        // Calls that were cancelled before we have read them: as many as there may be calls at once. They cost
        // the upstream nothing, because they are not passed on.
        .max_pending_accept_reset_streams(limits.concurrent_calls as usize)
        // Malformed requests on a connection, in total. h2 has no other measure against a caller that makes
        // us reset its calls, so that more than `concurrent_calls` of them are processed (CVE-2025-8671).
        .max_local_error_reset_streams(Some(MALFORMED_CALLS));
    builder
}

/// How long after the signal to stop a first call may still arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long the caller of calls that were cut may take to read the answers.
pub(super) const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long a caller without a call may take to read GOAWAY, and to close its connection.
const UNREAD_GOAWAY: Duration = Duration::from_secs(5);

const MALFORMED_CALLS: usize = 1024;

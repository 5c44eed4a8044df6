use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::debug;

use super::alarms::Alarm;
use super::calls::Calls;
use super::clock::{Clock, Due};
use super::connection_name::ConnectionName;
use super::cutoff::{Cutoff, GoAwayReason};
use super::phase::{Watched, stopping};
use super::request::Caller;
use crate::http2::server::{self, Call, Connection};
use crate::http2::{Http2Error, Limits};
use crate::net::{Admission, CallerLimits, FRAME_SIZE, H2, Lingering, STREAM_WINDOW, Stream};

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
    let Some(mut connection) = begun else { return Ok(()) };
    if !admission.prove() {
        return Err(Ended::Displaced);
    }
    let clock = Clock::new(connection.pings(), limits);
    connection.hold_back();
    let patience = Some(calls.alarm(FIRST_WORDS));
    let mut serving =
        Serving { connection, name, calls, cutoff, caller, clock, patience, called: false, busy: false };
    serving.run(phase, drain).await
}

/// Waits until the caller begins HTTP/2; `None` if the bridge stops first.
async fn begin(
    stream: Stream,
    limits: &CallerLimits,
    admission: &Admission,
    phase: &mut Watched,
) -> Result<Option<Connection<Lingering>>, Ended> {
    let handshake = server::begin(Lingering::new(stream), http2_limits(limits));
    let connection = tokio::select! {
        connection = timeout(limits.preface, handshake) => connection.map_err(|_| Ended::Silent)??,
        () = admission.closed() => return Err(Ended::Displaced),
        // A caller that has not begun HTTP/2 by then has no call in progress.
        () = async { stopping(phase).await; sleep(LAST_WORDS).await } => return Ok(None),
    };
    Ok(Some(connection))
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
    Http2(#[from] Http2Error),
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
    connection: Connection<Lingering>,
    name: ConnectionName,
    calls: Arc<Calls>,
    cutoff: Arc<Cutoff>,
    caller: Caller,
    clock: Clock,
    /// Rings when what we say first must not wait for an answer any longer.
    patience: Option<Alarm>,
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
        self.connection.leave();
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
        self.connection.leave();
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

    /// The next call, as [`Connection::poll_accept`] gives it.
    fn poll_call(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Call, Http2Error>>> {
        loop {
            if let Poll::Ready(call) = self.connection.poll_accept(context) {
                return Poll::Ready(call);
            }
            let Some(patience) = &mut self.patience else { return Poll::Pending };
            if self.connection.holds_back() {
                ready!(patience.poll(context));
                self.connection.speak();
            }
            self.patience = None;
        }
    }

    /// Takes calls until the connection has ended or has to go. Can be cancelled and begun again.
    async fn accept(&mut self) -> Result<AcceptEnd, Ended> {
        poll_fn(|context| {
            while let Poll::Ready(call) = self.poll_call(context) {
                let Some(call) = call else { return Poll::Ready(Ok(AcceptEnd::Closed)) };
                let call = call?;
                (self.called, self.busy) = (true, true);
                // No task waits for its end: it belongs to the streams of its two connections, and the connection here
                // ends after its streams. If it panics, the process ends (`render::log`).
                let (calls, caller) = (Arc::clone(&self.calls), self.caller.clone());
                // In a box, since tokio moves a task several times before it runs, and once when it has ended.
                tokio::spawn(Box::pin(calls.pass(call, (caller, self.name), Arc::clone(&self.cutoff))));
            }
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

fn http2_limits(limits: &CallerLimits) -> Limits {
    Limits {
        stream_window: STREAM_WINDOW,
        frame_size: FRAME_SIZE,
        told_header_list: limits.metadata,
        header_list: limits.metadata as usize,
        // What is larger than the limit costs its own call.
        header_block: 4 * limits.metadata as usize,
        concurrent_streams: limits.concurrent_calls,
        malformed_streams: Some(MALFORMED_CALLS),
    }
}

/// How long our SETTINGS may wait for the answer to a call that the caller has sent before them: longer than an answer takes
/// as a rule, also on a busy machine, and shorter than anything that a client could wait for.
const FIRST_WORDS: Duration = Duration::from_millis(10);

/// How long after the signal to stop a first call may still arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long the caller of calls that were cut may take to read the answers.
pub(super) const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long a caller without a call may take to read GOAWAY, and to close its connection.
const UNREAD_GOAWAY: Duration = Duration::from_secs(5);

const MALFORMED_CALLS: usize = 1024;

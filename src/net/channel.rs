use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::SendStream;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use http::Request;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::keepalive::keep_alive;
use super::limits::{
    CONNECTION_WINDOW, FRAME_SIZE, REMEMBERED_RESETS, SEND_BUFFER, SMALL_FRAMES, STREAM_WINDOW,
    UPSTREAM_HEADER_LIST,
};
use super::session::{Link, ended_early};
use super::stream::{Cut, Replayed, Stream};
use super::traffic::{Carried, Traffic};
use super::{Fault, Flusher, Gathered, HeaderFaults, Keepalive, Sieve, Stage};

/// An HTTP/2 connection to a server that has sent its SETTINGS, for the calls of many callers. Cheap to clone.
///
/// It uses h2 without hyper: hyper does not expose all of h2's limits, and reads a body only as fast
/// as its reader does; while the reader pauses, hyper does nothing else. See [`crate::bridge`].
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    requests: SendRequest<Bytes>,
    faults: HeaderFaults,
    traffic: Arc<Traffic>,
    link: Link,
    /// Shared, since each call has a clone of the channel.
    draining: Arc<Draining>,
}

/// The rest of a connection's life, when new calls go elsewhere. It does not keep the connection.
#[derive(Clone, Debug)]
pub(crate) struct Draining(watch::Receiver<Option<Arc<io::Error>>>);

impl Draining {
    /// Waits until the connection is over, and gives the error that ended it.
    pub(crate) async fn over(mut self) -> Option<Arc<io::Error>> {
        // An error means that nothing follows any more.
        while self.0.changed().await.is_ok() {}
        self.0.borrow().clone()
    }
}

impl Channel {
    /// Begins a call. `end` when the request has no body.
    ///
    /// # Errors
    /// When nothing was sent, because the connection accepts no new calls.
    pub(crate) fn begin(
        &self,
        request: Request<()>,
        end: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>, Carried), h2::Error> {
        let (response, message) = self.requests.clone().send_request(request, end)?;
        Ok((response, message, Carried::new(&self.traffic)))
    }

    /// What was wrong with the header fields of the server's answers.
    pub(crate) fn header_faults(&self) -> &HeaderFaults {
        &self.faults
    }

    /// True when no new call can begin: the connection failed or the server said GOAWAY.
    pub(crate) fn is_closed(&self) -> bool {
        refuses(&mut self.requests.clone(), &mut Context::from_waker(Waker::noop()))
    }

    /// Waits until no new call can begin.
    pub(crate) async fn closed(&self) {
        self.link.closed().await;
    }

    /// Ends the connection when it is dropped, with all calls in progress on it.
    pub(crate) fn cut(&self) -> Cut {
        Cut::new(&self.link.wire)
    }

    /// What becomes of the connection and the last calls on it.
    pub(crate) fn draining(&self) -> Draining {
        Draining::clone(&self.draining)
    }

    /// What ended the connection, as a fault of `stage`; `None` if it ended without an error or is still open.
    pub(crate) fn fault(&self, stage: Stage) -> Option<Fault> {
        self.link.fault(stage)
    }
}

/// How the calls of others are carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelPlan {
    /// The largest metadata that is accepted with one answer.
    pub(crate) metadata: u32,
    /// When the server is asked whether it is still there.
    pub(crate) keepalive: Option<Keepalive>,
}

/// Begins HTTP/2 on a stream that [`super::dial()`] made, and gives up at `deadline`.
///
/// # Errors
/// As [`super::open`].
pub(crate) async fn open_channel(
    stream: Stream,
    first: Bytes,
    plan: &ChannelPlan,
    deadline: Instant,
) -> Result<Channel, Fault> {
    let silent = first.is_empty();
    let (stream, wire) = Replayed::new(first, stream);
    let settings = settings();
    let sieve = Sieve::of_upstream(stream, plan.metadata);
    let faults = sieve.faults();
    let (stream, flusher) = Gathered::new(sieve);
    let handshake = settings.handshake(stream);
    let (requests, mut connection) = timeout_at(deadline, handshake)
        .await
        .map_err(|_| Fault::timeout(Stage::Http2))?
        .map_err(|error| ended_early(&wire, Some(error.to_string())))?;
    flusher.take_over();
    let traffic = Arc::<Traffic>::default();
    if let (Some(keepalive), Some(pings)) = (plan.keepalive, connection.ping_pong()) {
        tokio::spawn(keep_alive(pings, Arc::downgrade(&wire), keepalive, Arc::clone(&traffic)));
    }
    let (end, ended) = watch::channel(false);
    let (over, draining) = watch::channel(None);
    let (seen, driven) = (Arc::downgrade(&wire), Driven { connection, flusher });
    let requests_of_driver = requests.clone();
    tokio::spawn(async move {
        let driven = drive(driven, requests_of_driver, end).await;
        // The stream in it keeps what was seen.
        over.send_replace(seen.upgrade().and_then(|wire| wire.error()).map(Arc::new));
        drop(driven);
    });
    let link = Link { wire, ended };
    if silent {
        link.await_settings(deadline).await?;
    }
    Ok(Channel { requests, faults, traffic, link, draining: Arc::new(Draining(draining)) })
}

/// A connection, and what writes whatever it has said.
struct Driven {
    connection: Connection<Gathered<Sieve<Replayed>>, Bytes>,
    flusher: Flusher<Sieve<Replayed>>,
}

impl Driven {
    /// Ready at its end. Why it ended is on the wire; h2's error adds nothing to it.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let ended = Pin::new(&mut self.connection).poll(context);
        self.flusher.flush(context);
        ended.map(|_| ())
    }
}

/// Runs the connection to its end, and reports when it accepts no new calls. That is earlier if the server sends
/// GOAWAY while calls are in progress.
async fn drive(mut connection: Driven, mut requests: SendRequest<Bytes>, end: watch::Sender<bool>) -> Driven {
    let is_over = {
        let mut abandoned = pin!(end.closed());
        poll_fn(|context| {
            if connection.poll(context).is_ready() {
                return Poll::Ready(true);
            }
            if refuses(&mut requests, context) || abandoned.as_mut().poll(context).is_ready() {
                return Poll::Ready(false);
            }
            Poll::Pending
        })
        .await
    };
    end.send_replace(true);
    // While it is there, h2 keeps the connection for it.
    drop(requests);
    if !is_over {
        poll_fn(|context| connection.poll(context)).await;
    }
    connection
}

fn refuses(requests: &mut SendRequest<Bytes>, context: &mut Context<'_>) -> bool {
    matches!(requests.poll_ready(context), Poll::Ready(Err(_)))
}

fn settings() -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_header_list_size(UPSTREAM_HEADER_LIST)
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(SMALL_FRAMES)
        .max_concurrent_reset_streams(REMEMBERED_RESETS)
        // A count over the whole life of the connection, and a server that answers calls which were cancelled does
        // nothing wrong.
        .max_local_error_reset_streams(None);
    builder
}

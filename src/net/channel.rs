use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::keepalive::keep_alive;
use super::limits::{FRAME_SIZE, STREAM_WINDOW, UPSTREAM_HEADER_LIST};
use super::session::Link;
use super::stream::{Cut, Replayed, Stream};
use super::traffic::{Carried, Traffic};
use super::{Fault, Keepalive, Stage};
use crate::http2::client::{self, Connection, Requests};
use crate::http2::{Http2Error, Limits, RecvStream, RequestHead, Said, SendStream};

/// An HTTP/2 connection to a server that has sent its SETTINGS, for the calls of many callers. Cheap to clone: each call
/// has a clone.
#[derive(Clone, Debug)]
pub(crate) struct Channel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    requests: Requests,
    said: Said,
    traffic: Arc<Traffic>,
    link: Link,
    draining: Draining,
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
        head: &RequestHead,
        end: bool,
    ) -> Result<(RecvStream, SendStream, Carried), Http2Error> {
        let (answer, message) = self.0.requests.begin(head, end)?;
        Ok((answer, message, Carried::new(&self.0.traffic)))
    }

    /// What the server says when it takes no new calls.
    pub(crate) fn said(&self) -> &Said {
        &self.0.said
    }

    /// True when no new call can begin: the connection failed or the server said GOAWAY.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.requests.is_refused()
    }

    /// Waits until no new call can begin.
    pub(crate) async fn closed(&self) {
        self.0.link.closed().await;
    }

    /// Ends the connection when it is dropped, with all calls in progress on it.
    pub(crate) fn cut(&self) -> Cut {
        Cut::new(&self.0.link.wire)
    }

    /// What becomes of the connection and the last calls on it.
    pub(crate) fn draining(&self) -> Draining {
        self.0.draining.clone()
    }

    /// What ended the connection, as a fault of `stage`; `None` if it ended without an error or is still open.
    pub(crate) fn fault(&self, stage: Stage) -> Option<Fault> {
        self.0.link.fault(stage)
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
    let (requests, connection) = client::begin(stream, limits(plan));
    let traffic = Arc::<Traffic>::default();
    if let Some(keepalive) = plan.keepalive {
        let (pings, wire) = (connection.pings(), Arc::downgrade(&wire));
        tokio::spawn(keep_alive(pings, wire, keepalive, Arc::clone(&traffic)));
    }
    let (end, ended) = watch::channel(false);
    let (over, draining) = watch::channel(None);
    let (seen, said) = (Arc::downgrade(&wire), connection.said());
    tokio::spawn(async move {
        let connection = drive(connection, end).await;
        // The stream in it keeps what was seen.
        over.send_replace(seen.upgrade().and_then(|wire| wire.error()).map(Arc::new));
        drop(connection);
    });
    let link = Link { wire, ended };
    if silent {
        link.await_settings(deadline).await?;
    }
    Ok(Channel(Arc::new(Shared { requests, said, traffic, link, draining: Draining(draining) })))
}

/// Runs the connection to its end, and reports when it accepts no new calls. That is earlier if the server sends
/// GOAWAY while calls are in progress.
async fn drive(mut connection: Connection<Replayed>, end: watch::Sender<bool>) -> Connection<Replayed> {
    let is_over = {
        let mut abandoned = pin!(end.closed());
        let mut poll = |context: &mut Context<'_>| {
            if connection.poll(context).is_ready() {
                return Poll::Ready(true);
            }
            if connection.is_refusing() || abandoned.as_mut().poll(context).is_ready() {
                return Poll::Ready(false);
            }
            Poll::Pending
        };
        poll_fn(&mut poll).await
    };
    end.send_replace(true);
    if !is_over {
        poll_fn(|context| connection.poll(context)).await;
    }
    connection
}

fn limits(plan: &ChannelPlan) -> Limits {
    Limits {
        stream_window: STREAM_WINDOW,
        frame_size: FRAME_SIZE,
        told_header_list: UPSTREAM_HEADER_LIST,
        header_list: plan.metadata as usize,
        header_block: UPSTREAM_BLOCK,
        concurrent_streams: 0,
        // A count over the whole life of the connection would end it for what was forgiven long ago.
        malformed_streams: None,
    }
}

/// All that the server may send by [`UPSTREAM_HEADER_LIST`].
const UPSTREAM_BLOCK: usize = 3 * UPSTREAM_HEADER_LIST as usize / 2;

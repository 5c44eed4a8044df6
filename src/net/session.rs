use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tower::{Service, service_fn};

use super::frame::{FRAME_HEADER, is_settings};
use super::limits::{FRAME_SIZE, HEADER_LIST, SEND_BUFFER, STREAM_WINDOW};
use super::sieve::{HeaderFaults, Outgoing, Sieve};
use super::stream::{Replayed, Stream, Wire};
use super::{Fault, FaultKind, IgnoredFrame, Reset, Settings, Stage};
use crate::http2::HeaderFault;

/// An HTTP/2 connection to a server that has sent its SETTINGS, for calls of our own.
///
/// The calls of others go over a `Channel`.
#[derive(Debug)]
pub struct Session<B> {
    requests: http2::SendRequest<B>,
    link: Link,
    goodbye: Arc<OnceLock<Goodbye>>,
    faults: HeaderFaults,
    calls: Arc<Outgoing>,
}

/// How HTTP/2 ended a connection.
#[derive(Clone, Debug)]
pub struct Goodbye {
    /// Who ended it, and why.
    pub reset: Reset,
    /// What the peer said about it.
    pub words: Option<String>,
}

/// What is known of a connection by its stream and its task.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) wire: Arc<Wire>,
    pub(super) ended: watch::Receiver<bool>,
}

impl<B: Body + 'static> Session<B> {
    /// Where requests go in, as the clients of tonic want it.
    pub fn service(
        &self,
    ) -> impl Service<Request<B>, Response = Response<Incoming>, Error = hyper::Error, Future: Send> + Clone + use<B>
    where
        B: Send,
    {
        let (requests, calls) = (self.requests.clone(), Arc::clone(&self.calls));
        service_fn(move |request| {
            calls.begin();
            requests.clone().send_request(request)
        })
    }

    /// What the server's first SETTINGS frame says, as far as it has come.
    pub fn settings(&self) -> Option<Settings> {
        Settings::of(&self.link.wire.opening())
    }

    /// Why an answer is late: the server, or that it has not let us send the request.
    pub(crate) fn lateness(&self) -> Fault {
        if !self.calls.waits_for_window() {
            return Fault::timeout(Stage::Call);
        }
        let settings = self.settings().unwrap_or_default();
        let initial = settings.initial_window_size.unwrap_or(USUAL_WINDOW);
        Fault::new(Stage::Call, FaultKind::NoWindow { initial })
    }

    /// Can no new call be made?
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed() || *self.link.ended.borrow()
    }

    /// Waits until no new call can be made: the connection has ended, or the server said GOAWAY.
    pub async fn closed(&self) {
        self.link.closed().await;
    }

    /// How HTTP/2 ended the connection, or will as soon as the calls on it have ended; `None` if it stands or has ended in
    /// another way.
    pub fn goodbye(&self) -> Option<Goodbye> {
        let heard = || {
            let farewell = self.faults.said().so_far()?;
            let words = Some(farewell.words().to_owned()).filter(|words| !words.is_empty());
            Some(Goodbye { reset: Reset::by_peer(farewell.reason()), words })
        };
        self.goodbye.get().cloned().or_else(heard)
    }

    /// What was wrong with header fields since this was last asked.
    pub(crate) fn header_faults(&self) -> Vec<HeaderFault> {
        self.faults.take_all()
    }

    /// Which frames were ignored since this was last asked.
    pub(crate) fn ignored(&self) -> Vec<IgnoredFrame> {
        self.faults.take_ignored()
    }

    /// What ended the connection, as a fault of `stage`; `None` when it ended in good order or stands.
    pub fn fault(&self, stage: Stage) -> Option<Fault> {
        self.link.fault(stage)
    }
}

impl Link {
    /// Waits until no new request can be sent.
    pub(super) async fn closed(&self) {
        let mut ended = self.ended.clone();
        // An error means that the task is gone, which is the same news.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    pub(super) fn fault(&self, stage: Stage) -> Option<Fault> {
        self.wire.take_error().map(|error| Fault::io(stage, error))
    }

    /// Waits for the SETTINGS of a server that let us speak first.
    pub(super) async fn await_settings(&self, deadline: Instant) -> Result<(), Fault> {
        let first = async {
            tokio::select! {
                first = self.wire.first_frame_header() => Ok(first),
                () = self.closed() => Err(ended_early(&self.wire, None)),
            }
        };
        let first = timeout_at(deadline, first).await.map_err(|_| Fault::timeout(Stage::Http2))??;
        if is_settings(&first) {
            return Ok(());
        }
        Err(Fault::new(Stage::Http2, FaultKind::Unexpected(first)))
    }
}

/// Begins HTTP/2 on a stream that [`super::dial()`] made, and gives up at `deadline`.
///
/// # Errors
/// When the server's first frame does not come or is not one. A server's refusal of our certificate can still
/// come to light here, where the server waited for our preface first.
pub async fn open<B>(stream: Stream, first: Bytes, deadline: Instant) -> Result<Session<B>, Fault>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let silent = first.is_empty();
    let (stream, wire) = Replayed::new(first, stream);
    let calls = Arc::<Outgoing>::default();
    let sieve = Sieve::new(stream, Arc::clone(&calls));
    let faults = sieve.faults();
    let handshake = settings().handshake(TokioIo::new(sieve));
    let (requests, connection) = timeout_at(deadline, handshake)
        .await
        .map_err(|_| Fault::timeout(Stage::Http2))?
        .map_err(|error| ended_early(&wire, Some(error.to_string())))?;
    let (end, ended) = watch::channel(false);
    let goodbye = Arc::<OnceLock<Goodbye>>::default();
    let (said, read) = (Arc::clone(&goodbye), Arc::clone(&wire));
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        let ended = loop {
            tokio::select! {
                ended = &mut connection => break ended,
                // hyper notices GOAWAY when it is polled, and nothing wakes it for that while a call is in progress.
                () = read.more() => {}
            }
        };
        // Why the stream ended is on the wire, and only hyper's error has the GOAWAY.
        if let Err(error) = ended
            && let Some(reset) = Reset::of(&error)
        {
            said.get_or_init(|| Goodbye { reset, words: Reset::words(&error) });
        }
        end.send_replace(true);
    });
    let link = Link { wire, ended };
    if silent {
        link.await_settings(deadline).await?;
    }
    Ok(Session { requests, link, goodbye, faults, calls })
}

/// Why the connection ended before the server's SETTINGS.
pub(super) fn ended_early(wire: &Wire, error: Option<String>) -> Fault {
    let heard = wire.heard();
    if !heard.is_empty() && (heard.len() < FRAME_HEADER || !is_settings(&heard)) {
        return Fault::new(Stage::Http2, FaultKind::Unexpected(heard));
    }
    let io = wire.take_error().or_else(|| error.map(io::Error::other));
    io.map_or_else(|| Fault::new(Stage::Http2, FaultKind::Closed), |error| Fault::io(Stage::Http2, error))
}

/// For one call at a time of a program of ours: what a [`super::Channel`] must guard against does not happen here.
///
/// The sieve writes header fields in frames of our size, whatever the server does.
fn settings() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_header_list_size(HEADER_LIST)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// What a stream may carry if the server says nothing about it (RFC 9113 section 6.5.2).
const USUAL_WINDOW: u32 = 65_535;

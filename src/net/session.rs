use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tower::{Service, service_fn};

use super::dial::{FRAME_HEADER, is_settings};
use super::stream::{Replayed, Stream, Wire};
use super::{Fault, FaultKind, Gathered, Layer};

/// An HTTP/2 connection to a server that has sent its SETTINGS.
#[derive(Debug)]
pub struct Session<B> {
    requests: http2::SendRequest<B>,
    wire: Arc<Wire>,
    ended: watch::Receiver<bool>,
}

impl<B> Clone for Session<B> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone(), wire: Arc::clone(&self.wire), ended: self.ended.clone() }
    }
}

impl<B: Body + 'static> Session<B> {
    /// Where requests go in. Cheap to clone.
    pub fn requests(&self) -> http2::SendRequest<B> {
        self.requests.clone()
    }

    /// The same as a service, as the clients of tonic want it.
    pub fn service(
        &self,
    ) -> impl Service<Request<B>, Response = Response<Incoming>, Error = hyper::Error, Future: Send> + Clone + use<B>
    where
        B: Send,
    {
        let requests = self.requests.clone();
        service_fn(move |request| requests.clone().send_request(request))
    }

    /// True when no new request can be sent: the connection failed or the server said GOAWAY.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Waits until no new request can be sent.
    pub async fn closed(&self) {
        let mut ended = self.ended.clone();
        // An error means that the task is gone, which is the same news.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// What ended the connection, as a fault of `layer`; `None` when it ended in good order or stands.
    pub fn fault(&self, layer: Layer) -> Option<Fault> {
        self.wire.take_error().map(|error| Fault::io(layer, error))
    }
}

/// Begins HTTP/2 on a stream that [`super::dial`] made, and gives up at `deadline`.
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
    let handshake = settings().handshake(TokioIo::new(Gathered::new(stream)));
    let (requests, connection) = timeout_at(deadline, handshake)
        .await
        .map_err(|_| Fault::timeout(Layer::Http2))?
        .map_err(|error| ended_early(&wire, Some(&error)))?;
    let (end, ended) = watch::channel(false);
    tokio::spawn(async move {
        // Why it ended is on the wire; hyper's error adds nothing to it.
        let _ = connection.await;
        end.send_replace(true);
    });
    let session = Session { requests, wire, ended };
    if silent {
        await_settings(&session, deadline).await?;
    }
    Ok(session)
}

async fn await_settings<B: Body + 'static>(session: &Session<B>, deadline: Instant) -> Result<(), Fault> {
    let first = async {
        tokio::select! {
            first = session.wire.first_frame_header() => Ok(first),
            () = session.closed() => Err(ended_early(&session.wire, None)),
        }
    };
    let first = timeout_at(deadline, first).await.map_err(|_| Fault::timeout(Layer::Http2))??;
    if is_settings(&first) {
        return Ok(());
    }
    Err(Fault::new(Layer::Http2, FaultKind::Unexpected(first)))
}

/// Why the connection ended before the server's SETTINGS.
fn ended_early(wire: &Wire, error: Option<&hyper::Error>) -> Fault {
    let heard = wire.heard();
    if !heard.is_empty() && (heard.len() < FRAME_HEADER || !is_settings(&heard)) {
        return Fault::new(Layer::Http2, FaultKind::Unexpected(heard));
    }
    let io = wire.take_error().or_else(|| error.map(|error| io::Error::other(error.to_string())));
    io.map_or_else(|| Fault::new(Layer::Http2, FaultKind::Closed), |error| Fault::io(Layer::Http2, error))
}

fn settings() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_header_list_size(HEADER_LIST)
        .max_send_buf_size(SEND_BUFFER)
        // A server that answers calls which were cancelled does nothing wrong. h2 counts each such answer as
        // an error once it has forgotten the call, and gives up the connection after a number of them.
        .max_concurrent_reset_streams(REMEMBERED_RESETS)
        .max_local_error_reset_streams(None);
    builder
}

/// What may be under way on one stream before the reader has taken it. A hook's answer is seldom larger, so
/// it comes without a pause for WINDOW_UPDATE.
pub(crate) const STREAM_WINDOW: u32 = 1 << 20;

/// The same for all streams of a connection together.
pub(crate) const CONNECTION_WINDOW: u32 = 4 << 20;

/// The largest frame that we take: larger ones mean fewer of them in a large message.
pub(crate) const FRAME_SIZE: u32 = 64 << 10;

/// All of a request's or a response's metadata. A server's error message travels in it, and grpc-go sets no
/// limit worth the name (16 MiB); a larger list would cost its whole connection.
pub(crate) const HEADER_LIST: u32 = 1 << 20;

/// Cancelled calls whose late answers are still recognised.
const REMEMBERED_RESETS: usize = 1024;

/// What may wait on one stream for the peer's window.
pub(crate) const SEND_BUFFER: usize = 256 << 10;

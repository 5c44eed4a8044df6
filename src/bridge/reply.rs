use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use tracing::debug;

use super::answer::{Answer, GRPC_STATUS};

/// The body of a response: nothing, or the upstream's, frame by frame.
#[derive(Debug)]
pub(super) struct Reply(Option<Relay>);

#[derive(Debug)]
struct Relay {
    incoming: Incoming,
    limit: Option<Pin<Box<Sleep>>>,
    call: CallLog,
    ended: bool,
}

impl Reply {
    pub(super) fn empty() -> Self {
        Self(None)
    }

    /// Passes on `incoming`. When the upstream cuts it, or the deadline passes, the caller gets trailers that
    /// say so instead of a bare reset.
    pub(super) fn relay(incoming: Incoming, deadline: Option<Instant>, call: CallLog) -> Self {
        let limit = deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline)));
        Self(Some(Relay { incoming, limit, call, ended: false }))
    }
}

impl Relay {
    fn end_with(&mut self, answer: Answer) -> Frame<Bytes> {
        self.ended = true;
        self.call.end(Some(answer.code()));
        Frame::trailers(answer.into_trailers())
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(relay) = self.get_mut().0.as_mut().filter(|relay| !relay.ended) else {
            return Poll::Ready(None);
        };
        let frame = match Pin::new(&mut relay.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    relay.call.end(status(trailers));
                }
                frame
            }
            Poll::Ready(Some(Err(error))) => relay.end_with(Answer::of_cut(&error)),
            Poll::Ready(None) => {
                relay.ended = true;
                return Poll::Ready(None);
            }
            Poll::Pending => match relay.limit.as_mut().map(|limit| limit.as_mut().poll(context)) {
                Some(Poll::Ready(())) => relay.end_with(Answer::deadline()),
                Some(Poll::Pending) | None => return Poll::Pending,
            },
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|relay| relay.ended || relay.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |relay| relay.incoming.size_hint())
    }
}

/// The one log line of a call.
#[derive(Debug)]
pub(super) struct CallLog {
    path: String,
    begin: Instant,
    ended: bool,
}

impl CallLog {
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), begin: Instant::now(), ended: false }
    }

    /// Writes the line, once. `code` is the number of the gRPC status, where there was one.
    pub(super) fn end(&mut self, code: Option<i32>) {
        if !std::mem::replace(&mut self.ended, true) {
            let milliseconds = self.begin.elapsed().as_secs_f64() * 1000.0;
            debug!(path = self.path, code, milliseconds, "call");
        }
    }
}

impl Drop for CallLog {
    // The caller went away before the end.
    fn drop(&mut self) {
        self.end(None);
    }
}

/// The gRPC status in headers or trailers.
pub(super) fn status(headers: &HeaderMap) -> Option<i32> {
    headers.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

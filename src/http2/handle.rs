use std::task::{Context, Poll};

use bytes::Bytes;

use super::Http2Error;
use super::fields::{Fields, Judged, ResponseHead};
use super::message;
use super::state::{Shared, lock};
use super::stream::Stream;

/// What a peer sends on a stream. Dropped together with the other half before the stream is over, it resets the stream.
#[derive(Debug)]
pub(crate) struct RecvStream(Handle);

/// What goes to a peer on a stream.
#[derive(Debug)]
pub(crate) struct SendStream(Handle);

#[derive(Debug)]
struct Handle {
    shared: Shared,
    id: u32,
}

impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.shared).drop_handle(self.id);
    }
}

/// Both halves of a stream that `stream` is.
pub(super) fn handles(shared: &Shared, id: u32, stream: &mut Stream) -> (RecvStream, SendStream) {
    (stream.handles, stream.is_new) = (2, false);
    let handle = || Handle { shared: Shared::clone(shared), id };
    (RecvStream(handle()), SendStream(handle()))
}

impl RecvStream {
    /// The head of a response.
    ///
    /// # Errors
    /// When the stream ends before.
    pub(crate) fn poll_head(
        &mut self,
        context: &Context<'_>,
    ) -> Poll<Result<Box<Judged<ResponseHead>>, Http2Error>> {
        let mut state = lock(&self.0.shared);
        let Some(stream) = state.streams.get_mut(&self.0.id) else { return Poll::Pending };
        match (stream.receiving.head.take(), &stream.failed) {
            (Some(head), _) => return Poll::Ready(Ok(head)),
            (None, Some(error)) => return Poll::Ready(Err(error.clone())),
            (None, None) => stream.wait(context),
        }
        Poll::Pending
    }

    /// The next bytes of the body; `None` behind the last ones.
    ///
    /// # Errors
    /// When the stream ends before.
    pub(crate) fn poll_data(&mut self, context: &Context<'_>) -> Poll<Option<Result<Bytes, Http2Error>>> {
        let mut state = lock(&self.0.shared);
        let Some(stream) = state.streams.get_mut(&self.0.id) else { return Poll::Ready(None) };
        if let Some(octets) = stream.receiving.data.pop_front() {
            return Poll::Ready(Some(Ok(octets)));
        }
        if stream.receiving.is_over {
            return Poll::Ready(None);
        }
        if let Some(error) = &stream.failed {
            return Poll::Ready(Some(Err(error.clone())));
        }
        stream.wait(context);
        Poll::Pending
    }

    /// What came behind the body, once [`RecvStream::poll_data`] has given `None`.
    pub(crate) fn take_trailers(&mut self) -> Option<Judged<Fields>> {
        lock(&self.0.shared).streams.get_mut(&self.0.id)?.receiving.trailers.take()
    }

    /// True when all has been read, and there are no trailers.
    pub(crate) fn is_end_stream(&self) -> bool {
        lock(&self.0.shared).streams.get(&self.0.id).is_none_or(|stream| {
            let receiving = &stream.receiving;
            receiving.is_over && receiving.data.is_empty() && receiving.trailers.is_none()
        })
    }

    /// So many bytes do not take room any more: the peer may send as many more.
    pub(crate) fn release(&mut self, octets: usize) {
        lock(&self.0.shared).release(self.0.id, octets);
    }
}

impl SendStream {
    /// Ready when the stream has ended early.
    pub(crate) fn poll_failed(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.shared);
        let Some(stream) = state.streams.get_mut(&self.0.id) else { return Poll::Ready(()) };
        if stream.failed.is_some() {
            return Poll::Ready(());
        }
        stream.wait(context);
        Poll::Pending
    }

    /// Sends the head of a response; `is_last` if it has neither body nor trailers.
    ///
    /// # Errors
    /// When the stream is over.
    pub(crate) fn send_response(&mut self, head: &ResponseHead, is_last: bool) -> Result<(), Http2Error> {
        lock(&self.0.shared).send_fields(self.0.id, is_last, |encoder, out| {
            message::response(encoder, head, out);
        })
    }

    /// How many of `wanted` bytes can be sent now: one at least.
    ///
    /// # Errors
    /// When the stream is over.
    pub(crate) fn poll_room(
        &mut self,
        context: &Context<'_>,
        wanted: usize,
    ) -> Poll<Result<usize, Http2Error>> {
        let mut state = lock(&self.0.shared);
        match state.room(self.0.id, wanted) {
            Ok(Some(room)) => Poll::Ready(Ok(room)),
            Err(error) => Poll::Ready(Err(error)),
            Ok(None) => {
                if let Some(stream) = state.streams.get_mut(&self.0.id) {
                    stream.wait(context);
                }
                Poll::Pending
            }
        }
    }

    /// Sends as many bytes as [`SendStream::poll_room`] has found room for, or none; `is_last` if they are the last ones.
    ///
    /// # Errors
    /// When the stream is over.
    pub(crate) fn send_data(&mut self, octets: Bytes, is_last: bool) -> Result<(), Http2Error> {
        lock(&self.0.shared).send_data(self.0.id, octets, is_last)
    }

    /// Sends trailers, which end the stream.
    ///
    /// # Errors
    /// When the stream is over.
    pub(crate) fn send_trailers(&mut self, fields: &Fields) -> Result<(), Http2Error> {
        lock(&self.0.shared).trailers(self.0.id, fields)
    }
}

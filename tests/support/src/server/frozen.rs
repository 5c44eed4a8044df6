use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::record::Record;
use super::talk::Stream;

/// A connection on which nothing happens any more once the server is frozen.
pub(super) struct Freezing {
    stream: Box<dyn Stream>,
    record: Arc<Record>,
}

impl Freezing {
    pub(super) fn new(stream: Box<dyn Stream>, record: Arc<Record>) -> Self {
        Self { stream, record }
    }
}

impl AsyncRead for Freezing {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // It does not thaw: no one has to be woken.
        if self.record.is_frozen() {
            return Poll::Pending;
        }
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Freezing {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if self.record.is_frozen() {
            return Poll::Ready(Ok(octets.len()));
        }
        Pin::new(&mut self.get_mut().stream).poll_write(context, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    // An alert at the end of a failed handshake is one of several pieces that TLS writes at once.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.record.is_frozen() {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Stream for Freezing {
    fn cut_on_drop(&self) {
        self.stream.cut_on_drop();
    }
}

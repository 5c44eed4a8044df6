use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::talk::Stream;

/// A connection on which nothing is written any more once it is mute, no alert either.
pub(super) struct Mutable {
    stream: Box<dyn Stream>,
    mute: Arc<AtomicBool>,
    /// Nor is anything read then.
    deaf: bool,
}

impl Mutable {
    pub(super) fn new(stream: Box<dyn Stream>, mute: Arc<AtomicBool>) -> Self {
        Self { stream, mute, deaf: false }
    }

    /// One on which nothing happens any more once it is frozen.
    pub(super) fn freezing(stream: Box<dyn Stream>, frozen: Arc<AtomicBool>) -> Self {
        Self { stream, mute: frozen, deaf: true }
    }

    fn is_mute(&self) -> bool {
        self.mute.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Mutable {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // It does not thaw: no task has to be woken.
        if self.deaf && self.is_mute() {
            return Poll::Pending;
        }
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Mutable {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_mute() {
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
        if self.is_mute() {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Stream for Mutable {
    fn cut_on_drop(&self) {
        self.stream.cut_on_drop();
    }
}

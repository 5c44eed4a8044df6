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
}

impl Mutable {
    pub(super) fn new(stream: Box<dyn Stream>, mute: Arc<AtomicBool>) -> Self {
        Self { stream, mute }
    }
}

impl AsyncRead for Mutable {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Mutable {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if self.mute.load(Ordering::Relaxed) {
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
}

impl Stream for Mutable {
    fn cut_on_drop(&self) {
        self.stream.cut_on_drop();
    }
}

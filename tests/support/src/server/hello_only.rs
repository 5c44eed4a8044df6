use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::talk::Stream;

/// A connection that ends when the first octet is not that of a TLS hello, and on which then nothing is written,
/// no alert either.
pub(super) struct HelloOnly {
    stream: Box<dyn Stream>,
    begun: bool,
}

impl HelloOnly {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, begun: false }
    }
}

impl AsyncRead for HelloOnly {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let first = buffer.filled().get(before).copied();
        if !std::mem::replace(&mut this.begun, true) && first != Some(22) {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HelloOnly {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl Stream for HelloOnly {
    fn cut_on_drop(&self) {
        self.stream.cut_on_drop();
    }
}

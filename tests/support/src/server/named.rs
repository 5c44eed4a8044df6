use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::talk::Stream;

/// What becomes of a hello that asks for `localhost:PORT`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    Accept,
    Close,
    Hang,
}

/// A connection whose first octets are looked at for such a name. rustls would answer it by an alert, so an accepted name
/// gets an underscore in place of the colon. The handshake fails later, because each side has seen another hello.
pub(super) struct NameFilter {
    stream: Box<dyn Stream>,
    named: Named,
    begun: bool,
}

impl NameFilter {
    pub(super) fn new(stream: Box<dyn Stream>, named: Named) -> Self {
        Self { stream, named, begun: false }
    }
}

impl AsyncRead for NameFilter {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        if std::mem::replace(&mut this.begun, true) {
            return Poll::Ready(Ok(()));
        }
        let octets = &mut buffer.filled_mut()[before..];
        let place = octets.windows(NAME.len()).position(|octets| octets == NAME);
        match (place, this.named) {
            (None, _) => {}
            (Some(place), Named::Accept) => octets[place + NAME.len() - 1] = b'_',
            (Some(_), Named::Close) => {
                this.stream.cut_on_drop();
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            // The client hangs up.
            (Some(_), Named::Hang) => return Poll::Pending,
        }
        Poll::Ready(Ok(()))
    }
}

const NAME: &[u8] = b"localhost:";

impl AsyncWrite for NameFilter {
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

impl Stream for NameFilter {
    fn cut_on_drop(&self) {
        self.stream.cut_on_drop();
    }
}

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::stream::Stream;

/// A caller's stream, whose last words the caller can read although it still sends.
///
/// If a socket is closed while its peer sends, the peer's write fails, and over TCP what it has not read yet is lost, too. C-core then
/// gives up the connection without another look: calls that GOAWAY says were not processed fail, and are not sent again.
/// Its acknowledgement of our PING overtakes calls that began before it had read GOAWAY (RFC 9113 section 6.8), so this
/// happens under load. After a shutdown, what the caller sends is therefore read and dropped until it closes, too, for
/// [`LINGER`] and [`MOST`] at most.
#[derive(Debug)]
pub(crate) struct Lingering {
    stream: Stream,
    /// Nothing more comes.
    has_ended: bool,
    goodbye: Option<Goodbye>,
}

/// What has become of a stream that was shut down.
#[derive(Debug)]
struct Goodbye {
    limit: Pin<Box<Sleep>>,
    dropped: usize,
}

impl Lingering {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, has_ended: false, goodbye: None }
    }

    fn poll_goodbye(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let begun = || Goodbye { limit: Box::pin(sleep(LINGER)), dropped: 0 };
        let goodbye = self.goodbye.get_or_insert_with(begun);
        let mut room = [0; 4 << 10];
        while goodbye.dropped < MOST {
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    goodbye.dropped += buffer.filled().len();
                }
                // The end, or the error of a connection that is over anyway.
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return goodbye.limit.as_mut().poll(context),
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = buffer.remaining();
        let read = ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        this.has_ended = read.is_err() || (room > 0 && buffer.remaining() == room);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_ended && this.stream.is_plaintext() {
            // Closing the socket says the same.
            return Poll::Ready(Ok(()));
        }
        if this.goodbye.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        if !this.has_ended {
            ready!(this.poll_goodbye(context));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// As long as Envoy waits (`delayed_close_timeout`).
const LINGER: Duration = Duration::from_secs(1);

/// In bytes: a caller that floods is not heard out.
const MOST: usize = 1 << 20;

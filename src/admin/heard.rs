//! What a peer has said so far.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Of one peer; copies are about the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<State>);

#[derive(Debug, Default)]
struct State {
    anything: AtomicBool,
    enough: AtomicBool,
}

impl Heard {
    /// Has it said a word?
    pub(super) fn anything(&self) -> bool {
        self.0.anything.load(Ordering::Relaxed)
    }

    /// Reads nothing more of it.
    pub(super) fn cut(&self) {
        self.0.enough.store(true, Ordering::Relaxed);
    }

    /// Notes what is read from `stream`.
    pub(super) fn on<S>(&self, stream: S) -> Listening<S> {
        Listening { stream, heard: self.clone() }
    }
}

/// A stream whose peer is listened to.
pub(super) struct Listening<S> {
    stream: S,
    heard: Heard,
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.heard.0.enough.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut this.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            this.heard.0.anything.store(true, Ordering::Relaxed);
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listening<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

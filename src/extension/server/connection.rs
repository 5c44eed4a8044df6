use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::extension::service::Peer;
use crate::net::Admission;
use crate::pki::Certificate;

/// A connection on which HTTP/2 can begin.
pub(super) struct Connection<S> {
    stream: Secured<S>,
    /// Until HTTP/2 has begun: how many bytes of its preface are missing, and how long they may take.
    beginning: Option<(usize, Pin<Box<Sleep>>)>,
    _admission: Admission,
}

impl<S> Connection<S> {
    /// A connection that ends if HTTP/2 does not begin within `limit`.
    pub(super) fn new(stream: Secured<S>, limit: Duration, admission: Admission) -> Self {
        let beginning = Some((PREFACE, Box::pin(sleep(limit))));
        Self { stream, beginning, _admission: admission }
    }

    /// Fails if the preface has not come in time.
    fn poll_beginning(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some((_, limit)) = &mut self.beginning
            && limit.as_mut().poll(cx).is_ready()
        {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    fn note_read(&mut self, octets: usize) {
        let left = self.beginning.take().map(|(missing, limit)| (missing.saturating_sub(octets), limit));
        self.beginning = left.filter(|(missing, _)| *missing > 0);
    }
}

/// Octets of a client's preface (RFC 9113 section 3.4).
const PREFACE: usize = 24;

pub(super) enum Secured<S> {
    Plaintext(S),
    Tls(Box<TlsStream<S>>),
}

impl<S> Connected for Connection<S> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let certificate = match &self.stream {
            Secured::Plaintext(_) => None,
            Secured::Tls(stream) => stream.get_ref().1.peer_certificates().and_then(<[_]>::first),
        };
        Peer { certificate: certificate.and_then(|der| Certificate::of(der).ok()).map(Arc::new) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        connection.poll_beginning(cx)?;
        let before = buffer.filled().len();
        let read = match &mut connection.stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_read(cx, buffer),
            Secured::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        connection.note_read(buffer.filled().len() - before);
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_write(cx, octets),
            Secured::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_write_vectored(cx, octets),
            Secured::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, octets),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Secured::Plaintext(stream) => stream.is_write_vectored(),
            Secured::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_flush(cx),
            Secured::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_shutdown(cx),
            Secured::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

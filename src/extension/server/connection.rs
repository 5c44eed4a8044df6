use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::extension::service::Peer;
use crate::net::Admission;

/// A connection on which HTTP/2 can begin.
pub(super) struct Connection<S> {
    pub(super) stream: Secured<S>,
    pub(super) _admission: Admission,
}

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
        Peer { certificate: certificate.map(|certificate| Arc::new(certificate.clone())) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_read(cx, buffer),
            Secured::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
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

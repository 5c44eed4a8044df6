use std::io;
use std::sync::Arc;

use bytes::Bytes;
use egext_test_support::TestPki;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::load::WINDOW;

/// The ports of two servers that send every message back.
#[derive(Clone, Copy, Debug)]
pub struct Servers {
    /// Mutual TLS.
    pub secure: u16,
    /// No TLS.
    pub plain: u16,
}

impl Servers {
    pub async fn start(pki: &TestPki) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(pki.mtls_config()));
        Ok(Self { secure: listen(Some(acceptor)).await?, plain: listen(None).await? })
    }
}

async fn listen(acceptor: Option<TlsAcceptor>) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // A caller that is refused reports it at its own end.
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                match acceptor {
                    Some(acceptor) => serve(acceptor.accept(stream).await?).await,
                    None => serve(stream).await,
                }
            });
        }
    });
    Ok(port)
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let handshake = h2::server::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(stream);
    let mut connection = handshake.await.map_err(io::Error::other)?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call.map_err(io::Error::other)?;
        tokio::spawn(echo(request, respond));
    }
    Ok(())
}

async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let mut body = request.into_body();
    let mut chunks = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        chunks.push(chunk);
    }
    let mut head = Response::new(());
    head.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut stream = respond.send_response(head, false)?;
    for chunk in chunks {
        stream.send_data(chunk, false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers)
}

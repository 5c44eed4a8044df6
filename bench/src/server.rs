use std::io;
use std::sync::Arc;

use bytes::Bytes;
use egext_test_support::TestPki;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::load::WINDOW;

/// Sends every message back, over mutual TLS.
pub struct Server {
    pub port: u16,
}

impl Server {
    pub async fn start(pki: &TestPki) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let acceptor = TlsAcceptor::from(Arc::new(pki.mtls_config()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who is not let in shows at the other end.
                tokio::spawn(serve(stream, acceptor.clone()));
            }
        });
        Ok(Self { port })
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
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

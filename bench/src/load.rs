use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use egext_test_support::TestPki;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// One connection of a caller.
pub struct Load {
    requests: SendRequest<Bytes>,
}

impl Load {
    /// To the server itself, with mutual TLS.
    pub async fn direct(pki: &TestPki, port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        Self::over(TlsConnector::from(Arc::new(pki.client_config())).connect(name, stream).await?).await
    }

    /// To a proxy.
    pub async fn through(socket: &Path) -> io::Result<Self> {
        Self::over(UnixStream::connect(socket).await?).await
    }

    /// The median of so many calls of 2 KiB, in microseconds.
    pub async fn one_at_a_time(&mut self, calls: usize) -> io::Result<f64> {
        let message = Bytes::from(vec![7; SMALL]);
        let mut took = Vec::with_capacity(calls);
        for _ in 0..calls {
            let begin = Instant::now();
            call(self.requests.clone(), message.clone()).await?;
            took.push(begin.elapsed());
        }
        took.sort();
        Ok(took[calls / 2].as_secs_f64() * 1e6)
    }

    pub async fn many_at_a_time(&mut self, calls: usize, in_flight: usize) -> io::Result<()> {
        let message = Bytes::from(vec![7; SMALL]);
        let mut under_way = JoinSet::new();
        for number in 0..calls {
            if number >= in_flight
                && let Some(ended) = under_way.join_next().await
            {
                ended.map_err(io::Error::other)??;
            }
            under_way.spawn(call(self.requests.clone(), message.clone()));
        }
        under_way.join_all().await.into_iter().collect()
    }

    /// Calls of 4 MiB, one after the other.
    pub async fn large(&mut self, calls: usize) -> io::Result<()> {
        let message = Bytes::from(vec![7; 4 << 20]);
        for _ in 0..calls {
            call(self.requests.clone(), message.clone()).await?;
        }
        Ok(())
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> io::Result<Self> {
        let builder = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream);
        let (requests, connection) = builder.await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self { requests })
    }
}

async fn call(requests: SendRequest<Bytes>, message: Bytes) -> io::Result<()> {
    let length = message.len();
    let request =
        Request::post("http://localhost/envoygateway.extension.EnvoyGatewayExtension/PostRouteModify")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(io::Error::other)?;
    let mut requests = requests.ready().await.map_err(io::Error::other)?;
    let (response, mut body) = requests.send_request(request, false).map_err(io::Error::other)?;
    body.send_data(message, true).map_err(io::Error::other)?;
    let mut body = response.await.map_err(io::Error::other)?.into_body();
    let mut received = 0;
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(io::Error::other)?;
        received += chunk.len();
        body.flow_control().release_capacity(chunk.len()).map_err(io::Error::other)?;
    }
    let trailers = body.trailers().await.map_err(io::Error::other)?;
    let good = trailers.is_some_and(|trailers| trailers["grpc-status"] == "0") && received == length;
    if good { Ok(()) } else { Err(io::Error::other("not the answer that was expected")) }
}

const SMALL: usize = 2048;

/// So large that no end of the line is what is measured.
pub const WINDOW: u32 = 16 << 20;

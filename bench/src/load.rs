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

/// How long the calls of a run took, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    pub p50: f64,
    pub p999: f64,
}

impl Load {
    /// With mutual TLS.
    pub async fn secure(pki: &TestPki, port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        Self::over(TlsConnector::from(Arc::new(pki.client_config())).connect(name, stream).await?).await
    }

    /// Over a unix socket.
    pub async fn plain(socket: &Path) -> io::Result<Self> {
        Self::over(UnixStream::connect(socket).await?).await
    }

    /// So many calls of 2 KiB.
    pub async fn one_at_a_time(&mut self, calls: usize) -> io::Result<Latency> {
        let message = Bytes::from(vec![7; SMALL]);
        let mut took = Vec::with_capacity(calls);
        for _ in 0..calls {
            let begin = Instant::now();
            call(self.requests.clone(), message.clone()).await?;
            took.push(begin.elapsed());
        }
        took.sort();
        let at = |place: usize| took[place.min(calls - 1)].as_secs_f64() * 1e6;
        Ok(Latency { p50: at(calls / 2), p999: at(calls - calls.div_ceil(1000)) })
    }

    pub async fn many_at_a_time(&mut self, calls: usize, in_flight: usize) -> io::Result<()> {
        let message = Bytes::from(vec![7; SMALL]);
        bounded(calls, in_flight, || call(self.requests.clone(), message.clone())).await
    }

    /// Calls of `size` bytes in each direction, one after the other.
    pub async fn large(&mut self, size: usize, calls: usize) -> io::Result<()> {
        let message = Bytes::from(vec![7; size]);
        for _ in 0..calls {
            call(self.requests.clone(), message.clone()).await?;
        }
        Ok(())
    }

    /// So many connections over a unix socket, each with one call.
    pub async fn connections(socket: &Path, number: usize, at_once: usize) -> io::Result<()> {
        bounded(number, at_once, || {
            let socket = socket.to_owned();
            async move { Self::plain(&socket).await?.large(SMALL, 1).await }
        })
        .await
    }

    /// So many connections with mutual TLS, each with one call.
    pub async fn handshakes(pki: &TestPki, port: u16, number: usize, at_once: usize) -> io::Result<()> {
        let config = Arc::new(pki.client_config());
        bounded(number, at_once, || {
            let connector = TlsConnector::from(Arc::clone(&config));
            async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await?;
                stream.set_nodelay(true)?;
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                Self::over(connector.connect(name, stream).await?).await?.large(SMALL, 1).await
            }
        })
        .await
    }

    /// So many connections over a unix socket that have made a call and stay open.
    pub async fn idle(socket: &Path, number: usize) -> io::Result<Vec<Self>> {
        let mut open = Vec::with_capacity(number);
        for _ in 0..number {
            let mut load = Self::plain(socket).await?;
            load.large(SMALL, 1).await?;
            open.push(load);
        }
        Ok(open)
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

/// Runs `number` pieces of work, `at_once` of them at a time.
async fn bounded<W>(number: usize, at_once: usize, mut work: impl FnMut() -> W) -> io::Result<()>
where
    W: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    for started in 0..number {
        if started >= at_once
            && let Some(ended) = under_way.join_next().await
        {
            ended.map_err(io::Error::other)??;
        }
        under_way.spawn(work());
    }
    under_way.join_all().await.into_iter().collect()
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

/// Of most messages.
pub const SMALL: usize = 2048;

/// So large that flow control is not what is measured.
pub const WINDOW: u32 = 16 << 20;

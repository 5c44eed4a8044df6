mod connection;
mod entrance;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

use self::entrance::Handshakes;
use super::SERVICE;
use super::service::PassThrough;
use crate::net::CallerLimits;

/// A [`PassThrough`] service and gRPC health, on any kind of connection.
///
/// Dropping the future of [`Server::serve`] ends the listening, not the connections that stand: end its
/// `shutdown` for that, and wait.
#[derive(Clone, Debug)]
pub struct Server {
    service: PassThrough,
    tls: Option<Arc<ServerConfig>>,
    handshake_limit: Duration,
}

impl Server {
    /// A plaintext server of `service`.
    pub fn new(service: PassThrough) -> Self {
        Self { service, tls: None, handshake_limit: CallerLimits::default().handshake }
    }

    /// Speaks TLS on every connection. `config` has to offer `h2` by ALPN: most gRPC clients insist on it.
    #[must_use]
    pub fn with_tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// How long a client may take for its TLS handshake, and then until the beginning of HTTP/2.
    #[must_use]
    pub fn with_handshake_limit(mut self, limit: Duration) -> Self {
        self.handshake_limit = limit;
        self
    }

    /// Serves `connections` until they end or `shutdown` does, then lets the calls under way finish.
    ///
    /// `connections` is what a listener accepts, such as `TcpListenerStream`. Neither a failed handshake
    /// nor an error among them stops the server.
    ///
    /// # Errors
    /// When the HTTP/2 server ends by itself, which no client can bring about.
    pub async fn serve<S>(
        self,
        connections: impl Stream<Item = io::Result<S>>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (reporter, health) = health_reporter();
        reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
        let (ready, incoming) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel::<Infallible>();

        let limits = CallerLimits::default();
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(limits.ping_after))
            .http2_keepalive_timeout(Some(limits.ping_limit))
            .add_service(health)
            .add_service(self.service)
            .serve_with_incoming_shutdown(
                ReceiverStream::new(incoming).map(Ok::<_, Infallible>),
                // Ends when the other half is dropped: nothing is ever sent.
                async { drop(stopped.await) },
            );
        let accepting = async {
            tokio::select! {
                () = Handshakes::new(self.tls, self.handshake_limit, ready).accept(connections) => (),
                () = shutdown => (),
            }
            end_watches(reporter).await;
            drop(stop);
        };
        let mut serving = Box::pin(serving);
        tokio::select! {
            served = &mut serving => served,
            () = accepting => serving.await,
        }
    }
}

/// Ends the health service's streams, each with a last NOT_SERVING. A client that watches would otherwise
/// keep its connection, and so the server, from ending.
async fn end_watches(mut reporter: HealthReporter) {
    for service in ["", SERVICE] {
        reporter.set_service_status(service, ServingStatus::NotServing).await;
        reporter.clear_service_status(service).await;
    }
}

#[cfg(test)]
mod tests;

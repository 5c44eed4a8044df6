use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

use super::Plan;
use super::calls::Calls;
use super::upstream::Upstream;
use crate::net::{
    ACCEPT_PAUSE, Accepted, Address, BindError, CONNECTION_WINDOW, FRAME_SIZE, Listener, SEND_BUFFER,
    STREAM_WINDOW, Stream,
};
use crate::report::chain;

/// A bridge that listens.
#[derive(Debug)]
pub struct Bridge {
    plan: Plan,
    listener: Listener,
}

/// How a bridge came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Drained {
    /// Every call came to its end.
    All,
    /// The time to drain was over, or the order to stop was repeated: the rest was cut.
    Cut,
}

impl Bridge {
    /// Listens at the plan's address.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(plan: Plan) -> Result<Self, BindError> {
        let listener = Listener::bind(&plan.listen).await?;
        Ok(Self { plan, listener })
    }

    /// Where it listens, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<Address> {
        self.listener.address(self.plan.listen.transport())
    }

    /// Serves until `stop` is notified, then lets the calls under way come to their end. A second
    /// notification cuts them.
    pub async fn run(self, stop: &Notify) -> Drained {
        let Self { plan, listener } = self;
        let graceful = GracefulShutdown::new();
        let front = Front { calls: calls(&plan), server: plan.server.clone() };
        tokio::select! {
            never = front.accept(&listener, &graceful) => match never {},
            () = stop.notified() => {}
        }
        // From here on new callers find nobody, instead of a queue that nobody serves.
        drop(listener);
        info!("stopping: the calls under way come to their end");
        tokio::select! {
            drained = timeout(plan.drain_timeout, graceful.shutdown()) => {
                if drained.is_ok() { Drained::All } else { Drained::Cut }
            }
            () = stop.notified() => Drained::Cut,
        }
    }
}

fn calls(plan: &Plan) -> Arc<Calls> {
    let scheme = if plan.upstream.tls().is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    let authority = Authority::try_from(plan.upstream.address().authority())
        .expect("host and port of an address are a valid authority");
    Calls::new(Upstream::start(plan), scheme, authority, plan.call_timeout)
}

/// The side that callers see.
struct Front {
    calls: Arc<Calls>,
    server: Option<Arc<ServerConfig>>,
}

impl Front {
    async fn accept(&self, listener: &Listener, graceful: &GracefulShutdown) -> Infallible {
        loop {
            let connection = match listener.accept().await {
                Ok(connection) => connection,
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (calls, watcher) = (Arc::clone(&self.calls), graceful.watcher());
            match (connection, self.server.clone()) {
                (Accepted::Unix(stream), _) => {
                    tokio::spawn(serve(Stream::Unix(stream), calls, watcher));
                }
                (Accepted::Tcp(stream, _), None) => {
                    tokio::spawn(serve(Stream::Tcp(stream), calls, watcher));
                }
                (Accepted::Tcp(stream, peer), Some(config)) => {
                    tokio::spawn(async move {
                        match handshake(stream, config).await {
                            Ok(stream) => serve(stream, calls, watcher).await,
                            Err(error) => warn!(%peer, error = chain(&error), "TLS handshake failed"),
                        }
                    });
                }
            }
        }
    }
}

async fn handshake(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Stream> {
    let stream = timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(config).accept(stream)).await??;
    Ok(Stream::Tls(Box::new(stream.into())))
}

async fn serve(stream: Stream, calls: Arc<Calls>, watcher: Watcher) {
    let service = service_fn(move |request| {
        let calls = Arc::clone(&calls);
        async move { Ok::<_, Infallible>(calls.pass(request).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_send_buf_size(SEND_BUFFER)
        .max_concurrent_streams(CONCURRENT_CALLS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        debug!(error = chain(&error), "a caller's connection ended");
    }
}

/// How long a caller may take for its TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// Calls under way on one connection. Envoy Gateway makes one at a time.
const CONCURRENT_CALLS: u32 = 1024;

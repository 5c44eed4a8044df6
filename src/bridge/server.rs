use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

use super::Plan;
use super::calls::Calls;
use super::connection;
use super::request::Route;
use super::upstream::{Keeping, Upstream};
use crate::net::{ACCEPT_PAUSE, Accepted, Address, BindError, Listener, Stream};
use crate::report::{Hint, chain};

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
        let upstream = plan.upstream.address();
        if listener.is_at(upstream).await {
            return Err(BindError::Loop { address: plan.listen, upstream: upstream.clone() });
        }
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
    ///
    /// # Errors
    /// When a task of the bridge ends by a fault of ours. Without it the bridge would go on and not do its work.
    pub async fn run(self, stop: &Notify) -> Result<Drained, Died> {
        let Self { plan, listener } = self;
        let (calls, mut keeping) = calls(&plan);
        tokio::select! {
            ended = serve_all(&plan, listener, calls, stop) => ended,
            Some(died) = keeping.join_next() => match died {
                Ok(never) => match never {},
                Err(error) => Err(Died(error)),
            },
        }
    }
}

/// A task of the bridge panicked.
#[derive(Debug, thiserror::Error)]
#[error("a part of the bridge failed")]
pub struct Died(#[from] JoinError);

impl Hint for Died {
    fn hint(&self) -> Option<String> {
        Some(
            "this is a fault of `egext`: please report it with this output; start the bridge again"
                .to_owned(),
        )
    }
}

async fn serve_all(
    plan: &Plan,
    listener: Listener,
    calls: Arc<Calls>,
    stop: &Notify,
) -> Result<Drained, Died> {
    let (order, stopping) = watch::channel(false);
    let front = Front { calls, server: plan.server.clone(), stopping };
    let mut connections = JoinSet::new();
    tokio::select! {
        died = front.accept(&listener, &mut connections) => return Err(died),
        () = stop.notified() => {}
    }
    // From here on new callers find nobody, instead of a queue that nobody serves.
    drop(listener);
    info!("stopping: the calls under way come to their end");
    order.send_replace(true);
    tokio::select! {
        drained = timeout(plan.drain_timeout, all(&mut connections)) => match drained {
            Ok(ended) => ended.map(|()| Drained::All),
            Err(_) => Ok(Drained::Cut),
        },
        () = stop.notified() => Ok(Drained::Cut),
    }
}

async fn all(connections: &mut JoinSet<()>) -> Result<(), Died> {
    while let Some(ended) = connections.join_next().await {
        ended?;
    }
    Ok(())
}

fn calls(plan: &Plan) -> (Arc<Calls>, Keeping) {
    let scheme = if plan.upstream.tls().is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    let authority = Authority::try_from(plan.upstream.address().authority())
        .expect("host and port of an address are a valid authority");
    let (upstream, keeping) = Upstream::start(plan);
    (Calls::new(upstream, Route { scheme, authority }, plan.call_timeout), keeping)
}

/// The side that callers see.
struct Front {
    calls: Arc<Calls>,
    server: Option<Arc<ServerConfig>>,
    stopping: watch::Receiver<bool>,
}

impl Front {
    /// Accepts until a connection's task fails by a fault of ours.
    async fn accept(&self, listener: &Listener, connections: &mut JoinSet<()>) -> Died {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(ended) = connections.join_next() => match ended {
                    Ok(()) => continue,
                    Err(error) => return Died(error),
                },
            };
            match accepted {
                Ok(connection) => {
                    let (calls, stopping) = (Arc::clone(&self.calls), self.stopping.clone());
                    connections.spawn(serve(connection, self.server.clone(), calls, stopping));
                }
                Err(error) => {
                    warn!(error = chain(&error), "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve(
    connection: Accepted,
    server: Option<Arc<ServerConfig>>,
    calls: Arc<Calls>,
    mut stopping: watch::Receiver<bool>,
) {
    let stream = match (connection, server) {
        (Accepted::Unix(stream), _) => Stream::Unix(stream),
        (Accepted::Tcp(stream, _), None) => Stream::Tcp(stream),
        (Accepted::Tcp(stream, peer), Some(config)) => tokio::select! {
            handshake = handshake(stream, config) => match handshake {
                Ok(stream) => stream,
                Err(error) => return warn!(%peer, error = chain(&error), "TLS handshake failed"),
            },
            () = connection::told_to_stop(&mut stopping) => return,
        },
    };
    if let Err(error) = connection::serve(stream, calls, stopping).await {
        debug!(error = chain(&error), "a caller's connection ended");
    }
}

async fn handshake(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Stream> {
    let stream = timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(config).accept(stream)).await??;
    Ok(Stream::Tls(Box::new(stream.into())))
}

/// How long a caller may take for its TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

//! The side of the callers: from an accepted connection to the first call on it.

use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tracing::debug;

use super::calls::Calls;
use super::connection::{self, Ended};
use super::died::Died;
use super::phase::{Watched, stopping};
use super::pulse::Heart;
use crate::net::{
    AcceptError, Accepted, Admission, Arrivals, CallerLimits, Entrance, Listener, Noise, Stream,
};
use crate::report::chain;

/// Accepts callers.
pub(super) struct Front {
    pub(super) calls: Arc<Calls>,
    pub(super) server: Option<Arc<ServerConfig>>,
    pub(super) limits: CallerLimits,
    pub(super) phase: Watched,
    pub(super) entrance: Entrance,
}

impl Front {
    /// Accepts until a connection's task fails because of a bug.
    pub(super) async fn accept(
        &self,
        listener: &Listener,
        heart: Heart,
        connections: &mut JoinSet<()>,
    ) -> Died {
        let mut arrivals = Attended { listener, heart };
        let serve = |connection, admission| self.caller(admission).serve(connection);
        match self.entrance.accept(&mut arrivals, connections, serve).await {
            Err(error) => error.into(),
            // A listener has no end.
            Ok(()) => pending().await,
        }
    }

    fn caller(&self, admission: Admission) -> NewCaller {
        NewCaller {
            calls: Arc::clone(&self.calls),
            server: self.server.clone(),
            limits: self.limits,
            phase: self.phase.clone(),
            noise: Arc::clone(self.entrance.noise()),
            admission,
        }
    }
}

/// A listener whose loop answers a watchdog whenever it waits for the next caller.
struct Attended<'a> {
    listener: &'a Listener,
    heart: Heart,
}

impl Arrivals for Attended<'_> {
    type Connection = Accepted;

    async fn next(&mut self) -> Option<Result<Accepted, AcceptError>> {
        tokio::select! {
            accepted = self.listener.accept() => Some(accepted),
            never = self.heart.beat() => match never {},
        }
    }

    fn address(connection: &Accepted) -> Option<IpAddr> {
        match connection {
            Accepted::Tcp(_, peer) => Some(peer.ip()),
            Accepted::Unix(_) => None,
        }
    }
}

/// A caller that has proven nothing yet.
struct NewCaller {
    calls: Arc<Calls>,
    server: Option<Arc<ServerConfig>>,
    limits: CallerLimits,
    phase: Watched,
    noise: Arc<Noise>,
    admission: Admission,
}

impl NewCaller {
    async fn serve(mut self, connection: Accepted) {
        let stream = match (connection, self.server.take()) {
            (Accepted::Unix(stream), _) => Stream::Unix(stream),
            (Accepted::Tcp(stream, _), None) => Stream::Tcp(stream),
            (Accepted::Tcp(stream, peer), Some(config)) => match self.secure(stream, peer, config).await {
                Some(stream) => stream,
                None => return,
            },
        };
        let (calls, phase) = (self.calls, self.phase);
        match connection::serve(stream, calls, self.limits, &self.admission, phase).await {
            Ok(()) => {}
            Err(Ended::Displaced) => self.noise.displaced("before HTTP/2"),
            // Envoy asks for it with `alpn_protocols`.
            Err(error @ Ended::NoAlpn) => self.noise.useless(error),
            Err(error) => debug!(error = chain(&error), "a caller's connection ended"),
        }
    }

    /// TLS; None if it does not come about.
    async fn secure(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        config: Arc<ServerConfig>,
    ) -> Option<Stream> {
        let limit = self.limits.handshake;
        let handshake = self.noise.secure(stream, Some(peer), config, limit, &self.admission);
        tokio::select! {
            stream = handshake => Some(Stream::Tls(Box::new(stream?.into()))),
            () = stopping(&mut self.phase) => None,
        }
    }
}

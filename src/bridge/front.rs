//! The side that callers see: from an accepted connection to the first call on it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::calls::Calls;
use super::connection::{self, Ended};
use super::died::Died;
use super::phase::{Watched, stopping};
use crate::diagnosis::caller_fault;
use crate::net::{ACCEPT_PAUSE, AcceptError, Accepted, Admission, CallerLimits, Gate, Listener, Stream};
use crate::report::chain;
use crate::report::log::Tally;

/// Accepts callers.
pub(super) struct Front {
    pub(super) calls: Arc<Calls>,
    pub(super) server: Option<Arc<ServerConfig>>,
    pub(super) limits: CallerLimits,
    pub(super) phase: Watched,
    pub(super) gate: Gate,
    pub(super) noise: Arc<Noise>,
}

/// What strangers can cause, and so is summed up in the log.
#[derive(Debug)]
pub(super) struct Noise {
    accept: Tally,
    foreign: Tally,
    handshake: Tally,
    refused: Tally,
    silent: Tally,
}

impl Noise {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            accept: Tally::new("cannot accept a connection"),
            foreign: Tally::new("a connection of another user was closed"),
            handshake: Tally::new("TLS handshake failed"),
            refused: Tally::new("a connection was closed: too many are open"),
            silent: Tally::new("a connection that proved nothing was closed for a newer one"),
        })
    }

    /// Writes the lines that sum up, whenever one is due.
    pub(super) async fn sum_up(&self) -> Infallible {
        tokio::select! {
            never = self.accept.sum_up() => never,
            never = self.foreign.sum_up() => never,
            never = self.handshake.sum_up() => never,
            never = self.refused.sum_up() => never,
            never = self.silent.sum_up() => never,
        }
    }

    /// Tells what is counted and not told yet.
    pub(super) fn tell(&self) {
        for tally in [&self.accept, &self.foreign, &self.handshake, &self.refused, &self.silent] {
            tally.tell();
        }
    }
}

impl Front {
    /// Accepts until a connection's task fails by a fault of ours.
    pub(super) async fn accept(&self, listener: &Listener, connections: &mut JoinSet<()>) -> Died {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(ended) = connections.join_next() => match ended {
                    Ok(()) => continue,
                    Err(error) => return error.into(),
                },
            };
            match accepted {
                Ok(connection) => self.admit(connection, connections).await,
                Err(AcceptError::Foreign { user }) => self.noise.foreign.note(format!("user {user}")),
                Err(AcceptError::Io(error)) => {
                    self.noise.accept.note(error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn admit(&self, connection: Accepted, connections: &mut JoinSet<()>) {
        let address = match &connection {
            Accepted::Tcp(_, peer) => Some(peer.ip()),
            Accepted::Unix(_) => None,
        };
        let admission = match self.gate.admit(address) {
            Ok(admission) => admission,
            Err(refused) => return self.noise.refused.note(refused),
        };
        let caller = NewCaller {
            calls: Arc::clone(&self.calls),
            server: self.server.clone(),
            limits: self.limits,
            phase: self.phase.clone(),
            noise: Arc::clone(&self.noise),
            admission,
        };
        connections.spawn(caller.serve(connection));
        // One that is to be closed for this one has its turn before the next comes.
        yield_now().await;
    }
}

/// A caller who has proven nothing yet.
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
            Err(Ended::Displaced) => self.noise.silent.note("before HTTP/2"),
            // Envoy asks for it with `alpn_protocols`.
            Err(error @ Ended::NoAlpn) => self.noise.handshake.note(error),
            Err(error) => debug!(error = chain(&error), "a caller's connection ended"),
        }
    }

    /// TLS; None if it does not come about, which is told.
    async fn secure(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        config: Arc<ServerConfig>,
    ) -> Option<Stream> {
        let accept = timeout(self.limits.handshake, TlsAcceptor::from(config).accept(stream));
        let handshake = tokio::select! {
            handshake = accept => handshake.map_err(io::Error::from).flatten(),
            () = self.admission.closed() => {
                self.noise.silent.note("in the TLS handshake");
                return None;
            }
            () = stopping(&mut self.phase) => return None,
        };
        match handshake {
            Ok(stream) => {
                self.admission.prove();
                Some(Stream::Tls(Box::new(stream.into())))
            }
            Err(error) => {
                debug!(%peer, error = chain(&error), "TLS handshake failed");
                self.noise.handshake.note(format_args!("{}, from {}", caller_fault(&error), peer.ip()));
                None
            }
        }
    }
}

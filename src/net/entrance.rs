//! From a listener to connections with proven peers: the loop that accepts callers, and the limit
//! of their handshakes. Events that strangers can cause are counted in the log.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::gate::{Admission, Bound, Capacity, Gate, Refused};
use super::listen::AcceptError;
use super::permitted::watched;
use super::tally::Tally;
use crate::report::chain;

/// Where connections come from.
pub(crate) trait Arrivals {
    type Connection;

    /// Waits for the next one; `None` when there are no more. The future can be dropped without losing a connection.
    fn next(&mut self) -> impl Future<Output = Option<Result<Self::Connection, AcceptError>>>;

    /// The address of the peer, if it has one that is known.
    fn address(connection: &Self::Connection) -> Option<IpAddr>;
}

/// Reads how many connections an entrance has and had. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    gate: Gate,
    noise: Arc<Noise>,
}

/// The connections of callers.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// How many are open.
    pub open: usize,
    /// How many were accepted since the start.
    pub accepted: u64,
    /// How many were not served, by reason; also those of which an accepted one came to nothing.
    pub refused: Vec<(&'static str, u64)>,
}

impl Counters {
    pub(crate) fn read(&self) -> Crowd {
        let Noise { admitted, accept, foreign, full, handshake, not_permitted, share, silent, .. } =
            &*self.noise;
        let refused = [
            ("accept_failed", accept.total()),
            ("handshake", handshake.total()),
            ("limit", full.total() + share.total()),
            ("not_permitted", not_permitted.total()),
            ("displaced", silent.total()),
            ("other_user", foreign.total()),
        ];
        Crowd { open: self.gate.open(), accepted: admitted.load(Ordering::Relaxed), refused: refused.into() }
    }
}

/// Accepts callers, as many as there are descriptors for.
#[derive(Debug)]
pub(crate) struct Entrance {
    gate: Gate,
    noise: Arc<Noise>,
}

impl Entrance {
    /// For so many connections.
    pub(crate) fn new(capacity: Capacity, wording: Wording) -> Self {
        Self { gate: Gate::new(capacity.connections), noise: Arc::new(Noise::new(wording, capacity.bound)) }
    }

    /// Counts its connections, also after it has ended.
    pub(crate) fn counters(&self) -> Counters {
        Counters { gate: self.gate.clone(), noise: Arc::clone(&self.noise) }
    }

    /// What the log says about strangers.
    pub(crate) fn noise(&self) -> &Arc<Noise> {
        &self.noise
    }

    /// Starts a task for each connection, until there are no more.
    ///
    /// # Errors
    /// When such a task fails because of a bug.
    pub(crate) async fn accept<A: Arrivals, F>(
        &self,
        arrivals: &mut A,
        running: &mut JoinSet<()>,
        serve: impl Fn(A::Connection, Admission) -> F,
    ) -> Result<(), JoinError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let arrived = tokio::select! {
                arrived = arrivals.next() => arrived,
                Some(ended) = running.join_next() => {
                    ended?;
                    // As a rule several end at the same time.
                    while let Some(ended) = running.try_join_next() {
                        ended?;
                    }
                    continue;
                }
            };
            match arrived {
                None => return Ok(()),
                Some(Ok(connection)) => match self.gate.admit(A::address(&connection)) {
                    Ok(admission) => {
                        self.noise.admitted.fetch_add(1, Ordering::Relaxed);
                        let displaces = admission.displaces();
                        // In a box, since tokio moves a task several times before it runs, and once when it has ended.
                        running.spawn(Box::pin(serve(connection, admission)));
                        if displaces {
                            // The older one is closed before the next one is accepted.
                            yield_now().await;
                        }
                    }
                    Err(refused @ Refused::All(_)) => self.noise.full.note(refused),
                    Err(refused @ Refused::Address(..)) => self.noise.share.note(refused),
                },
                Some(Err(AcceptError::Foreign { user })) => self.noise.foreign.note(format!("user {user}")),
                Some(Err(AcceptError::Io(error))) => {
                    // Out of file descriptors, most likely: the next try would fail at once, and so on.
                    self.noise.accept.note(error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// What the log says about callers that are not served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wording {
    /// Why a handshake failed.
    pub(crate) explain: fn(&io::Error) -> String,
    /// What lets in a client that is not permitted.
    pub(crate) not_permitted: &'static str,
    /// What lets in another user.
    pub(crate) foreign: &'static str,
    /// What gives the process more descriptors.
    pub(crate) more_descriptors: &'static str,
    /// What lets in more connections, if there are descriptors for them.
    pub(crate) too_many: &'static str,
    /// The same for those of one address.
    pub(crate) too_many_of_one: &'static str,
}

/// Events that strangers can cause, so the log only counts them.
#[derive(Debug)]
pub(crate) struct Noise {
    admitted: AtomicU64,
    accept: Tally,
    foreign: Tally,
    /// As many are open as there may be.
    full: Tally,
    handshake: Tally,
    not_permitted: Tally,
    /// One address has as many as it may have.
    share: Tally,
    silent: Tally,
    explain: fn(&io::Error) -> String,
}

impl Noise {
    fn new(wording: Wording, bound: Bound) -> Self {
        let Wording { explain, not_permitted, foreign, more_descriptors, too_many, too_many_of_one } =
            wording;
        let (full, share) = match bound {
            Bound::Connections => (too_many, too_many_of_one),
            Bound::Descriptors => (more_descriptors, more_descriptors),
        };
        Self {
            explain,
            admitted: AtomicU64::new(0),
            accept: Tally::new("cannot accept a connection").with_hint(more_descriptors),
            foreign: Tally::new("a connection of another user was closed").with_hint(foreign),
            full: Tally::new("a connection was closed: too many are open").with_hint(full),
            handshake: Tally::new("TLS handshake failed"),
            not_permitted: Tally::new("a client was refused: neither its names nor its key are permitted")
                .with_hint(not_permitted),
            share: Tally::new("a connection was closed: too many of one address are open").with_hint(share),
            silent: Tally::new("a connection that proved nothing was closed for a newer one"),
        }
    }

    /// Writes the lines with numbers, whenever one is due.
    pub(crate) async fn sum_up(&self) -> Infallible {
        tokio::select! {
            never = self.accept.sum_up() => never,
            never = self.foreign.sum_up() => never,
            never = self.full.sum_up() => never,
            never = self.handshake.sum_up() => never,
            never = self.not_permitted.sum_up() => never,
            never = self.share.sum_up() => never,
            never = self.silent.sum_up() => never,
        }
    }

    /// Logs what has been counted and not logged yet.
    pub(crate) fn tell(&self) {
        let Self { accept, foreign, full, handshake, not_permitted, share, silent, .. } = self;
        for tally in [accept, foreign, full, handshake, not_permitted, share, silent] {
            tally.tell();
        }
    }

    /// A connection was closed for a newer one; `when` says how far it had come.
    pub(crate) fn displaced(&self, when: &str) {
        self.silent.note(when);
    }

    /// A handshake failed.
    pub(crate) fn useless(&self, why: impl Display) {
        self.handshake.note(why);
    }

    /// TLS on `stream`; `None` if the handshake fails or takes longer than `limit`, which is logged.
    pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        peer: Option<SocketAddr>,
        tls: Arc<ServerConfig>,
        limit: Duration,
        admission: &Admission,
    ) -> Option<TlsStream<S>> {
        let accept = watched(timeout(limit, TlsAcceptor::from(tls).accept(stream)));
        let (handshake, stranger) = tokio::select! {
            (handshake, stranger) = accept => (handshake.map_err(io::Error::from).flatten(), stranger),
            () = admission.closed() => {
                self.displaced("in the TLS handshake");
                return None;
            }
        };
        match handshake {
            Ok(stream) if admission.prove() => Some(stream),
            Ok(_) => {
                self.displaced("at the end of the TLS handshake");
                None
            }
            Err(error) => {
                debug!(
                    peer = peer.map(tracing::field::display),
                    error = chain(&error),
                    "TLS handshake failed"
                );
                let from = peer.map_or_else(String::new, |peer| format!(", from {}", peer.ip()));
                match stranger {
                    Some(stranger) => self.not_permitted.note(format_args!("{stranger}{from}")),
                    None => self.handshake.note(format_args!("{}{from}", (self.explain)(&error))),
                }
                None
            }
        }
    }
}

/// How long to wait after a failed `accept`, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

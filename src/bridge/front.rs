//! The side of the callers: from an accepted connection to the first call on it.

use std::future::{Future, pending};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, info};

use super::calls::Calls;
use super::connection::{self, Ended, LAST_ANSWERS};
use super::connection_name::ConnectionName;
use super::cutoff::{Cutoff, GoAwayReason};
use super::died::Died;
use super::forwarded::client_certificate;
use super::phase::{Lifecycle, Watched, stopping};
use super::pulse::Heart;
use super::request::Caller;
use crate::net::{
    AcceptError, Accepted, Admission, Arrivals, CallerLimits, Entrance, Listener, Noise, ReadAhead,
    ServerTls, Stream,
};
use crate::report::chain;

/// Accepts callers.
pub(super) struct Front {
    pub(super) calls: Arc<Calls>,
    /// What callers are shown, and which of them are trusted; None in plaintext.
    pub(super) server: watch::Receiver<Option<Arc<ServerTls>>>,
    /// How long calls may go on on a connection that was made with settings which have been replaced.
    pub(super) drain: Duration,
    pub(super) limits: CallerLimits,
    pub(super) phase: Watched,
    pub(super) entrance: Entrance,
    /// How many callers there were.
    pub(super) callers: AtomicU64,
}

impl Front {
    /// Accepts until a connection's task fails because of a bug.
    pub(super) async fn accept(
        &self,
        listener: &Listener,
        heart: Heart,
        connections: &mut JoinSet<()>,
    ) -> Died {
        self.tell_who_is_permitted();
        let mut arrivals = Attended { listener, heart };
        let serve = |connection, admission| self.caller(admission).serve(connection);
        match self.entrance.accept(&mut arrivals, connections, serve).await {
            Err(error) => error.into(),
            // A listener has no end.
            Ok(()) => pending().await,
        }
    }

    fn tell_who_is_permitted(&self) {
        let server = self.server.borrow();
        match server.as_ref().map(|server| server.permitted()) {
            None => {}
            Some(all) if all.is_everyone() => info!("every client with a certificate of the CA is served"),
            Some(some) => info!(clients = %some, "clients are served by their certificate"),
        }
    }

    fn caller(&self, admission: Admission) -> NewCaller {
        NewCaller {
            name: ConnectionName::Caller(self.callers.fetch_add(1, Ordering::Relaxed) + 1),
            calls: Arc::clone(&self.calls),
            server: self.server.clone(),
            drain: self.drain,
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
    name: ConnectionName,
    calls: Arc<Calls>,
    server: watch::Receiver<Option<Arc<ServerTls>>>,
    drain: Duration,
    limits: CallerLimits,
    phase: Watched,
    noise: Arc<Noise>,
    admission: Admission,
}

impl NewCaller {
    async fn serve(mut self, connection: Accepted) {
        // From here on a change of the settings is one that this connection has not seen.
        let tls = self.server.borrow_and_update().clone();
        let is_tls = tls.is_some();
        let (stream, caller) = match (connection, tls) {
            (Accepted::Unix(stream), _) => (stream.into(), Caller::Local),
            (Accepted::Tcp(stream, _), None) => (stream.into(), Caller::Local),
            (Accepted::Tcp(stream, peer), Some(tls)) => match Box::pin(self.secure(stream, peer, &tls)).await
            {
                Some(secured) => secured,
                None => return,
            },
        };
        let Self { name, calls, server, drain, limits, phase, noise, admission } = self;
        let cutoff = Arc::new(Cutoff::default());
        let calls = (calls, Arc::clone(&cutoff));
        let serve =
            |phase| connection::serve(stream, (caller, name), calls, (limits, drain), &admission, phase);
        let ended = match is_tls {
            true => Box::pin(until_replaced(serve, server, phase, (drain, &cutoff))).await,
            false => serve(phase).await,
        };
        match ended {
            Ok(()) => {}
            Err(Ended::Displaced) => noise.displaced("before HTTP/2"),
            // Envoy asks for it with `alpn_protocols`.
            Err(error @ Ended::NoAlpn) => noise.useless(error),
            Err(error) => debug!(connection = %name, error = chain(&error), "a caller's connection ended"),
        }
    }

    /// TLS; None if it does not come about.
    async fn secure(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        server: &ServerTls,
    ) -> Option<(Stream, Caller)> {
        let (config, limit) = (Arc::clone(server.config()), self.limits.handshake);
        let handshake = self.noise.secure(ReadAhead::new(stream), Some(peer), config, limit, &self.admission);
        let stream = tokio::select! {
            stream = handshake => stream?,
            () = stopping(&mut self.phase) => return None,
        };
        let presented = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let caller = Caller::Remote(client_certificate(server.leaf(), presented));
        Some((Stream::Tls(Box::new(stream.into())), caller))
    }
}

/// Serves a connection until its end, but not for long once the settings that it was made with have been replaced: it
/// gets GOAWAY then, so that its client connects again, and its calls have `drain` to finish before they are cut.
async fn until_replaced<F>(
    serve: impl FnOnce(Watched) -> F,
    mut server: watch::Receiver<Option<Arc<ServerTls>>>,
    mut phase: Watched,
    (drain, cutoff): (Duration, &Cutoff),
) -> Result<(), Ended>
where
    F: Future<Output = Result<(), Ended>>,
{
    let (order, own_phase) = watch::channel(Lifecycle::Serving);
    let mut serving = pin!(serve(own_phase));
    tokio::select! {
        ended = &mut serving => return ended,
        () = stopping(&mut phase) => {
            order.send_replace(Lifecycle::Draining);
            return serving.await;
        }
        // Without files of certificates there is no sender any more.
        Ok(()) = server.changed() => {}
    }
    order.send_replace(Lifecycle::Draining);
    if let Ok(ended) = timeout(drain, &mut serving).await {
        return ended;
    }
    cutoff.cut(GoAwayReason::Replaced);
    // However it ends now, calls were cut.
    let _ = timeout(LAST_ANSWERS, serving).await;
    Err(Ended::Replaced)
}

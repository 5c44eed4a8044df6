use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::{Stream, StreamExt as _};

use super::connection::{Connection, Secured};
use crate::diagnosis::CALLERS;
use crate::net::{
    AcceptError, Admission, Arrivals, CallerLimits, Capacity, Entrance, Noise, descriptor_limit,
};

/// Brings connections to where HTTP/2 can begin, all of them at the same time.
pub(super) struct Handshakes<S> {
    tls: Option<Arc<ServerConfig>>,
    limit: Duration,
    ready: mpsc::Sender<Connection<S>>,
}

/// What the caller's listener accepts.
struct Streamed<'a, C>(Pin<&'a mut C>);

impl<S, C: Stream<Item = io::Result<S>>> Arrivals for Streamed<'_, C> {
    type Connection = S;

    async fn next(&mut self) -> Option<Result<S, AcceptError>> {
        Some(self.0.next().await?.map_err(AcceptError::Io))
    }

    /// It is not known here, and each connection counts as every other.
    fn address(_: &S) -> Option<IpAddr> {
        None
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Handshakes<S> {
    pub(super) fn new(
        tls: Option<Arc<ServerConfig>>,
        limit: Duration,
        ready: mpsc::Sender<Connection<S>>,
    ) -> Arc<Self> {
        Arc::new(Self { tls, limit, ready })
    }

    pub(super) async fn accept(self: Arc<Self>, connections: impl Stream<Item = io::Result<S>>) {
        let capacity = Capacity::new(CallerLimits::default().connections, descriptor_limit());
        let entrance = Entrance::new(capacity, CALLERS);
        tokio::select! {
            () = self.accept_all(&entrance, connections) => {}
            never = entrance.noise().sum_up() => match never {},
        }
        entrance.noise().tell();
    }

    async fn accept_all(
        self: Arc<Self>,
        entrance: &Entrance,
        connections: impl Stream<Item = io::Result<S>>,
    ) {
        let mut arrivals = Streamed(pin!(connections));
        let mut handshakes = JoinSet::new();
        let serve =
            |stream, admission| Arc::clone(&self).secure(Arc::clone(entrance.noise()), stream, admission);
        let accepted = entrance.accept(&mut arrivals, &mut handshakes, serve).await;
        accepted.expect("nothing cancels a handshake");
        while let Some(ended) = handshakes.join_next().await {
            ended.expect("nothing cancels a handshake");
        }
    }

    async fn secure(self: Arc<Self>, noise: Arc<Noise>, stream: S, admission: Admission) {
        let stream = match self.tls.clone() {
            None if admission.prove() => Secured::Plaintext(stream),
            None => return noise.displaced("at its beginning"),
            Some(tls) => match noise.secure(stream, None, tls, self.limit, &admission).await {
                Some(stream) => Secured::Tls(Box::new(stream)),
                None => return,
            },
        };
        // Fails only while the server stops.
        let _ = self.ready.send(Connection::new(stream, self.limit, admission)).await;
    }
}

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_stream::{Stream, StreamExt as _};

use super::connection::{Connection, Secured};
use crate::diagnosis::caller_fault;
use crate::net::{ACCEPT_PAUSE, Admission, Gate, descriptor_limit};
use crate::report::log::Tally;

/// Brings connections to where HTTP/2 can begin, all of them at the same time.
pub(super) struct Entrance<S> {
    tls: Option<Arc<ServerConfig>>,
    limit: Duration,
    ready: mpsc::Sender<Connection<S>>,
    gate: Gate,
    failures: Tally,
    refusals: Tally,
    handshakes: Tally,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Entrance<S> {
    pub(super) fn new(
        tls: Option<Arc<ServerConfig>>,
        limit: Duration,
        ready: mpsc::Sender<Connection<S>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            tls,
            limit,
            ready,
            gate: Gate::new(descriptor_limit()),
            failures: Tally::new("cannot accept a connection"),
            refusals: Tally::new("a connection was closed: too many are open"),
            handshakes: Tally::new("TLS handshake failed"),
        })
    }

    pub(super) async fn accept(self: Arc<Self>, connections: impl Stream<Item = io::Result<S>>) {
        tokio::select! {
            () = Arc::clone(&self).accept_all(connections) => {}
            never = self.failures.sum_up() => match never {},
            never = self.refusals.sum_up() => match never {},
            never = self.handshakes.sum_up() => match never {},
        }
        for tally in [&self.failures, &self.refusals, &self.handshakes] {
            tally.tell();
        }
    }

    async fn accept_all(self: Arc<Self>, connections: impl Stream<Item = io::Result<S>>) {
        let mut connections = std::pin::pin!(connections);
        let mut handshakes = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = connections.next() => accepted,
                Some(ended) = handshakes.join_next() => {
                    ended.expect("nothing cancels a handshake");
                    continue;
                }
            };
            match accepted {
                None => break,
                // The address is not known here, and each counts as every other.
                Some(Ok(stream)) => match self.gate.admit(None) {
                    Ok(admission) => drop(handshakes.spawn(Arc::clone(&self).secure(stream, admission))),
                    Err(refused) => self.refusals.note(refused),
                },
                Some(Err(error)) => {
                    // Out of file descriptors, most likely: the next try would fail at once, and so on.
                    self.failures.note(error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        while let Some(ended) = handshakes.join_next().await {
            ended.expect("nothing cancels a handshake");
        }
    }

    async fn secure(self: Arc<Self>, stream: S, admission: Admission) {
        let stream = match self.tls.clone() {
            None => Secured::Plaintext(stream),
            Some(tls) => {
                let handshake = timeout(self.limit, TlsAcceptor::from(tls).accept(stream));
                let handshake = tokio::select! {
                    handshake = handshake => handshake,
                    () = admission.closed() => return self.refusals.note("it proved nothing"),
                };
                match handshake {
                    Ok(Ok(stream)) => Secured::Tls(Box::new(stream)),
                    Ok(Err(error)) => return self.handshakes.note(caller_fault(&error)),
                    Err(_) => return self.handshakes.note("it took too long"),
                }
            }
        };
        admission.prove();
        // Fails only while the server stops.
        let _ = self.ready.send(Connection::new(stream, self.limit, admission)).await;
    }
}

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection};
use h2::{Ping, PingPong};
use tokio::time::{sleep, timeout};

use super::calls::Calls;
use super::connection_name::ConnectionName;
use super::phase::{Watched, stopping};
use super::request::Caller;
use crate::net::{
    Admission, CONNECTION_WINDOW, CallerLimits, FRAME_SIZE, Gathered, H2, HEADER_LIST, HeaderFaults,
    REMEMBERED_RESETS, SEND_BUFFER, SMALL_FRAMES, STREAM_WINDOW, Sieve, Stream,
};

/// HTTP/2 with one caller, until one side ends it.
pub(super) async fn serve(
    stream: Stream,
    (caller, name): (Caller, ConnectionName),
    calls: Arc<Calls>,
    limits: CallerLimits,
    admission: &Admission,
    mut phase: Watched,
) -> Result<(), Ended> {
    if matches!(&stream, Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() != Some(H2)) {
        return Err(Ended::NoAlpn);
    }
    let settings = settings();
    let sieve = Sieve::of_caller(stream);
    let faults = sieve.faults();
    let handshake = settings.handshake(Gathered::new(sieve));
    let mut connection = tokio::select! {
        connection = timeout(limits.preface, handshake) => connection.map_err(|_| Ended::Silent)??,
        () = admission.closed() => return Err(Ended::Displaced),
        // A caller that has not begun HTTP/2 by then has no call in progress.
        () = async { stopping(&mut phase).await; sleep(LAST_WORDS).await } => return Ok(()),
    };
    admission.prove();
    let gone = gone(connection.ping_pong().expect("taken once"), limits);
    tokio::select! {
        ended = (Serving { connection, name, calls, caller, faults, called: false }).run(phase) => ended,
        () = gone => Err(Ended::Gone),
    }
}

/// Asks the caller from time to time whether it is still there, and returns if it is not.
async fn gone(mut pings: PingPong, limits: CallerLimits) {
    loop {
        sleep(limits.ping_after).await;
        match timeout(limits.ping_limit, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            // The connection itself has the better reason for its end.
            Ok(Err(_)) => return pending().await,
            Err(_) => return,
        }
    }
}

/// Why a caller's connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("it proved nothing, and a newer one needed its place")]
    Displaced,
    #[error("the caller does not answer")]
    Gone,
    #[error("HTTP/2 failed")]
    Http2(#[from] h2::Error),
    /// RFC 9113 section 3.2: HTTP/2 over TLS is negotiated by ALPN. A caller without it may speak another protocol.
    #[error("the client did not ask for `h2` by ALPN")]
    NoAlpn,
    #[error(
        "it was made with certificates that have been replaced, and the time for its calls to finish has passed"
    )]
    Replaced,
    #[error("the caller did not begin HTTP/2 in time")]
    Silent,
}

struct Serving {
    connection: Connection<Gathered<Sieve<Stream>>, Bytes>,
    name: ConnectionName,
    calls: Arc<Calls>,
    caller: Caller,
    faults: HeaderFaults,
    called: bool,
}

impl Serving {
    async fn run(mut self, mut phase: Watched) -> Result<(), Ended> {
        tokio::select! {
            ended = self.accept() => return ended,
            () = stopping(&mut phase) => {}
        }
        self.connection.graceful_shutdown();
        tokio::select! {
            ended = self.accept() => return ended,
            () = sleep(LAST_WORDS) => {}
        }
        // A caller without a call by now has none in progress, and may never answer.
        if self.called { self.accept().await } else { Ok(()) }
    }

    /// Takes calls until the connection has ended. Can be cancelled and begun again.
    async fn accept(&mut self) -> Result<(), Ended> {
        while let Some(call) = self.connection.accept().await {
            let (request, respond) = call?;
            self.called = true;
            // No task waits for its end: it belongs to the streams of its two connections, and the connection here
            // ends after its streams. If it panics, the process ends (`render::log`).
            let (calls, caller) = (Arc::clone(&self.calls), self.caller.clone());
            tokio::spawn(calls.pass(request, respond, (caller, self.name), self.faults.clone()));
        }
        Ok(())
    }
}

fn settings() -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_header_list_size(HEADER_LIST)
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(SMALL_FRAMES)
        .max_concurrent_streams(CONCURRENT_CALLS)
        .max_concurrent_reset_streams(REMEMBERED_RESETS)
        // Calls that were cancelled before we have read them: as many as there may be calls at once. They cost
        // the upstream nothing, because they are not passed on.
        .max_pending_accept_reset_streams(CONCURRENT_CALLS as usize)
        // Malformed requests on a connection, in total. h2 has no other measure against a caller that makes
        // us reset its calls, so that more than `CONCURRENT_CALLS` of them are processed (CVE-2025-8671).
        .max_local_error_reset_streams(Some(MALFORMED_CALLS));
    builder
}

/// How long after the signal to stop a first call may still arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Concurrent calls on one connection. Envoy Gateway makes one at a time.
const CONCURRENT_CALLS: u32 = 1024;

const MALFORMED_CALLS: usize = 1024;

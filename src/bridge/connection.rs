use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection};
use tokio::sync::watch;
use tokio::time::sleep;

use super::calls::Calls;
use super::request::Caller;
use crate::net::{
    CONNECTION_WINDOW, FRAME_SIZE, Gathered, H2, HEADER_LIST, HeaderFaults, PREFACE, REMEMBERED_RESETS,
    SEND_BUFFER, SMALL_FRAMES, STREAM_WINDOW, Sieve, Stream,
};

/// HTTP/2 with one caller, until one side ends it.
pub(super) async fn serve(
    stream: Stream,
    calls: Arc<Calls>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Ended> {
    let caller = match &stream {
        Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() != Some(H2) => return Err(Ended::NoAlpn),
        Stream::Tls(_) => Caller::Remote,
        Stream::Tcp(_) | Stream::Unix(_) => Caller::Local,
    };
    let settings = settings();
    let sieve = Sieve::new(stream, PREFACE);
    let faults = sieve.faults();
    let handshake = settings.handshake(Gathered::new(sieve));
    let connection = tokio::select! {
        connection = handshake => connection?,
        // Who has not begun HTTP/2 by then has no call under way.
        () = async { told_to_stop(&mut stopping).await; sleep(LAST_WORDS).await } => return Ok(()),
    };
    Serving { connection, calls, caller, faults, called: false }.run(stopping).await
}

/// Returns when the bridge is to stop.
pub(super) async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // An error means that the bridge is gone, which is the same news.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Why a caller's connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("HTTP/2 failed")]
    Http2(#[from] h2::Error),
    /// RFC 9113 section 3.2: HTTP/2 over TLS is agreed on by ALPN. Who has not done so may mean another protocol.
    #[error("the client did not ask for `h2` by ALPN")]
    NoAlpn,
}

struct Serving {
    connection: Connection<Gathered<Sieve<Stream>>, Bytes>,
    calls: Arc<Calls>,
    caller: Caller,
    faults: HeaderFaults,
    called: bool,
}

impl Serving {
    async fn run(mut self, mut stopping: watch::Receiver<bool>) -> Result<(), Ended> {
        tokio::select! {
            ended = self.accept() => return ended,
            () = told_to_stop(&mut stopping) => {}
        }
        self.connection.graceful_shutdown();
        tokio::select! {
            ended = self.accept() => return ended,
            () = sleep(LAST_WORDS) => {}
        }
        // Who has not called by now has nothing under way, and may never answer.
        if self.called { self.accept().await } else { Ok(()) }
    }

    /// Takes calls until the connection has ended. Can be cancelled and begun again.
    async fn accept(&mut self) -> Result<(), Ended> {
        while let Some(call) = self.connection.accept().await {
            let (request, respond) = call?;
            self.called = true;
            // Nobody waits for its end: it belongs to the streams of its two connections, and the connection here
            // ends after its streams. If it panics, they are reset, and the log has it.
            tokio::spawn(Arc::clone(&self.calls).pass(request, respond, self.caller, self.faults.clone()));
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
        // Calls that were taken back before we have looked at them: all that may be there at once may be. They cost
        // the upstream nothing, for they are not passed on.
        .max_pending_accept_reset_streams(CONCURRENT_CALLS as usize)
        // Malformed requests in the life of a connection. There is no other measure in h2 against a caller that makes
        // us reset its calls to have more than `CONCURRENT_CALLS` of them at work (CVE-2025-8671).
        .max_local_error_reset_streams(Some(MALFORMED_CALLS));
    builder
}

/// How long after the order to stop a first call may still be on its way to us.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Calls under way on one connection. Envoy Gateway makes one at a time.
const CONCURRENT_CALLS: u32 = 1024;

const MALFORMED_CALLS: usize = 1024;

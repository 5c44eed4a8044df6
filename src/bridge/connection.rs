use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::sleep;

use super::calls::Calls;
use crate::net::{CONNECTION_WINDOW, FRAME_SIZE, Gathered, HEADER_LIST, SEND_BUFFER, STREAM_WINDOW, Stream};

/// HTTP/2 with one caller, until one side ends it.
pub(super) async fn serve(
    stream: Stream,
    calls: Arc<Calls>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), hyper::Error> {
    let called = AtomicBool::new(false);
    let service = service_fn(|request| {
        called.store(true, Ordering::Relaxed);
        let calls = Arc::clone(&calls);
        async move { Ok::<_, Infallible>(calls.pass(request).await) }
    });
    let connection = settings().serve_connection(TokioIo::new(Gathered::new(stream)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = told_to_stop(&mut stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = sleep(LAST_WORDS) => {}
    }
    // Who has not called by now has nothing under way. It may not even have begun HTTP/2, and hyper would
    // wait for that.
    if called.load(Ordering::Relaxed) { connection.await } else { Ok(()) }
}

/// Returns when the bridge is to stop.
pub(super) async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // An error means that the bridge is gone, which is the same news.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn settings() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_header_list_size(HEADER_LIST)
        .max_send_buf_size(SEND_BUFFER)
        .max_concurrent_streams(CONCURRENT_CALLS)
        // The upstream's metadata and nothing else.
        .auto_date_header(false);
    builder
}

/// How long after the order to stop a first call may still be on its way to us.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Calls under way on one connection. Envoy Gateway makes one at a time.
const CONCURRENT_CALLS: u32 = 1024;

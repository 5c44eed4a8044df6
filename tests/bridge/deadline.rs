//! Limits of calls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use egext_test_support::{LIMIT, ReservedPort, TestPki};
use h2::Reason;
use http::{HeaderValue, Request};
use tokio::sync::mpsc;
use tonic::Code;

use crate::fixture::{Bridge, Call, HOOK, Upstream, post, read, reset, status, within_limit};

/// A server that never answers, and tells for each call which limit it was given and why it ended.
fn silent() -> (Upstream, mpsc::UnboundedReceiver<(Option<String>, Reason)>) {
    let (sent, seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |mut call: Call| {
        let sent = sent.clone();
        async move {
            let limit = call.request.headers().get("grpc-timeout").cloned();
            let limit = limit.map(|limit| limit.to_str().expect("ASCII").to_owned());
            let reason = call.reset().await;
            sent.send((limit, reason)).expect("the test listens");
        }
    });
    (upstream, seen)
}

/// A limit of one second is long enough for a call to reach the server also on a busy machine.
fn with_timeout(timeout: &'static str) -> Request<()> {
    let mut request = post(HOOK);
    request.headers_mut().insert("grpc-timeout", HeaderValue::from_static(timeout));
    request
}

/// A `grpc-timeout` in a unit that the bridge writes.
fn parsed(timeout: &str) -> Duration {
    let (number, unit) = timeout.split_at(timeout.len() - 1);
    let number = number.parse().expect("digits");
    match unit {
        "u" => Duration::from_micros(number),
        "m" => Duration::from_millis(number),
        "S" => Duration::from_secs(number),
        other => panic!("unit {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_limit_ends_the_call_on_both_sides() {
    let (upstream, mut seen) = silent();
    let bridge = Bridge::plaintext(upstream.address()).start();
    let answer = bridge.caller().await.call(with_timeout("1S"), "").await;
    assert_eq!(answer.code(), Code::DeadlineExceeded as i32);
    assert!((Duration::from_secs(1)..LIMIT).contains(&answer.took), "{:?}", answer.took);
    let (limit, reason) = within_limit(seen.recv()).await.expect("the call");
    assert_eq!(reason, Reason::CANCEL);
    let limit = parsed(&limit.expect("a limit"));
    assert!(limit <= Duration::from_secs(1), "what is left is passed on, not more: {limit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_limit_ends_calls_of_callers_who_have_none() {
    let (upstream, mut seen) = silent();
    let bridge = Bridge::plaintext(upstream.address()).flag("--call-timeout", "1s").start();
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), Code::DeadlineExceeded as i32);
    assert!((Duration::from_secs(1)..LIMIT).contains(&answer.took), "{:?}", answer.took);
    let (limit, reason) = within_limit(seen.recv()).await.expect("the call");
    assert_eq!(reason, Reason::CANCEL);
    assert!(parsed(&limit.expect("a limit")) <= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shorter_limit_counts_and_is_passed_on() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |call: Call| {
        let limit = call.request.headers().get("grpc-timeout").cloned();
        sent.send(limit).expect("the test listens");
        call.echo()
    });
    for (ours, theirs, expected) in [
        ("30s", None, Some(30)),
        ("30s", Some("1H"), Some(30)),
        ("1h", Some("20S"), Some(20)),
        ("0s", Some("20S"), Some(20)),
        ("0s", None, None),
        ("30s", Some("garbage"), Some(30)),
    ] {
        let bridge = Bridge::plaintext(upstream.address()).flag("--call-timeout", ours).start();
        let request = theirs.map_or_else(|| post(HOOK), with_timeout);
        assert_eq!(bridge.caller().await.call(request, "").await.code(), 0);
        let passed = within_limit(seen.recv()).await.expect("the call");
        let passed = passed.map(|limit| parsed(limit.to_str().expect("ASCII")));
        match expected.map(Duration::from_secs) {
            None => assert_eq!(passed, None, "{ours} {theirs:?}"),
            Some(limit) => {
                let passed = passed.expect("a limit");
                // Less than the whole limit, for some of it has passed; a busy machine takes its time.
                assert!(passed <= limit && limit - passed < limit / 2, "{ours} {theirs:?}: {passed:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_passes_during_the_answer_ends_it_with_trailers() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |mut call: Call| {
        let sent = sent.clone();
        async move {
            let mut body = call.open();
            body.send_data(Bytes::from_static(b"so far"), false).expect("open");
            sent.send(reset(&mut body).await).expect("the test listens");
        }
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let answer = bridge.caller().await.call(with_timeout("1S"), "").await;
    assert_eq!(answer.head.headers.get("grpc-status"), None);
    assert_eq!((&*answer.message, answer.code()), (&b"so far"[..], Code::DeadlineExceeded as i32));
    assert_eq!(within_limit(seen.recv()).await, Some(Reason::CANCEL));
}

/// A message that does not come to its end is no reason to wait for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_passes_during_the_message_ends_the_call() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |mut call: Call| {
        let sent = sent.clone();
        async move {
            let first = call.request.body_mut().data().await;
            first.expect("a frame").expect("whole");
            let next = call.request.body_mut().data().await.expect("no end").expect_err("a reset");
            sent.send(next.reason()).expect("the test listens");
        }
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    let mut call = caller.begin(with_timeout("1S")).await;
    call.message.send_data(Bytes::from_static(b"half"), false).expect("open");
    let answer = crate::fixture::answer(call.response).await;
    assert_eq!(answer.code(), Code::DeadlineExceeded as i32);
    assert_eq!(within_limit(seen.recv()).await, Some(Some(Reason::CANCEL)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_limit_also_bounds_the_wait_for_a_connection() {
    let pki = TestPki::new();
    let nobody = ReservedPort::new();
    let bridge = Bridge::mtls(&nobody.tls_address(), &pki).flag("--connect-wait", "10m").start();
    let answer = bridge.caller().await.call(with_timeout("1S"), "").await;
    assert!(answer.took < LIMIT);
    assert!(answer.words().contains("probe.connect.refused"), "the cause is known: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_time_is_not_touched_by_the_limit() {
    let (finish, finished) = mpsc::unbounded_channel::<()>();
    let finished = Arc::new(tokio::sync::Mutex::new(finished));
    let upstream = Upstream::unix(move |mut call: Call| {
        let finished = Arc::clone(&finished);
        async move {
            read(call.request.body_mut()).await;
            finished.lock().await.recv().await.expect("the test says when");
            call.open().send_trailers(status("0")).expect("open");
        }
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    let call = caller.send(with_timeout("25S"), "").await;
    finish.send(()).expect("the server waits");
    assert_eq!(crate::fixture::answer(call).await.code(), 0);
}

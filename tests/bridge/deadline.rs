//! Limits of calls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use egext_test_support::{ReservedPort, Signal, TestPki};
use h2::Reason;
use http::{HeaderValue, Request};
use tokio::sync::{mpsc, watch};
use tonic::Code;

use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post, read, reset, status, within_limit};

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
    assert!(answer.took >= Duration::from_secs(1), "{:?}", answer.took);
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
    assert!(answer.took >= Duration::from_secs(1), "{:?}", answer.took);
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

/// Nothing is added to a clock without a look at where it ends.
#[tokio::test(flavor = "multi_thread")]
async fn limits_of_any_length_are_limits() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address())
        .flag("--connect-wait", "999y")
        .flag("--call-timeout", "999y")
        .flag("--drain-timeout", "999y")
        .start();
    assert_eq!(bridge.caller().await.call(with_timeout("99999999H"), "").await.code(), 0);
    assert_eq!(bridge.running.terminate().0, 0);
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
    let answer = answer(call.response).await;
    assert_eq!(answer.code(), Code::DeadlineExceeded as i32);
    assert_eq!(within_limit(seen.recv()).await, Some(Some(Reason::CANCEL)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_limit_also_bounds_the_wait_for_a_connection() {
    let pki = TestPki::new();
    let nobody = ReservedPort::new();
    let bridge = Bridge::mtls(&nobody.tls_address(), &pki).flag("--connect-wait", "10m").start();
    let answer = bridge.caller().await.call(with_timeout("1S"), "").await;
    assert!(answer.words().contains("probe.connect.refused"), "the cause is known: {answer:?}");
}

/// grpc-go's server does the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_limit_is_refused() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    for malformed in ["garbage", "", "5", "S", "-1S", "123456789S", "1s", "1.5S"] {
        let answer = caller.call(with_timeout(malformed), "").await;
        assert_eq!(answer.code(), Code::Internal as i32, "{answer:?}");
        let words = format!("egext bridge: malformed grpc-timeout: `{malformed}`");
        assert!(answer.words().starts_with(&words), "{answer:?}");
    }
    assert_eq!(upstream.calls(), 0);
}

/// The upstream is told the limit, and ends the call by it too: as a cancellation, in one of two ways.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cancels_at_the_limit_is_no_cancellation() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        let limit = parsed(call.request.headers()["grpc-timeout"].to_str().expect("ASCII"));
        let by_reset = call.request.headers().contains_key("x-reset");
        let begun = call.request.headers().contains_key("x-begun").then(|| call.open());
        tokio::time::sleep(limit).await;
        match (by_reset, begun) {
            (true, None) => call.respond.send_reset(Reason::CANCEL),
            (true, Some(mut body)) => body.send_reset(Reason::CANCEL),
            // Fails where the bridge was faster.
            (false, Some(mut body)) => drop(body.send_trailers(status("1"))),
            (false, None) => {
                let mut head = crate::fixture::grpc_head();
                head.headers_mut().extend(status("1"));
                let _ = call.respond.send_response(head, true);
            }
        }
    });
    let bridge = Bridge::plaintext(upstream.address()).flag("--call-timeout", "150ms").start();
    let caller = Arc::new(bridge.caller().await);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..80 {
        let caller = Arc::clone(&caller);
        calls.spawn(async move {
            let mut request = post(HOOK);
            for (bit, name) in [(1, "x-reset"), (2, "x-begun")] {
                if number & bit != 0 {
                    request.headers_mut().insert(name, HeaderValue::from_static("1"));
                }
            }
            caller.call(request, "").await
        });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.code(), Code::DeadlineExceeded as i32, "{answer:?}");
        for part in [HOOK, upstream.address(), "150ms", "`--call-timeout`"] {
            assert!(answer.words().contains(part), "{answer:?}");
        }
    }
}

/// The bridge stands still while the server cancels the calls and their limit passes, so it sees both at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_is_seen_after_the_limit_is_none() {
    let (cancel, wanted) = watch::channel(false);
    let upstream = Upstream::unix(move |mut call: Call| {
        let mut wanted = wanted.clone();
        async move {
            // Fails when the test has ended.
            let _ = wanted.wait_for(|wanted| *wanted).await;
            call.respond.send_reset(Reason::CANCEL);
        }
    });
    let limit = Duration::from_secs(3);
    let bridge = Bridge::plaintext(upstream.address()).flag("--call-timeout", "3s").start();
    let caller = bridge.caller().await;
    let mut waiting = Vec::new();
    for _ in 0..40 {
        waiting.push(caller.send(post(HOOK), "").await);
    }
    // On a busy machine some calls may end before they arrive.
    let begin = tokio::time::Instant::now();
    while upstream.calls() < waiting.len() && begin.elapsed() < limit {
        tokio::task::yield_now().await;
    }
    bridge.running.stop();
    let passed = tokio::time::Instant::now() + limit;
    cancel.send(true).expect("the server waits");
    tokio::time::sleep_until(passed).await;
    bridge.running.signal(Signal::CONT);
    for call in waiting {
        assert_eq!(answer(call).await.code(), Code::DeadlineExceeded as i32);
    }
}

/// With the flags as they are and the limit that `egext probe` has.
#[tokio::test(flavor = "multi_thread")]
async fn the_cause_arrives_before_the_limit_of_a_probe() {
    let server = egext_test_support::TestServer::plaintext().hangs().spawn();
    let pki = TestPki::new();
    let bridge = Bridge::mtls(&server.tls_address(), &pki).start();
    let answer = bridge.caller().await.call(with_timeout("5S"), "").await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    assert!(answer.words().contains("probe.tls.timeout"), "{answer:?}");
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
    assert_eq!(answer(call).await.code(), 0);
}

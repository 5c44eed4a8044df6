//! How calls and connections end before their time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use egext_test_support::{TestPki, TestServer};
use h2::Reason;
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Code;

use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post, read, reset, status, within_limit};

/// A server that tells what became of calls which it does not answer to their end: `None` when one arrived,
/// then the reason of its reset.
async fn patient(pki: &TestPki, streaming: bool) -> (Upstream, mpsc::UnboundedReceiver<Option<Reason>>) {
    let (sent, seen) = mpsc::unbounded_channel();
    let upstream = Upstream::mtls(pki, move |mut call: Call| {
        let sent = sent.clone();
        async move {
            read(call.request.body_mut()).await;
            let body = streaming.then(|| call.open());
            sent.send(None).expect("the test listens");
            let reason = match body {
                None => call.reset().await,
                Some(mut body) => reset(&mut body).await,
            };
            sent.send(Some(reason)).expect("the test listens");
        }
    })
    .await;
    (upstream, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_cancelled_is_cancelled_at_the_upstream() {
    let pki = TestPki::new();
    let (upstream, mut seen) = patient(&pki, false).await;
    // Without a limit of the bridge's own, which would end the call as well.
    let bridge = Bridge::mtls(upstream.address(), &pki).flag("--call-timeout", "0s").start();
    let caller = bridge.caller().await;
    let response = caller.send(post(HOOK), "").await;
    assert_eq!(within_limit(seen.recv()).await, Some(None), "it arrived");
    drop(response);
    assert_eq!(within_limit(seen.recv()).await, Some(Some(Reason::CANCEL)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cancelled_is_cancelled_at_the_upstream() {
    let pki = TestPki::new();
    let (upstream, mut seen) = patient(&pki, true).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).flag("--call-timeout", "0s").start();
    let caller = bridge.caller().await;
    let response = within_limit(caller.send(post(HOOK), "").await).await.expect("a head");
    assert_eq!(within_limit(seen.recv()).await, Some(None), "it arrived");
    drop(response);
    assert_eq!(within_limit(seen.recv()).await, Some(Some(Reason::CANCEL)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_a_caller_who_disconnects_are_cancelled_and_no_others() {
    let pki = TestPki::new();
    let (upstream, mut seen) = patient(&pki, false).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).flag("--call-timeout", "0s").start();
    let (leaving, staying) = (bridge.caller().await, bridge.caller().await);
    let stays = staying.send(post(HOOK), "").await;
    assert_eq!(within_limit(seen.recv()).await, Some(None));
    let mut left = Vec::new();
    for _ in 0..3 {
        left.push(leaving.send(post(HOOK), "").await);
        assert_eq!(within_limit(seen.recv()).await, Some(None));
    }
    leaving.disconnect().await;
    for _ in 0..3 {
        assert_eq!(within_limit(seen.recv()).await, Some(Some(Reason::CANCEL)));
    }
    assert!(seen.try_recv().is_err(), "the other caller's call goes on");
    drop(stays);
    assert_eq!(within_limit(seen.recv()).await, Some(Some(Reason::CANCEL)));
}

/// PROTOCOL-HTTP2.md, Errors.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_by_the_upstream_becomes_its_status() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        let wanted = call.request.headers()["x-reset"].to_str().expect("ASCII").parse::<u32>();
        read(call.request.body_mut()).await;
        call.respond.send_reset(wanted.expect("a number").into());
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    for (reason, code) in [
        (Reason::PROTOCOL_ERROR, Code::Internal),
        (Reason::INTERNAL_ERROR, Code::Internal),
        (Reason::FLOW_CONTROL_ERROR, Code::Internal),
        (Reason::REFUSED_STREAM, Code::Unavailable),
        (Reason::CANCEL, Code::Cancelled),
        (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
    ] {
        let mut request = post(HOOK);
        request.headers_mut().insert("x-reset", HeaderValue::from(u32::from(reason)));
        let answer = caller.call(request, "").await;
        assert_eq!(answer.code(), code as i32, "{reason:?}");
        assert!(answer.words().contains("egext bridge: "), "{answer:?}");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_in_the_middle_of_an_answer_becomes_trailers() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        let mut body = call.open();
        body.send_data(Bytes::from_static(b"the first half"), false).expect("open");
        // Only once the caller has it: a reset may overtake what was not sent yet.
        read(call.request.body_mut()).await;
        body.send_reset(Reason::ENHANCE_YOUR_CALM);
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    let mut call = caller.begin(post(HOOK)).await;
    let mut body = within_limit(call.response).await.expect("a head").into_body();
    assert_eq!(within_limit(body.data()).await.expect("more").expect("whole"), "the first half");
    call.message.send_data(Bytes::new(), true).expect("open");
    assert!(within_limit(body.data()).await.is_none());
    let trailers = within_limit(body.trailers()).await.expect("no reset").expect("trailers");
    assert_eq!(trailers["grpc-status"], (Code::ResourceExhausted as i32).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_during_calls_ends_them_as_unavailable() {
    let pki = TestPki::new();
    let (begun, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::mtls(&pki, move |mut call: Call| {
        let begun = begun.clone();
        async move {
            let streaming = call.request.headers().contains_key("x-stream");
            let mut body = streaming.then(|| call.open());
            if let Some(body) = &mut body {
                body.send_data(Bytes::from_static(b"so far"), false).expect("open");
            }
            begun.send(()).expect("the test listens");
            std::future::pending::<()>().await;
        }
    })
    .await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    let mut streaming = post(HOOK);
    streaming.headers_mut().insert("x-stream", HeaderValue::from_static("1"));
    let stream = within_limit(caller.send(streaming, "").await).await.expect("a head");
    let mut stream = stream.into_body();
    assert_eq!(within_limit(stream.data()).await.expect("more").expect("whole"), "so far");
    let unary = caller.send(post(HOOK), "").await;
    for _ in 0..2 {
        within_limit(seen.recv()).await.expect("the call");
    }
    upstream.die().await;

    let unary = answer(unary).await;
    assert_eq!(unary.code(), Code::Unavailable as i32);
    assert!(unary.words().contains("cut"), "{unary:?}");
    assert!(within_limit(stream.data()).await.is_none());
    let trailers = within_limit(stream.trailers()).await.expect("no reset").expect("trailers");
    assert_eq!(trailers["grpc-status"], (Code::Unavailable as i32).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn going_away_in_good_order_costs_no_call() {
    let pki = TestPki::new();
    let (release, released) = tokio::sync::watch::channel(false);
    let upstream = Upstream::mtls(&pki, move |call: Call| {
        let mut released = released.clone();
        async move {
            if call.request.headers().contains_key("x-slow") {
                released.wait_for(|released| *released).await.expect("the test says when");
            }
            call.echo().await;
        }
    })
    .await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    let mut slow = post(HOOK);
    slow.headers_mut().insert("x-slow", HeaderValue::from_static("1"));
    let slow = caller.send(slow, "slow").await;
    for round in 1..=20 {
        upstream.wait_for_connections(round).await;
        assert_eq!(caller.hook().await.code(), 0, "before GOAWAY number {round}");
        upstream.go_away();
        // Whether the bridge has read the GOAWAY or not: no call fails.
        for _ in 0..5 {
            let answer = caller.hook().await;
            assert_eq!(answer.code(), 0, "after GOAWAY number {round}: {answer:?}");
        }
    }
    release.send_replace(true);
    assert_eq!(answer(slow).await.message, "slow", "the old connection serves its calls to their end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_is_found_again() {
    let upstream = Upstream::unix(Call::echo);
    let (address, path) = (upstream.address().to_owned(), upstream.path());
    let mut bridge = Bridge::plaintext(&address).flag("--connect-wait", "20s").start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let directory = upstream.die().await;
    bridge.running.wait_for_line("connection ended");
    let call = caller.send(post(HOOK), "while it is down").await;
    let again = Upstream::unix_at(&path, Call::echo);
    let answer = answer(call).await;
    assert_eq!((answer.code(), &*answer.message), (0, &b"while it is down"[..]));
    assert_eq!(again.connections(), 1);
    drop(directory);
}

/// Patience is spent once for one outage, not once for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_outage_is_waited_for_like_the_first() {
    let upstream = Upstream::unix(Call::echo);
    let (address, path) = (upstream.address().to_owned(), upstream.path());
    let mut bridge = Bridge::plaintext(&address).flag("--connect-wait", "3s").start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let directory = upstream.die().await;
    bridge.running.wait_for_line("connection ended");
    assert_eq!(caller.hook().await.code(), Code::Unavailable as i32, "the first outage is too long");

    let again = Upstream::unix_at(&path, Call::echo);
    assert_eq!(caller.hook().await.code(), 0, "it is back");
    again.die().await;
    bridge.running.wait_for_line("connection ended");
    let call = caller.send(post(HOOK), "").await;
    bridge.running.wait_for_line("probe.connect.refused");
    let _again = Upstream::unix_at(&path, Call::echo);
    assert_eq!(answer(call).await.code(), 0, "the second outage is short");
    drop(directory);
}

/// Late answers to calls that were given up long ago must not count against the connection.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_cancelled_calls_leave_the_connection_standing() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, |mut call: Call| async move {
        if !call.request.headers().contains_key("x-late") {
            return call.echo().await;
        }
        let Ok(mut body) = call.respond.send_response(crate::fixture::grpc_head(), false) else { return };
        // Goes on although nobody listens any more, as a handler without a context does.
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let _ = body.send_data(Bytes::from_static(b"late"), false);
        }
        let _ = body.send_trailers(status("0"));
    })
    .await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = Arc::new(bridge.caller().await);
    for _ in 0..30 {
        let mut calls = JoinSet::new();
        for _ in 0..100 {
            let caller = Arc::clone(&caller);
            calls.spawn(async move {
                let mut request = post(HOOK);
                request.headers_mut().insert("x-late", HeaderValue::from_static("1"));
                request.headers_mut().insert("grpc-timeout", HeaderValue::from_static("3m"));
                // Any end is right: in time, or too late.
                caller.call(request, "").await.code()
            });
        }
        calls.join_all().await;
    }
    assert_eq!(caller.hook().await.code(), 0);
    let (_, log) = bridge.running.terminate();
    assert_eq!(upstream.connections(), 1, "{log}");
}

/// Whose reset it was decides where somebody looks for the fault.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_http2_is_told_as_the_servers() {
    for (name, value) in [("connection", "close"), ("transfer-encoding", "chunked")] {
        let server = TestServer::plaintext().answers_header(name, value).spawn();
        let bridge = Bridge::plaintext(&server.tcp_address()).start();
        let answer = bridge.caller().await.hook().await;
        assert_eq!(answer.code(), Code::Internal as i32, "{name}: {answer:?}");
        let words = "the bridge reset the call, because the extension server's answer breaks HTTP/2";
        assert!(answer.words().contains(words), "{name}: {answer:?}");
    }
}

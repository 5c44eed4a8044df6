//! Calls that are held until the server is back.

use std::time::{Duration, Instant};

use egext_test_support::{ReservedPort, Signal, TestPki, TestServer};
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tonic::Code;

use crate::egext;
use crate::fixture::raw::{
    END_HEADERS, END_STREAM, Frames, HEADERS, WINDOW_UPDATE, block, frame, request_fields,
};
use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post, within_limit};

const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Longer than any limit that is counted, and than the time after which the log says that calls wait.
const LONG: Duration = Duration::from_secs(7);

/// A bridge that holds calls for a server that is not there. The limit of calls is shorter than they are held.
fn holding(upstream: &str) -> Bridge {
    Bridge::plaintext(upstream).flag("--connect-wait", "forever").flag("--call-timeout", "2s").start()
}

#[tokio::test(flavor = "multi_thread")]
async fn held_calls_go_on_when_the_server_is_back() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let mut bridge = holding(&format!("unix:{}", path.display()));
    let caller = bridge.caller().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(caller.send(post(HOOK), "hook").await);
    }
    let line = bridge.running.wait_for_line("calls wait until the upstream is back");
    assert!(line.contains("WARN") && line.contains("calls=3"), "{line}");
    assert!(line.contains("probe.connect.socket-missing") && line.contains("seconds="), "{line}");
    // Health checks are not held, and the probe says what is wrong.
    let check = caller.call(post(CHECK), "").await;
    assert_eq!(check.code(), Code::Unavailable as i32, "{check:?}");
    assert!(check.words().ends_with("(probe.connect.socket-missing)"), "{check:?}");
    let address = format!("unix:{}", bridge.socket().display());
    let run = egext(["probe", &address]).json();
    assert_eq!((run.exit_code, run.ids()), (1, vec!["probe.grpc.unavailable"]), "{}", run.stdout);
    assert!(run.stdout.contains("probe.connect.socket-missing"), "{}", run.stdout);

    let begin = Instant::now();
    let upstream = Upstream::unix_at(&path, Call::echo);
    for call in held {
        assert_eq!(answer(call).await.code(), 0);
    }
    // A busy machine takes its time; the next of the pauses that grow would take 5 s.
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(upstream.calls(), 3);
    let line = bridge.running.wait_for_line("no call waits for the upstream any longer");
    assert!(line.contains("INFO") && line.contains("released=3") && line.contains("others=0"), "{line}");
    let (code, log) = bridge.running.terminate();
    assert_eq!((code, log.matches("calls wait until").count()), (0, 1), "{log}");
    assert!(!log.contains("bridge.hook.unanswered"), "{log}");
}

/// The limit begins when the server has got the call.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_calls_begins_when_there_is_a_server() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let bridge = holding(&format!("unix:{}", path.display()));
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "hook").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let begin = Instant::now();
    let _upstream = Upstream::unix_at(&path, |mut call: Call| async move {
        call.reset().await;
    });
    let answer = answer(call).await;
    assert_eq!(answer.code(), Code::DeadlineExceeded as i32, "{answer:?}");
    for part in [HOOK, "server.sock", "2s", "`--call-timeout`"] {
        assert!(answer.words().contains(part), "{answer:?}");
    }
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_with_a_limit_gets_the_cause_before_it() {
    let unused_port = ReservedPort::new();
    let bridge = holding(&unused_port.tcp_address());
    let mut request = post(HOOK);
    request.headers_mut().insert("grpc-timeout", http::HeaderValue::from_static("3S"));
    let answer = bridge.caller().await.call(request, "").await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    assert!(answer.words().ends_with("(probe.connect.refused)"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_operator_can_change_is_not_held() {
    let pki = TestPki::new().server_expired();
    let server = TestServer::mtls(&pki).spawn();
    let mut bridge = Bridge::mtls(&server.tls_address(), &pki).flag("--connect-wait", "forever").start();
    let caller = bridge.caller().await;
    for _ in 0..3 {
        let answer = caller.hook().await;
        assert_eq!(answer.code(), Code::FailedPrecondition as i32, "{answer:?}");
    }
    // A hint to hold calls would not help.
    let line = bridge.running.wait_for_line("bridge.hook.unanswered");
    assert!(!line.contains("--connect-wait"), "{line}");
}

/// Also when it is the limited time that the bridge was started with.
#[tokio::test(flavor = "multi_thread")]
async fn to_hold_calls_is_no_advice_where_they_would_not_be_held() {
    let pki = TestPki::new().server_from_other_ca();
    let server = TestServer::mtls(&pki).spawn();
    let mut bridge = Bridge::mtls(&server.tls_address(), &pki).start();
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), Code::FailedPrecondition as i32, "{answer:?}");
    let line = bridge.running.wait_for_line("bridge.hook.unanswered");
    assert!(!line.contains("--connect-wait"), "{line}");
}

/// A bridge that is restarted while calls are held: Envoy Gateway tries them again, and waits for the socket.
#[tokio::test(flavor = "multi_thread")]
async fn held_calls_are_told_that_the_bridge_stops() {
    let unused_port = ReservedPort::new();
    let bridge = Bridge::plaintext(&unused_port.tcp_address())
        .flag("--connect-wait", "forever")
        .flag("--drain-timeout", "1h")
        .start();
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "hook").await;
    // Health checks are answered in their order behind the call, so that it is held when this one is answered.
    while caller.call(post(CHECK), "").await.code() != Code::Unavailable as i32 {}
    tokio::time::sleep(LONG).await;
    bridge.running.signal(Signal::TERM);
    let answer = answer(call).await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    assert!(answer.words().contains("the bridge is stopping"), "{answer:?}");
    let (code, log) = bridge.running.finish();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("bridge.hook.unanswered"), "{log}");
}

/// Also in the first seconds, and while the server accepts the connection and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn held_calls_are_told_at_once_that_the_bridge_stops() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let silent = UnixListener::bind(&path).expect("a free path");
    let bridge = holding(&format!("unix:{}", path.display()));
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "hook").await;
    let _attempt = within_limit(silent.accept()).await.expect("an attempt to connect");
    caller.heard().await;
    let begin = Instant::now();
    bridge.running.signal(Signal::TERM);
    let answer = answer(call).await;
    // The attempt would have taken 3.5 s, and a bridge that does not hold calls would have waited for it.
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    assert!(answer.words().contains("the bridge is stopping"), "{answer:?}");
    let (code, log) = bridge.running.finish();
    assert_eq!(code, 0, "{log}");
}

/// What a caller leaves behind would be held for as long as the server is away.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_go_away_are_not_held() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let mut bridge = holding(&format!("unix:{}", path.display()));
    let gone = bridge.caller().await;
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(gone.send(post(HOOK), "gone").await);
    }
    bridge.running.wait_for_line("calls=10");
    drop(calls.pop());
    gone.disconnect().await;
    let line = bridge.running.wait_for_line("no call waits for the upstream any longer");
    assert!(line.contains("released=0") && line.contains("others=10"), "{line}");
    let upstream = Upstream::unix_at(&path, Call::echo);
    assert_eq!(within_limit(bridge.caller().await.hook()).await.code(), 0);
    assert_eq!(upstream.calls(), 1);
}

/// Envoy Gateway does not ask again. That is told once for each time in which the server is away.
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_the_bridge_answers_is_a_warning() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let mut bridge =
        Bridge::plaintext(&format!("unix:{}", path.display())).flag("--connect-wait", "100ms").start();
    let caller = bridge.caller().await;
    assert_eq!(caller.call(post("/a.Service/Method"), "").await.code(), Code::Unavailable as i32);
    for times in 1..=2 {
        for _ in 0..4 {
            assert_eq!(caller.hook().await.code(), Code::Unavailable as i32);
        }
        let line = bridge.running.wait_for_line("bridge.hook.unanswered");
        assert!(line.contains("WARN") && line.contains("`--connect-wait forever`"), "{line}");
        assert!(line.contains("`--resync DIR`"), "{line}");
        assert!(line.contains(HOOK), "{line}");
        if times == 1 {
            let upstream = Upstream::unix_at(&path, Call::echo);
            assert_eq!(caller.hook().await.code(), 0);
            drop(upstream.die().await);
            std::fs::remove_file(&path).expect("the socket");
        }
    }
    let (code, log) = bridge.running.terminate();
    assert_eq!((code, log.matches("bridge.hook.unanswered").count()), (0, 2), "{log}");
}

/// Other things than a server that is away, which the bridge answers itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_takes_too_long_is_a_warning_too() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        call.reset().await;
    });
    let mut bridge = Bridge::plaintext(upstream.address()).flag("--call-timeout", "300ms").start();
    let calls: JoinSet<_> = [bridge.caller().await, bridge.caller().await]
        .into_iter()
        .map(|caller| async move { caller.hook().await.code() })
        .collect();
    assert_eq!(calls.join_all().await, [Code::DeadlineExceeded as i32; 2]);
    bridge.running.wait_for_line("bridge.hook.unanswered");
    let (_, log) = bridge.running.terminate();
    assert_eq!(log.matches("bridge.hook.unanswered").count(), 1, "{log}");
}

/// What a bridge says first waits for an answer to what the caller has sent, but not as long as the answer for a server.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_caller_gets_the_settings() {
    let bridge = holding("unix:/nowhere/server.sock");
    let call = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&request_fields(HOOK)));
    let mut frames = Frames::client_with(bridge.connect().await, &call).await;
    frames.wait_for(WINDOW_UPDATE, 0).await;
}

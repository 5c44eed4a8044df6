//! What the bridge writes while it runs.

use egext_test_support::TestPki;
use http::HeaderValue;
use serde_json::Value;

use crate::fixture::{Bridge, Call, HOOK, Upstream, post};

/// All of what a bridge logs at `level` during one call.
async fn log_of_a_call(format: &str, level: &str) -> (TestPki, String) {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let bridge = Bridge::mtls(upstream.address(), &pki)
        .flag("--log-format", format)
        .flag("--log-level", level)
        .start();
    let mut request = post(HOOK);
    let secret = HeaderValue::from_static("Bearer hunter2");
    request.headers_mut().insert("authorization", secret);
    let caller = bridge.caller().await;
    assert_eq!(caller.call(request, "a message with hunter2").await.code(), 0);
    caller.disconnect().await;
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    (pki, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_one_json_object() {
    let (_, log) = log_of_a_call("json", "debug").await;
    let events: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    for event in &events {
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{event}");
        assert!(event["message"].is_string(), "an event of ours says what happened: {event}");
    }
    let calls: Vec<_> = events.iter().filter(|event| event["message"] == "call").collect();
    let [call] = calls.as_slice() else { panic!("one line for one call: {log}") };
    assert_eq!(call["level"], "DEBUG");
    assert_eq!(call["path"], HOOK);
    assert_eq!(call["code"], 0);
    assert_eq!(call["connection"], "c1");
    let connected = events.iter().find(|event| event["message"] == "connected").expect("told");
    assert_eq!(connected["connection"], "u1", "{connected}");
    assert_eq!(call["by"], "server");
    assert_eq!(call["request_bytes"], "a message with hunter2".len(), "{call}");
    assert_eq!(call["response_bytes"], call["request_bytes"], "an echo");
    let milliseconds = call["milliseconds"].as_f64().expect("a number");
    assert!(milliseconds > 0.0 && milliseconds < 30_000.0, "{call}");
    let messages: Vec<_> = events.iter().map(|event| event["message"].as_str().expect("a text")).collect();
    let told = ["bridge is up", "connected", "call", "stopped"];
    for wanted in told {
        assert!(messages.contains(&wanted), "{wanted}: {messages:?}");
    }
    assert!(events.len() <= 8, "debug is for calls, not for frames: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_debug_calls_are_not_logged() {
    let (_, log) = log_of_a_call("text", "info").await;
    assert!(log.contains("connected") && !log.contains(HOOK), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_logged_at_any_level() {
    let (pki, log) = log_of_a_call("text", "trace").await;
    assert!(log.contains(HOOK), "it is the most talkative level: {log}");
    assert!(!log.contains("hunter2"), "{log}");
    let key = std::fs::read_to_string(pki.client_key()).expect("readable");
    for line in key.lines().filter(|line| !line.starts_with('-')) {
        assert!(!log.contains(line), "a piece of the key: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_is_told_in_words() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    bridge.running.wait_for_line("connected");
    upstream.die().await;
    let line = bridge.running.wait_for_line("connection ended");
    assert!(!line.contains("Io(") && !line.contains("Os {"), "made for people: {line}");
}

/// What belongs to one connection can be found by its name.
#[tokio::test(flavor = "multi_thread")]
async fn connections_have_names_of_their_own() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).flag("--log-level", "debug").start();
    let (one, two) = (bridge.caller().await, bridge.caller().await);
    for caller in [&one, &two, &one] {
        assert_eq!(caller.hook().await.code(), 0);
    }
    upstream.go_away();
    upstream.wait_for_connections(2).await;
    assert_eq!(two.hook().await.code(), 0);
    bridge.running.wait_for_line("connection=u2");
    let (_, log) = bridge.running.terminate();
    let calls = log.lines().filter(|line| line.contains(" call ")).collect::<Vec<_>>();
    let of = |name: &str| calls.iter().filter(|line| line.contains(name)).count();
    assert_eq!((calls.len(), of("connection=c1 "), of("connection=c2 ")), (4, 2, 2), "{log}");
    let ended = log.lines().find(|line| line.contains("connection ended")).expect("told");
    assert!(ended.contains("connection=u1 "), "{ended}");
}

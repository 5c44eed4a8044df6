//! What callers are told when the server cannot be reached, and when.

use std::time::{Duration, Instant};

use egext_test_support::{Manner, ReservedPort, TestPki, TestServer};
use tonic::Code;

use crate::egext;
use crate::fixture::{Answer, Bridge, Call, HOOK, Upstream, answer, post, within_limit};

/// Asserts that an answer is a status of ours with the words of this finding.
fn assert_answer(answer: &Answer, code: Code, id: &str) {
    assert_eq!(answer.code(), code as i32, "{answer:?}");
    assert!(answer.words().starts_with("egext bridge: "), "{answer:?}");
    assert!(answer.words().ends_with(&format!("({id})")), "{answer:?}");
    assert_eq!(answer.head.status, 200);
    assert_eq!(answer.head.headers["content-type"], "application/grpc");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_server_is_waited_for_and_then_named() {
    let pki = TestPki::new();
    let nobody = ReservedPort::new();
    let wait = Duration::from_millis(600);
    let begin = Instant::now();
    let bridge = Bridge::mtls(&nobody.tls_address(), &pki).flag("--connect-wait", "600ms").start();
    let answer = bridge.caller().await.hook().await;
    assert_answer(&answer, Code::Unavailable, "probe.connect.refused");
    assert!(answer.words().contains(&nobody.tls_address()), "{answer:?}");
    assert!(begin.elapsed() >= wait, "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_socket_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let upstream = format!("unix:{}", path.display());
    let bridge = Bridge::plaintext(&upstream).flag("--connect-wait", "200ms").start();
    let answer = bridge.caller().await.hook().await;
    assert_answer(&answer, Code::Unavailable, "probe.connect.socket-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_is_named() {
    // RFC 6761 section 6.4: this name never exists.
    let bridge = Bridge::mtls("server.invalid:5005", &TestPki::new()).flag("--connect-wait", "1s").start();
    let answer = bridge.caller().await.hook().await;
    assert_answer(&answer, Code::Unavailable, "probe.resolve.failed");
}

/// What only a person can put right is answered at once: ten minutes are more than a test waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_waiting_does_not_cure_is_answered_at_once() {
    type Case = (&'static str, TestPki, fn(&TestPki) -> Manner);
    let cases: [Case; 10] = [
        ("probe.server-cert.unknown-issuer", TestPki::new().server_from_other_ca(), TestServer::mtls),
        ("probe.server-cert.expired", TestPki::new().server_expired(), TestServer::mtls),
        ("probe.server-cert.name-mismatch", TestPki::new().server_for_other_name(), TestServer::mtls),
        ("probe.client-cert.required", TestPki::new().without_client(), TestServer::mtls),
        ("probe.client-cert.rejected", TestPki::new().client_from_other_ca(), TestServer::mtls),
        ("probe.client-cert.expired", TestPki::new().client_expired(), TestServer::mtls),
        ("probe.client-cert.wrong-purpose", TestPki::new().client_with_server_usage(), TestServer::mtls),
        ("probe.tls.not-tls", TestPki::new(), |_| TestServer::plaintext().speaks_http1()),
        ("probe.alpn.refused", TestPki::new(), |pki| TestServer::mtls(pki).only_http1_alpn()),
        ("probe.http2.not-http2", TestPki::new(), |pki| TestServer::mtls(pki).without_alpn().speaks_http1()),
    ];
    for (id, pki, manner) in cases {
        let server = manner(&pki).spawn();
        let bridge = Bridge::mtls(&server.tls_address(), &pki).flag("--connect-wait", "10m").start();
        let answer = bridge.caller().await.hook().await;
        assert_answer(&answer, Code::FailedPrecondition, id);
    }
}

/// Its words reach a person through another program, whose flags are not the bridge's.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_done_is_to_be_done_at_the_bridge() {
    type Case = (TestPki, fn(&TestPki) -> Manner, &'static str);
    let cases: [Case; 6] = [
        (TestPki::new().server_from_other_ca(), TestServer::mtls, "start the bridge with `--ca` and "),
        (
            TestPki::new().server_for_other_name(),
            TestServer::mtls,
            "start the bridge with `--server-name other.example`, which it has; or add ",
        ),
        (
            TestPki::new().without_client(),
            TestServer::mtls,
            ": start the bridge with `--dir`, or `--cert` and ",
        ),
        (TestPki::new().client_expired(), TestServer::mtls, "renew it where its CA is: `egext certs renew "),
        (
            TestPki::new().client_with_server_usage(),
            TestServer::mtls,
            "start the bridge with the client's files: ",
        ),
        (TestPki::new(), |_| TestServer::plaintext(), "start the bridge with `--upstream tcp://localhost:"),
    ];
    for (pki, manner, words) in cases {
        let server = manner(&pki).spawn();
        let bridge = Bridge::mtls(&server.tls_address(), &pki).flag("--connect-wait", "10m").start();
        let answer = bridge.caller().await.hook().await;
        let hint = answer.words().split_once("; hint: ").expect("a hint").1.to_owned();
        assert!(hint.contains(words), "{hint}");
        assert!(!hint.contains("pass `") && !hint.contains("egext probe"), "{hint}");
        let (_, log) = bridge.running.terminate();
        assert!(log.contains(words) && !log.contains("pass `"), "{log}");
    }
}

/// What `egext probe` makes of such an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_of_the_bridge_says_where_the_fault_is() {
    let pki = TestPki::new().server_from_other_ca();
    let server = TestServer::mtls(&pki).spawn();
    let bridge = Bridge::mtls(&server.tls_address(), &pki).flag("--connect-wait", "10m").start();
    let address = format!("unix:{}", bridge.socket().display());
    let run = egext(["probe", &address, "--timeout", "1h"]).json();
    assert_eq!((run.exit_code, run.ids()), (1, vec!["probe.grpc.status"]), "{}", run.stdout);
    let finding = &run.findings()[0];
    let message = finding["message"].as_str().expect("text");
    assert!(message.starts_with("the bridge answered FAILED_PRECONDITION: localhost:"), "{message}");
    let hint = "the bridge works, and its upstream does not: `egext explain probe.server-cert.unknown-issuer` says more";
    assert_eq!(finding["hint"], hint);
}

/// Trying again may help against a wire that breaks it, and nothing else is known.
#[tokio::test(flavor = "multi_thread")]
async fn tls_that_cannot_be_read_is_no_plaintext() {
    let server = TestServer::plaintext().garbles_its_hello().spawn();
    let bridge = Bridge::mtls(&server.tls_address(), &TestPki::new()).flag("--connect-wait", "2s").start();
    assert_answer(&bridge.caller().await.hook().await, Code::Unavailable, "probe.tls.malformed");
}

/// EG sends keys of Secrets. What stays on this machine is no matter.
#[tokio::test(flavor = "multi_thread")]
async fn plaintext_to_another_machine_is_a_warning() {
    // TEST-NET-1 of RFC 5737 is nobody's address.
    let mut bridge = Bridge::plaintext("tcp://192.0.2.9:5005").start();
    let line = bridge.running.wait_for_line("calls go to another machine (192.0.2.9) in plaintext");
    assert!(line.contains("WARN") && line.contains("bridge.upstream.plaintext"), "{line}");
    assert!(line.contains("`--upstream tls://192.0.2.9:5005`"), "{line}");
    let (code, log) = bridge.running.terminate();
    assert_eq!((code, log.matches("in plaintext").count()), (0, 1), "{log}");
    let server = TestServer::plaintext().spawn();
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let mut bridge = Bridge::plaintext(&format!("tcp://{host}:{}", server.port())).start();
        bridge.running.wait_for_line("connected");
        let (_, log) = bridge.running.terminate();
        assert!(!log.contains("plaintext"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_where_plaintext_was_asked_for_is_named() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let bridge = Bridge::plaintext(&server.tcp_address()).flag("--connect-wait", "2s").start();
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), Code::FailedPrecondition as i32, "{answer:?}");
    assert!(answer.words().contains("speaks TLS"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_named_at_once_also_where_plaintext_gets_no_answer() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).closes_on_plaintext().spawn();
    let bridge = Bridge::plaintext(&server.tcp_address()).flag("--connect-wait", "10m").start();
    let answer = bridge.caller().await.hook().await;
    assert_answer(&answer, Code::FailedPrecondition, "probe.http2.not-http2");
    assert!(answer.words().contains(&format!("tls://127.0.0.1:{}", server.port())), "{answer:?}");
}

/// Its socket stays open: a bridge that waits for more would say that the handshake takes too long.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_closes_the_connection_ends_the_handshake() {
    let pki = TestPki::new();
    let server = TestServer::plaintext().closes_by_alert().spawn();
    let bridge = Bridge::mtls(&server.tls_address(), &pki).flag("--connect-wait", "1s").start();
    let answer = bridge.caller().await.hook().await;
    assert_answer(&answer, Code::Unavailable, "probe.tls.closed");
}

/// C-core and Node.js send no alert; a person has to give one side another certificate.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_rejected_without_an_alert_is_named_at_once() {
    let pki = TestPki::new();
    for manner in [TestServer::mtls(&pki), TestServer::mtls(&pki).only_tls12()] {
        let server = manner.refuses_in_silence().spawn();
        let bridge = Bridge::mtls(&server.address(), &pki).flag("--connect-wait", "10m").start();
        let answer = bridge.caller().await.hook().await;
        assert_answer(&answer, Code::FailedPrecondition, "probe.client-cert.rejected");
        assert!(answer.words().contains("most likely rejected"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let pki = TestPki::new();
    for (id, server) in [
        ("probe.tls.timeout", TestServer::plaintext().hangs().spawn()),
        ("probe.http2.timeout", TestServer::mtls(&pki).hangs().spawn()),
    ] {
        // An attempt gets nine tenths of it. The rest is what a busy machine may be late.
        let bridge = Bridge::mtls(&server.tls_address(), &pki).flag("--connect-wait", "4s").start();
        let caller = bridge.caller().await;
        for _ in 0..2 {
            assert_answer(&caller.hook().await, Code::Unavailable, id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_up_during_the_wait_gets_the_call() {
    let pki = TestPki::new();
    let port = ReservedPort::new();
    let bridge = Bridge::mtls(&port.tls_address(), &pki).flag("--connect-wait", "20s").start();
    let caller = bridge.caller().await;
    let mut impatient = post(HOOK);
    impatient.headers_mut().insert("grpc-timeout", http::HeaderValue::from_static("4S"));
    assert_answer(&caller.call(impatient, "").await, Code::Unavailable, "probe.connect.refused");

    let waiting = caller.send(post(HOOK), "").await;
    let server = port.spawn(TestServer::mtls(&pki));
    // The test server knows no hooks: the status is its own.
    assert_eq!(answer(waiting).await.code(), Code::Unimplemented as i32);
    drop(server);
}

/// With the pauses of a bridge that no call waits for, so many attempts would take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_a_call_waits_for_is_tried_often() {
    let server = TestServer::plaintext().recovers_after(30).spawn();
    let bridge = Bridge::plaintext(&server.tcp_address())
        .flag("--connect-wait", "10m")
        .flag("--call-timeout", "0s")
        .start();
    assert_eq!(bridge.caller().await.hook().await.code(), Code::Unimplemented as i32);
    assert_eq!(server.connections(), 31);
}

/// To the millisecond this is tested in paused time, in `bridge::upstream`.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_calls_waits_once() {
    let pki = TestPki::new();
    let nobody = ReservedPort::new();
    let begin = Instant::now();
    let bridge = Bridge::mtls(&nobody.tls_address(), &pki).flag("--connect-wait", "2s").start();
    let caller = bridge.caller().await;
    for _ in 0..10 {
        assert_answer(&caller.hook().await, Code::Unavailable, "probe.connect.refused");
        assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
    }
    // With a wait for each of them it would be 20 s.
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_throws_us_out_is_not_hammered() {
    let server = TestServer::plaintext().closes().spawn();
    let begin = Instant::now();
    let bridge = Bridge::plaintext(&server.tcp_address()).flag("--connect-wait", "300ms").start();
    // Nobody calls: the pauses grow. Half of 50, 100, 200, 400 and 800 ms is the least.
    // One connection more asks once whether the server speaks TLS.
    server.wait_for_connections(7);
    assert!(begin.elapsed() >= Duration::from_millis(775), "seven connections in {:?}", begin.elapsed());
    // Somebody calls all the time.
    let caller = bridge.caller().await;
    let (before, begin) = (server.connections(), Instant::now());
    while begin.elapsed() < Duration::from_secs(2) {
        assert_answer(&caller.hook().await, Code::Unavailable, "probe.http2.closed");
    }
    // The last call may have taken long on a busy machine.
    let most = 10 + begin.elapsed().as_millis() / 20;
    let pressed = (server.connections() - before) as u128;
    assert!(pressed <= most, "{pressed} connections in {:?} of calls", begin.elapsed());
}

/// HTTP/2 begins well each time, and ends at once. Calls without a limit that are held have no end.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_greets_and_throws_us_out_neither_holds_calls_nor_is_hammered() {
    let upstream = Upstream::greeting_only();
    let bridge = Bridge::plaintext(upstream.address())
        .flag("--connect-wait", "1s")
        .flag("--call-timeout", "0s")
        .start();
    let caller = bridge.caller().await;
    let begin = Instant::now();
    for _ in 0..3 {
        let answer = caller.hook().await;
        assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    }
    // Or there is none at the moment, because they end at once.
    while !caller.hook().await.words().ends_with("(bridge.upstream.unstable)") {}
    let most = 10 + begin.elapsed().as_millis() / 20;
    assert!((upstream.connections() as u128) <= most, "{} connections", upstream.connections());
}

/// Envoy Gateway makes its calls one after the other, and tries each of them four times.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_costs_all_calls_together_one_wait() {
    let server = TestServer::plaintext().hangs().spawn();
    let wait = Duration::from_secs(3);
    let begin = Instant::now();
    let bridge = Bridge::mtls(&server.tls_address(), &TestPki::new()).flag("--connect-wait", "3s").start();
    let caller = bridge.caller().await;
    for _ in 0..7 * 4 {
        assert_answer(&caller.hook().await, Code::Unavailable, "probe.tls.timeout");
    }
    assert!((wait..3 * wait).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

/// Down, then a server that accepts connections and resets them, then a good one.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_up_in_steps_is_used_at_once() {
    let port = ReservedPort::new();
    let mut bridge = Bridge::plaintext(&port.tcp_address()).flag("--connect-wait", "200ms").start();
    let caller = bridge.caller().await;
    assert_answer(&caller.hook().await, Code::Unavailable, "probe.connect.refused");
    let server = port.spawn(TestServer::plaintext().recovers_after(5));
    bridge.running.wait_for_line("probe.http2.closed");
    let begin = Instant::now();
    loop {
        let answer = caller.hook().await;
        if answer.code() == Code::Unimplemented as i32 {
            break;
        }
        assert_answer(&answer, Code::Unavailable, "probe.http2.closed");
    }
    // The calls end the pauses between the attempts.
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert!(server.connections() >= 6, "{} connections", server.connections());
}

/// However long the server was away: the call that comes first is not told why it was.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_told_a_cause_that_has_passed() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("server.sock");
        let address = format!("unix:{}", path.display());
        let bridge = Bridge::plaintext(&address).flag("--connect-wait", "100ms").start();
        let caller = bridge.caller().await;
        for _ in 0..3 {
            assert_answer(&caller.hook().await, Code::Unavailable, "probe.connect.socket-missing");
        }
        let _server = Upstream::unix_at(&path, Call::echo);
        let answer = caller.hook().await;
        // A machine that is too busy for an attempt in time is told the last cause all the same.
        assert!(answer.code() == 0 || answer.took >= Duration::from_millis(150), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_recovers_is_used_at_once() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).recovers_after(3).spawn();
    let bridge = Bridge::mtls(&server.tls_address(), &pki).flag("--connect-wait", "20s").start();
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), Code::Unimplemented as i32, "{answer:?}");
    assert_eq!(server.connections(), 4);
}

/// Some servers send their SETTINGS only after they have seen the client's preface.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_us_speak_first_is_served_as_well() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).waits_for_preface().spawn();
    let bridge = Bridge::mtls(&server.tls_address(), &pki).start();
    assert_eq!(bridge.caller().await.hook().await.code(), Code::Unimplemented as i32);
    assert_eq!(server.client_certificates(), 1);
}

/// The log tells each cause once, not at every attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_cause_is_logged_once() {
    let pki = TestPki::new();
    let port = ReservedPort::new();
    let mut bridge = Bridge::mtls(&port.tls_address(), &pki).flag("--connect-wait", "400ms").start();
    let caller = bridge.caller().await;
    for _ in 0..5 {
        caller.hook().await;
    }
    let server = port.spawn(TestServer::mtls(&pki));
    bridge.running.wait_for_line("connected");
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0);
    assert_eq!(log.matches("probe.connect.refused").count(), 1, "{log}");
    assert_eq!(log.matches("calls fail at once until there is a connection").count(), 1, "{log}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_waiting_for_one_connection_all_get_through() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let bridge = Bridge::plaintext(&format!("unix:{}", path.display())).flag("--connect-wait", "20s").start();
    let caller = bridge.caller().await;
    let mut waiting = Vec::new();
    for _ in 0..100 {
        waiting.push(caller.send(post(HOOK), "").await);
    }
    let upstream = Upstream::unix_at(&path, Call::echo);
    for call in waiting {
        assert_eq!(within_limit(answer(call)).await.code(), 0);
    }
    assert_eq!(upstream.connections(), 1);
}

//! HTTP/2, gRPC, health.

use egext_test_support::{TestPki, TestServer, assert_finding};
use serde_json::json;
use tonic::Code;

use super::{assert_at_limit, assert_fault, layers, probe, with_pki};
use crate::egext;

#[test]
fn a_server_that_goes_away_before_its_first_frame_is_reported_at_once() {
    let pki = TestPki::new();
    for manner in [
        TestServer::tls(&pki).closes(),
        TestServer::tls(&pki).resets(),
        TestServer::plaintext().closes(),
        TestServer::plaintext().resets(),
        TestServer::unix().closes(),
        TestServer::unix().resets(),
    ] {
        let server = manner.spawn();
        let run = with_pki(probe(&server.address()), &server.address(), &pki).json();
        let finding = assert_fault(&run, "probe.http2.closed", &server.address(), "http2");
        assert!(finding["hint"].to_string().contains("no server is behind it"), "{finding:#}");
    }
}

#[test]
fn what_is_not_http2_is_shown() {
    let pki = TestPki::new();
    for (manner, found) in [
        (TestServer::mtls(&pki).speaks_http1(), "HTTP/1"),
        (TestServer::plaintext().speaks_http1(), "HTTP/1"),
        (TestServer::unix().speaks_http1(), "HTTP/1"),
        (TestServer::plaintext().garbage(), "01 02"),
        (TestServer::mtls(&pki).garbage(), "01 02"),
    ] {
        let server = manner.spawn();
        let run = with_pki(probe(&server.address()), &server.address(), &pki).json();
        let finding = assert_fault(&run, "probe.http2.not-http2", &server.address(), "http2");
        assert!(finding.to_string().contains(found), "{finding:#}");
    }
}

#[test]
fn a_tls_server_is_recognised_when_plaintext_was_asked_for() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let address = server.tcp_address();
    let run = probe(&address).json();
    let finding = assert_fault(&run, "probe.http2.not-http2", &address, "http2");
    assert!(finding["message"].as_str().is_some_and(|message| message.contains("speaks TLS")));
}

#[test]
fn a_tls_server_that_says_nothing_to_plaintext_is_recognised_too() {
    let pki = TestPki::new();
    for server in [
        TestServer::mtls(&pki).closes_on_plaintext().spawn(),
        TestServer::tls(&pki).only_tls12().closes_on_plaintext().spawn(),
    ] {
        let address = server.tcp_address();
        let run = probe(&address).json();
        let finding = assert_fault(&run, "probe.http2.not-http2", &address, "http2");
        assert_eq!(finding["message"], "the server speaks TLS, and plaintext was asked for");
        assert_eq!(finding["hint"], format!("`egext probe tls://127.0.0.1:{}`", server.port()));
        assert_eq!(server.connections(), 2, "one more, and no third");
    }
}

#[test]
fn a_server_without_a_first_frame_ends_at_the_limit() {
    let pki = TestPki::new();
    for manner in
        [TestServer::mtls(&pki).hangs(), TestServer::plaintext().hangs(), TestServer::unix().hangs()]
    {
        let server = manner.spawn();
        let address = server.address();
        let probe = || with_pki(egext(["probe", &address]), &address, &pki);
        assert_at_limit("--timeout", probe, "probe.http2.timeout", &address);
    }
}

#[test]
fn calls_that_end_badly_have_their_findings() {
    let pki = TestPki::new();
    for (manner, id, layer) in [
        (TestServer::mtls(&pki).cuts_during_call(), "probe.grpc.closed", "grpc"),
        (TestServer::plaintext().cuts_during_call(), "probe.grpc.closed", "grpc"),
        (TestServer::plaintext().goes_away(), "probe.grpc.closed", "grpc"),
        (TestServer::plaintext().resets_calls(), "probe.grpc.closed", "grpc"),
        (TestServer::plaintext().answers_html(), "probe.grpc.not-grpc", "grpc"),
        (
            TestServer::plaintext().answers_status(Code::PermissionDenied),
            "probe.grpc.permission-denied",
            "grpc",
        ),
        (TestServer::plaintext().answers_status(Code::Unauthenticated), "probe.grpc.unauthenticated", "grpc"),
        (TestServer::plaintext().answers_status(Code::Unavailable), "probe.grpc.unavailable", "grpc"),
        (TestServer::plaintext().answers_status(Code::Internal), "probe.grpc.status", "grpc"),
        (TestServer::plaintext().answers_without_status(), "probe.grpc.closed", "grpc"),
        (TestServer::plaintext().not_serving(), "probe.health.not-serving", "health"),
    ] {
        let server = manner.spawn();
        let run = with_pki(probe(&server.address()), &server.address(), &pki).json();
        assert_fault(&run, id, &server.address(), layer);
    }
}

#[test]
fn a_call_without_an_answer_ends_at_the_limit() {
    let server = TestServer::plaintext().never_answers().spawn();
    assert_at_limit(
        "--timeout",
        || egext(["probe", &server.address()]),
        "probe.grpc.timeout",
        &server.address(),
    );
}

#[test]
fn a_status_is_shown_with_its_text() {
    let server = TestServer::plaintext().answers_status(Code::Internal).spawn();
    let run = probe(&server.address()).json();
    assert_finding!(run, "probe.grpc.status", message = "the server answered INTERNAL: says the test server");
}

#[test]
fn a_server_without_health_is_fine() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).without_health().spawn();
    let run = with_pki(probe(&server.address()), &server.address(), &pki).json();
    assert_eq!((run.exit_code, &run.json["status"]), (0, &json!("ok")));
    assert_finding!(run, "probe.health.unimplemented", severity = "info", subject = server.address());
    assert_eq!(layers(&run, 0)[7], ("health", "noted"));
}

/// What was asked for by name is not proven. grpc-health-probe fails as well.
#[test]
fn a_named_service_is_not_healthy_without_a_health_service() {
    let server = TestServer::plaintext().without_health().spawn();
    for (services, words) in [
        (&["foo"][..], "`foo` was not checked: the server has no health service"),
        (&["", "foo", "bar"], "`foo` and `bar` were not checked: the server has no health service"),
    ] {
        let flags = services.iter().flat_map(|service| ["--service", service]);
        let run = probe(&server.address()).args(flags).json();
        let finding = assert_fault(&run, "probe.health.unknown-service", &server.address(), "health");
        assert_eq!(finding["message"], words);
        assert_eq!(layers(&run, 0)[6], ("grpc", "passed"));
    }
    let run = probe(&server.address()).args(["--service", ""]).json();
    assert_eq!((run.exit_code, run.ids()), (0, vec!["probe.health.unimplemented"]), "{}", run.stdout);
}

#[test]
fn an_unknown_service_is_not_a_healthy_one() {
    let server = TestServer::plaintext().spawn();
    let run = probe(&server.address()).args(["--service", "no.such.Service"]).json();
    assert_fault(&run, "probe.health.unknown-service", &server.address(), "health");
}

//! `--expect-plaintext`: a target must not speak TLS.

use egext_test_support::{Egext, ReservedPort, TestPki, TestServer};

use super::{assert_fault, assert_healthy, layers};
use crate::egext;

fn probe(address: &str) -> Egext {
    egext(["probe", address, "--timeout", "1h", "--expect-plaintext"])
}

#[test]
fn what_answers_in_plaintext_keeps_the_policy() {
    for server in [TestServer::unix().spawn(), TestServer::plaintext().spawn()] {
        let run = probe(&server.address()).json();
        assert_healthy(&run);
        assert!(layers(&run, 0).contains(&("policy", "passed")), "{}", run.stdout);
        assert_eq!(server.connections(), 1, "its own answer is the proof");
    }
}

#[test]
fn a_fault_above_http2_is_another_one() {
    let server = TestServer::unix().not_serving().spawn();
    let run = probe(&server.address()).json();
    assert_fault(&run, "probe.health.not-serving", &server.address(), "health");
    assert!(layers(&run, 0).contains(&("policy", "passed")), "{}", run.stdout);
}

#[test]
fn a_server_with_tls_is_found_out() {
    let pki = TestPki::new();
    for server in [TestServer::mtls(&pki).spawn(), TestServer::tls(&pki).closes_on_plaintext().spawn()] {
        let address = server.tcp_address();
        let run = probe(&address).json();
        let finding = assert_fault(&run, "probe.policy.not-plaintext", &address, "policy");
        let hint = finding["hint"].as_str().expect("words");
        assert!(hint.ends_with(&format!("`egext probe tls://127.0.0.1:{}`", server.port())), "{hint}");
    }
    let server = TestServer::mtls(&pki).on_a_socket().spawn();
    let run = probe(&server.address()).json();
    let finding = assert_fault(&run, "probe.policy.not-plaintext", &server.address(), "policy");
    assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("on this socket")), "{finding:#}");
    let run = egext(["probe", &server.address()]).json();
    assert_fault(&run, "probe.http2.not-http2", &server.address(), "http2");
}

#[test]
fn a_target_that_cannot_be_reached_proves_nothing() {
    let port = ReservedPort::new();
    let run = probe(&port.tcp_address()).json();
    assert_fault(&run, "probe.connect.refused", &port.tcp_address(), "connect");
    assert!(layers(&run, 0).contains(&("policy", "skipped")), "{}", run.stdout);
}

#[test]
fn tls_is_a_contradiction() {
    for (flags, message) in [
        (&["--ca", "ca.crt"][..], "error: `--expect-plaintext` cannot be used with `--ca`\n"),
        (&["--dir", "certs"], "error: `--expect-plaintext` cannot be used with `--dir`\n"),
        (&["--no-policy"], "error: `--expect-plaintext` cannot be used with `--no-policy`\n"),
        (
            &["localhost"],
            "error: `--expect-plaintext` and `localhost:5005` contradict each other: such an address means TLS\n  \
             hint: write `tcp://localhost:5005`, or leave out the flag\n",
        ),
    ] {
        let run = probe("tcp://127.0.0.1:1").args(flags).run();
        assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{flags:?}");
        assert!(run.stderr.starts_with(message), "{flags:?}: {}", run.stderr);
    }
}

/// It may be about targets of other calls.
#[test]
fn a_variable_is_for_targets_in_plaintext() {
    let pki = TestPki::new();
    let (mutual, plain) = (TestServer::mtls(&pki).spawn(), TestServer::unix().spawn());
    let run = egext(["probe", &mutual.address(), &plain.address(), "--no-gateway"])
        .env("EGEXT_EXPECT_PLAINTEXT", "true")
        .pki(&pki)
        .json();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert!(layers(&run, 0).contains(&("mtls", "passed")), "{}", run.stdout);
}

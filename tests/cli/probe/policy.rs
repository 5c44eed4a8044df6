//! The layer `policy`: clients that a server must refuse.

use egext_test_support::{Egext, Run, TestPki, TestServer};

use super::{assert_fault, assert_healthy, every_layer, layers};

/// `probe` with this layer, and without `gateway`.
fn probe(address: &str) -> Egext {
    every_layer(address).arg("--no-gateway")
}

fn state(run: &Run, layer: &str) -> String {
    let found = layers(run, 0).into_iter().find(|(name, _)| *name == layer);
    found.expect("a layer of that name").1.to_owned()
}

#[test]
fn a_server_that_refuses_strangers_passes() {
    let pki = TestPki::new();
    for manner in [
        TestServer::mtls(&pki),
        TestServer::mtls(&pki).only_tls12(),
        TestServer::mtls(&pki).waits_for_preface(),
        TestServer::mtls(&pki).without_health(),
    ] {
        let server = manner.spawn();

        let run = probe(&server.address()).pki(&pki).json();

        assert_eq!((run.exit_code, state(&run, "policy")), (0, "passed".to_owned()), "{}", run.stdout);
        assert_eq!(server.connections(), 3, "ours, one without a certificate, one of another CA");
        assert_eq!(server.client_certificates(), 1);
        assert_eq!(server.calls(), 1);
    }
}

#[test]
fn a_server_that_asks_for_no_certificate_is_found_out_without_another_connection() {
    let pki = TestPki::new();
    let server = TestServer::tls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).json();

    let finding = assert_fault(&run, "probe.policy.client-cert-not-required", &server.address(), "policy");
    assert_eq!(finding["evidence"]["found"], "it asks for no client certificate");
    assert_eq!(state(&run, "mtls"), "absent", "one layer says it");
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_that_goes_on_without_a_certificate_is_found_out() {
    let pki = TestPki::new();
    for manner in [TestServer::tls_asking(&pki), TestServer::tls_asking(&pki).waits_for_preface()] {
        let server = manner.spawn();

        let run = probe(&server.address()).pki(&pki).json();

        let finding =
            assert_fault(&run, "probe.policy.client-cert-not-required", &server.address(), "policy");
        assert_eq!(finding["evidence"]["found"], "it asks for one and goes on without it");
        assert_eq!(state(&run, "mtls"), "passed", "with ours");
    }
}

#[test]
fn a_server_that_does_not_look_who_issued_a_certificate_is_found_out() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).accepts_every_certificate().spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_fault(&run, "probe.policy.foreign-ca-accepted", &server.address(), "policy");
    assert_eq!(server.client_certificates(), 2);
}

#[test]
fn a_server_that_accepts_everyone_has_both_faults() {
    let pki = TestPki::new();
    let server = TestServer::tls_asking(&pki).accepts_every_certificate().spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_eq!(run.ids(), ["probe.policy.client-cert-not-required", "probe.policy.foreign-ca-accepted"]);
    assert_eq!(run.exit_code, 1);
}

#[test]
fn a_stranger_has_the_names_of_our_certificate() {
    for pki in [
        TestPki::new().client_named(&["uri:spiffe://example.org/gateway"]),
        TestPki::new().client_named(&["ip:10.0.0.1", "dns:gateway.internal"]),
        TestPki::new().client_with_subject(&[(&[2, 5, 4, 3], "a name.with dots"), (&[2, 5, 4, 10], "egext")]),
    ] {
        let server = TestServer::mtls(&pki).accepts_every_certificate().spawn();

        let run = probe(&server.address()).pki(&pki).json();

        assert_fault(&run, "probe.policy.foreign-ca-accepted", &server.address(), "policy");
    }
}

#[test]
fn without_a_certificate_of_ours_there_is_nothing_to_refuse() {
    let pki = TestPki::new().without_client();
    let server = TestServer::tls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_healthy(&run);
    assert_eq!((state(&run, "mtls"), state(&run, "policy")), ("noted".to_owned(), "absent".to_owned()));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_that_answers_strangers_with_silence_proves_nothing() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).hangs_after(1).accepts_every_certificate().spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_healthy(&run);
    assert_eq!(state(&run, "policy"), "noted");
}

/// It did not come so far as to ask them for a certificate.
#[test]
fn a_server_that_is_gone_refuses_no_one() {
    let pki = TestPki::new();
    for (served, manner) in [
        (1, TestServer::mtls(&pki)),
        (1, TestServer::mtls(&pki).only_tls12()),
        (2, TestServer::mtls(&pki).accepts_every_certificate()),
    ] {
        let server = manner.closes_after(served).spawn();

        let run = probe(&server.address()).pki(&pki).json();

        assert_healthy(&run);
        assert_eq!(state(&run, "policy"), "noted", "{}", run.stdout);
        let detail = "not proven: the server closed the connection during the TLS handshake";
        assert!(run.stdout.contains(detail), "{}", run.stdout);
    }
}

#[test]
fn the_layer_can_be_left_out() {
    let pki = TestPki::new();
    let server = TestServer::tls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).arg("--no-policy").json();

    assert_healthy(&run);
    assert_eq!((state(&run, "mtls"), state(&run, "policy")), ("noted".to_owned(), "absent".to_owned()));
}

#[test]
fn a_server_that_is_waited_for_sees_no_strangers_before_it_is_healthy() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).not_serving().spawn();
    let running = probe(&server.address()).pki(&pki).args(["--wait", "1h"]).start();
    server.wait_for_calls(3);
    assert_eq!(server.connections(), server.client_certificates());
    server.set_serving(true);

    let (exit_code, stderr) = running.finish();

    assert_eq!(exit_code, 0, "{stderr}");
    assert_eq!(server.connections(), server.client_certificates() + 2);
}

//! The server's certificate, and ours.

use egext_test_support::{Manner, TestPki, TestServer, assert_finding};
use serde_json::json;

use super::{assert_fault, probe};

#[test]
fn every_defect_of_a_server_certificate_has_its_finding() {
    for (pki, id) in [
        (TestPki::new().server_expired(), "probe.server-cert.expired"),
        (TestPki::new().server_not_yet_valid(), "probe.server-cert.not-yet-valid"),
        (TestPki::new().server_for_other_name(), "probe.server-cert.name-mismatch"),
        (TestPki::new().server_without_san(), "probe.server-cert.no-san"),
        (TestPki::new().server_from_other_ca(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_chain_incomplete(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_from_namesake_ca(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_self_signed(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_with_client_usage(), "probe.server-cert.wrong-purpose"),
        (TestPki::new().server_chain_in_wrong_order(), "probe.server-cert.chain-order"),
        (TestPki::new().server_is_ca(), "probe.server-cert.is-ca"),
        (TestPki::new().server_with_unknown_critical_extension(), "probe.server-cert.refused"),
    ] {
        for manner in [TestServer::mtls(&pki), TestServer::tls(&pki).only_tls12()] {
            let server = manner.spawn();
            let run = probe(&server.address()).pki(&pki).json();
            assert_fault(&run, id, &server.address(), "tls");
        }
    }
}

#[test]
fn a_wrong_name_is_shown_with_the_right_ones() {
    let pki = TestPki::new().server_for_other_name();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_finding!(run, "probe.server-cert.name-mismatch");
    assert_eq!(finding["evidence"], json!({ "expected": "localhost", "found": "other.example" }));
}

#[test]
fn an_address_that_stands_as_a_name_is_told_from_an_address() {
    let pki = TestPki::new().server_with_address_as_name();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&format!("127.0.0.1:{}", server.port())).pki(&pki).json();
    let finding = assert_finding!(run, "probe.server-cert.name-mismatch");
    let evidence = json!({ "expected": "IP address 127.0.0.1", "found": "DNS name 127.0.0.1" });
    assert_eq!(finding["evidence"], evidence);
    assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("--add-san 127.0.0.1")), "{finding:#}");
}

#[test]
fn a_certificate_of_an_old_version_is_called_that() {
    let pki = TestPki::new();
    for manner in [TestServer::mtls(&pki), TestServer::tls(&pki).only_tls12()] {
        let server = manner.presents_version_1().spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.server-cert.refused", &server.address(), "tls");
        let message = finding["message"].as_str().expect("text");
        assert!(message.ends_with("cannot be used: it is not an X.509 version 3 certificate"), "{message}");
    }
}

#[test]
fn a_self_signed_server_is_of_an_unknown_issuer() {
    let pki = TestPki::new().server_self_signed();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_fault(&run, "probe.server-cert.unknown-issuer", &server.address(), "tls");
    assert_eq!(finding["evidence"]["found"], "it is self-signed");
}

#[test]
fn a_foreign_client_ca_is_named_before_the_time_limit() {
    let pki = TestPki::new().client_from_other_ca();
    for manner in both_versions(&pki) {
        let server = manner.spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
        assert_eq!(finding["evidence"]["expected"], "a certificate of `egext test CA`");
    }
}

#[test]
fn a_client_ca_that_was_made_anew_is_a_foreign_one() {
    let pki = TestPki::new().client_from_namesake_ca();
    for manner in both_versions(&pki) {
        let server = manner.spawn();
        let run = probe(&server.address()).pki(&pki).json();
        assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
    }
}

#[test]
fn a_server_that_refuses_us_by_name_is_named_too() {
    let pki = TestPki::new();
    for manner in both_versions(&pki) {
        let server = manner.refuses_every_client().spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
        assert_eq!(finding["evidence"]["found"], "alert `access_denied`");
    }
}

#[test]
fn every_defect_of_our_certificate_has_its_finding() {
    for (pki, id) in [
        (TestPki::new().client_expired(), "probe.client-cert.expired"),
        (TestPki::new().client_not_yet_valid(), "probe.client-cert.not-yet-valid"),
        (TestPki::new().client_with_server_usage(), "probe.client-cert.wrong-purpose"),
        (TestPki::new().without_client(), "probe.client-cert.required"),
    ] {
        for manner in both_versions(&pki) {
            let server = manner.spawn();
            let run = probe(&server.address()).pki(&pki).json();
            assert_fault(&run, id, &server.address(), "mtls");
        }
    }
}

#[test]
fn a_refusal_is_named_also_when_the_server_speaks_second() {
    let pki = TestPki::new().client_from_other_ca();
    let server = TestServer::mtls(&pki).waits_for_preface().spawn();
    let run = probe(&server.address()).pki(&pki).json();
    assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
}

fn both_versions(pki: &TestPki) -> [Manner; 2] {
    [TestServer::mtls(pki), TestServer::mtls(pki).only_tls12()]
}

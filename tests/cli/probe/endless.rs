//! Servers that never stop, or say too much: the probe ends in time, and reads no more than it needs.

use egext_test_support::{Manner, TestPki, TestServer};

use super::{assert_at_limit, assert_fault, assert_healthy, probe, with_pki};
use crate::egext;

/// What the buffers of two sockets can have, and then some. Without an end it would be gigabytes.
const MOST: usize = 64 << 20;

#[test]
fn garbage_without_end_is_recognised_by_its_beginning() {
    let pki = TestPki::new();
    for octets in [&b"no protocol at all\r\n"[..], &[0], &[0xff], b"HTTP/1.1 200 OK\r\n"] {
        let server = TestServer::plaintext().pours(octets).spawn();
        let run = probe(&server.tls_address()).pki(&pki).json();
        assert_fault(&run, "probe.tls.not-tls", &server.tls_address(), "tls");
        for manner in [
            TestServer::plaintext().pours(octets),
            TestServer::tls(&pki).pours(octets),
            TestServer::unix().pours(octets),
        ] {
            let server = manner.spawn();
            let run = with_pki(probe(&server.address()), &server.address(), &pki).json();
            assert_fault(&run, "probe.http2.not-http2", &server.address(), "http2");
            assert!(server.poured() < MOST, "{} octets", server.poured());
        }
    }
}

/// Records and frames that say how long they are, and then take their time.
#[test]
fn what_comes_one_byte_at_a_time_ends_at_the_limit() {
    let pki = TestPki::new();
    let server = TestServer::plaintext().drips(&[22, 3, 3, 64, 0, 2, 0, 63, 252, 0]).spawn();
    let address = server.tls_address();
    assert_at_limit("--timeout", || egext(["probe", &address]).pki(&pki), "probe.tls.timeout", &address);
    for manner in [
        TestServer::plaintext().drips(&[0, 64, 0, 4, 0, 0, 0, 0, 0, 0]),
        TestServer::tls(&pki).drips(&[0, 64, 0, 4, 0, 0, 0, 0, 0, 0]),
        TestServer::plaintext().answers_drop_by_drop(),
    ] {
        at_limit(manner, &pki);
    }
}

/// SETTINGS and PING, which we have to answer, and nothing reads our answers.
#[test]
fn frames_without_an_answer_end_at_the_limit() {
    let pki = TestPki::new();
    for (kind, payload) in [(4, &[][..]), (6, &[0; 8])] {
        at_limit(TestServer::plaintext().pours_frames(kind, payload), &pki);
        at_limit(TestServer::tls(&pki).pours_frames(kind, payload), &pki);
    }
}

fn at_limit(manner: Manner, pki: &TestPki) {
    let server = manner.spawn();
    let address = server.address();
    let probe = || with_pki(egext(["probe", &address]), &address, pki);
    assert_at_limit("--timeout", probe, "probe.grpc.timeout", &address);
    assert!(server.poured() < MOST, "{} octets", server.poured());
}

#[test]
fn an_answer_without_end_is_cut_off() {
    for (manner, id) in [
        (TestServer::plaintext().answers_without_end(), "probe.grpc.invalid-message"),
        (TestServer::plaintext().answers_headers_without_end(), "probe.grpc.malformed"),
        (TestServer::plaintext().answers_header("x-long", &"a".repeat(2 << 20)), "probe.grpc.malformed"),
    ] {
        let server = manner.spawn();
        let run = probe(&server.address()).json();
        assert_fault(&run, id, &server.address(), "grpc");
        assert!(server.poured() < MOST, "{} octets", server.poured());
    }
    // As long as it may be.
    let server = TestServer::plaintext().answers_header("x-long", &"a".repeat(1_000_000)).spawn();
    assert_healthy(&probe(&server.address()).json());
}

#[test]
fn a_chain_is_read_as_far_as_tls_permits() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).repeats_its_certificate(80).spawn();
    assert_healthy(&probe(&server.address()).pki(&pki).json());
    let expired = TestPki::new().server_expired().server_for_other_name();
    let server = TestServer::mtls(&expired).repeats_its_certificate(80).spawn();
    let run = probe(&server.address()).pki(&expired).json();
    assert_eq!(run.ids(), ["probe.server-cert.expired", "probe.server-cert.name-mismatch"]);
    for manner in [TestServer::mtls(&pki), TestServer::tls(&pki).only_tls12()] {
        let server = manner.repeats_its_certificate(1000).spawn();
        let run = probe(&server.address()).pki(&pki).json();
        assert_fault(&run, "probe.tls.malformed", &server.address(), "tls");
        let message = run.findings()[0]["message"].as_str().expect("words").to_owned();
        assert!(message.ends_with("more than 64 KiB, most likely its certificates"), "{message}");
    }
    let names = (0..2500).map(|number| format!("h{number}.example")).collect::<Vec<_>>();
    let huge = TestPki::new().server_with_dns_names(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let server = TestServer::mtls(&huge).spawn();
    let run = probe(&server.address()).pki(&huge).json();
    assert_fault(&run, "probe.server-cert.name-mismatch", &server.address(), "tls");
}

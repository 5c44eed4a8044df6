//! The layer `gateway`: what Envoy Gateway's own TLS would find.

use egext_test_support::{Egext, Run, TestPki, TestServer, assert_finding};

use super::{assert_fault, assert_healthy, every_layer, layers};

/// `probe` with this layer, and without `policy`.
fn probe(address: &str) -> Egext {
    every_layer(address).arg("--no-policy")
}

fn state<'a>(run: &'a Run, layer: &str) -> &'a str {
    let found = layers(run, 0).into_iter().find(|(name, _)| *name == layer);
    found.expect("a layer of that name").1
}

#[test]
fn a_server_that_takes_names_with_ports_passes() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_healthy(&run);
    assert_eq!(state(&run, "gateway"), "passed");
    assert_eq!(server.connections(), 2, "one for all other layers, and a hello");
    assert_eq!(server.server_names(), [Some("localhost".to_owned())]);
}

#[test]
fn a_server_with_rustls_is_out_of_reach_of_the_gateways_tls() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).json();

    let finding = assert_fault(&run, "probe.gateway.sni-refused", &server.address(), "gateway");
    let evidence = &finding["evidence"];
    assert_eq!(evidence["found"], "alert `illegal_parameter`");
    assert_eq!(evidence["sent"], format!("server name (SNI) {}", server.address()));
    let effect =
        "EG 1.9 waits without a limit, so no gateway gets a new configuration; `failOpen` does not help";
    assert_eq!(evidence["effect"], effect);
    assert_eq!(state(&run, "health"), "passed", "all else works");

    let run = probe(&server.address()).pki(&pki).args(["--eg-version", "1.4.2"]).json();
    let finding = assert_finding!(run, "probe.gateway.sni-refused");
    assert!(
        finding["evidence"]["effect"].as_str().is_some_and(|effect| effect.starts_with("EG 1.4.2 waits"))
    );
}

#[test]
fn the_server_name_takes_the_place_of_the_host() {
    let pki = TestPki::new().server("extension.internal");
    let server = TestServer::mtls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).args(["--server-name", "extension.internal"]).json();

    let finding = assert_finding!(run, "probe.gateway.sni-refused");
    let sent = format!("server name (SNI) extension.internal:{}", server.port());
    assert_eq!(finding["evidence"]["sent"], sent);
}

#[test]
fn an_address_is_sent_with_its_port_too() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();

    let run = probe(&format!("127.0.0.1:{}", server.port())).pki(&pki).json();

    let finding = assert_finding!(run, "probe.gateway.sni-refused");
    let sent = format!("server name (SNI) 127.0.0.1:{}", server.port());
    assert_eq!(finding["evidence"]["sent"], sent);
}

#[test]
fn a_server_that_closes_or_hangs_because_of_the_name_refuses_it() {
    let pki = TestPki::new();
    for (manner, found) in [
        (TestServer::mtls(&pki).closes_on_names_with_ports(), "connection closed"),
        (TestServer::mtls(&pki).hangs_on_names_with_ports(), "no answer within 2 s"),
    ] {
        let server = manner.spawn();

        let run = probe(&server.address()).pki(&pki).json();

        let finding = assert_fault(&run, "probe.gateway.sni-refused", &server.address(), "gateway");
        assert_eq!(finding["evidence"]["found"], found);
    }
}

#[test]
fn a_server_that_is_gone_refuses_no_name() {
    let pki = TestPki::new();
    for manner in [TestServer::mtls(&pki).closes_after(1), TestServer::mtls(&pki).stops_after(1)] {
        let server = manner.spawn();

        let run = probe(&server.address()).pki(&pki).json();

        assert_healthy(&run);
        assert_eq!(state(&run, "gateway"), "noted", "{}", run.stdout);
        assert_eq!(server.connections(), 3, "ours, the name with a port, and our name again");
    }
}

#[test]
fn a_chain_that_only_the_gateway_refuses_is_an_error_in_gos_words() {
    for (pki, words) in [
        (TestPki::new().ca_expired(), "x509: certificate has expired or is not yet valid: current time"),
        (TestPki::new().ca_for_clients(), "x509: certificate specifies an incompatible key usage"),
    ] {
        let server = TestServer::tls(&pki).takes_names_with_ports().spawn();

        let run = probe(&server.address()).pki(&pki).json();

        let finding = assert_fault(&run, "probe.gateway.chain-refused", &server.address(), "gateway");
        let found = finding["evidence"]["found"].as_str().expect("words");
        assert!(found.starts_with(words), "{found}");
        assert_eq!(state(&run, "tls"), "passed", "we accept it");
    }
}

#[test]
fn two_faults_for_the_gateway_are_both_told() {
    let pki = TestPki::new().ca_for_clients();
    let server = TestServer::tls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_eq!(run.ids(), ["probe.gateway.chain-refused", "probe.gateway.sni-refused"]);
    assert_eq!(run.json["targets"][0]["cause"], "probe.gateway.chain-refused");
}

#[test]
fn what_the_gateway_accepts_is_healthy_with_a_warning() {
    for pki in [TestPki::new().server_is_ca(), TestPki::new().server_for_any_purpose()] {
        let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();

        let run = probe(&server.address()).pki(&pki).json();

        let finding = assert_finding!(
            run,
            "probe.gateway.accepts-more",
            subject = server.address(),
            severity = "warning"
        );
        assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{finding:#}");
        let words =
            "Envoy Gateway accepts the server's certificate, `egext bridge` and other clients do not: ";
        assert!(finding["message"].as_str().is_some_and(|text| text.starts_with(words)), "{finding:#}");
        assert_eq!(run.json["targets"][0]["healthy"], true);
        assert_eq!(state(&run, "gateway"), "passed");
        assert_eq!(state(&run, "health"), "passed");

        let run = probe(&server.address()).pki(&pki).arg("--no-gateway").json();
        assert_eq!((run.exit_code, state(&run, "tls")), (1, "failed"), "our own verdict");
    }
}

#[test]
fn more_session_tickets_than_go_takes_are_an_error() {
    let pki = TestPki::new();
    for (tickets, ids) in [(16, &[][..]), (17, &["probe.gateway.too-many-tickets"])] {
        let server = TestServer::mtls(&pki).takes_names_with_ports().sends_tickets(tickets).spawn();

        let run = probe(&server.address()).pki(&pki).json();

        assert_eq!(run.ids(), ids, "{}", run.stdout);
        assert_eq!(state(&run, "health"), "passed", "we take them");
        assert_eq!(state(&run, "gateway"), if ids.is_empty() { "passed" } else { "failed" });

        assert_healthy(&probe(&server.address()).pki(&pki).arg("--no-gateway").json());
    }
}

#[test]
fn tickets_are_counted_between_data() {
    let pki = TestPki::new();
    let server =
        TestServer::mtls(&pki).takes_names_with_ports().sends_tickets(17).waits_for_preface().spawn();

    let run = every_layer(&server.address()).pki(&pki).json();

    let finding = assert_fault(&run, "probe.gateway.too-many-tickets", &server.address(), "gateway");
    let message = finding["message"].as_str().expect("words");
    assert!(message.contains("`tls: too many non-advancing records`"), "{message}");
    assert_eq!(state(&run, "policy"), "passed", "it refuses strangers because of their certificates");
}

#[test]
fn what_neither_accepts_is_our_finding() {
    let pki = TestPki::new().server_from_other_ca();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_fault(&run, "probe.server-cert.unknown-issuer", &server.address(), "tls");
    assert_eq!(state(&run, "gateway"), "skipped");
}

#[test]
fn plaintext_has_no_such_layer() {
    for server in [TestServer::plaintext().spawn(), TestServer::unix().spawn()] {
        let run = probe(&server.address()).json();

        assert_healthy(&run);
        assert_eq!((state(&run, "gateway"), state(&run, "policy")), ("absent", "absent"));
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn a_server_that_is_waited_for_sees_no_other_hello_before_it_is_healthy() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().not_serving().spawn();
    let running = probe(&server.address()).pki(&pki).args(["--wait", "1h"]).start();
    server.wait_for_calls(3);
    assert_eq!(server.connections(), server.server_names().len(), "each came from the same client");
    server.set_serving(true);

    let (exit_code, stderr) = running.finish();

    assert_eq!(exit_code, 0, "{stderr}");
    assert_eq!(server.connections(), server.server_names().len() + 1);
}

//! `--resolve`: a host is connected to where the user says that it is, and keeps its name.

use egext_test_support::{TestPki, TestServer, assert_finding};

use super::{every_layer, probe};
use crate::egext;

/// No resolver has it (RFC 6761).
const NAME: &str = "extension.invalid";

#[test]
fn a_host_is_connected_to_the_address_and_keeps_its_name() {
    let pki = TestPki::new().server(NAME);
    let server = TestServer::mtls(&pki).spawn();
    let address = format!("{NAME}:{}", server.port());
    let run = every_layer(&address)
        .arg("--no-gateway")
        .pki(&pki)
        .args(["--resolve", &format!("{NAME}:127.0.0.1")])
        .json();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert_eq!(run.json["targets"][0]["layers"][0]["detail"], "127.0.0.1");
    assert_eq!(server.server_names()[0].as_deref(), Some(NAME));
    // All layers, also those with connections of their own.
    let names = server.server_names();
    assert!(names.iter().all(|name| name.as_deref().is_some_and(|name| name.starts_with(NAME))), "{names:?}");

    let unplaced = every_layer(&address).arg("--no-gateway").pki(&pki).json();
    assert_eq!(unplaced.exit_code, 1, "{}", unplaced.stdout);
    assert_eq!(unplaced.json["targets"][0]["failed_layer"], "resolve");
}

#[test]
fn the_certificate_is_verified_for_the_host() {
    let pki = TestPki::new().server("localhost");
    let server = TestServer::mtls(&pki).spawn();
    let address = format!("{NAME}:{}", server.port());
    let run = probe(&address).pki(&pki).args(["--resolve", &format!("{NAME}:127.0.0.1")]).json();
    assert_eq!(run.exit_code, 1, "{}", run.stdout);
    assert_finding!(run, "probe.server-cert.name-mismatch", subject = address);
}

#[test]
fn several_addresses_are_tried_and_other_hosts_stay_where_they_are() {
    let server = TestServer::plaintext().spawn();
    let address = format!("tcp://Extension.invalid.:{}", server.port());
    let placements = ["--resolve", &format!("{NAME}:[::1]"), "--resolve", &format!("{NAME}:127.0.0.1")];
    let run = egext(["probe", &address, &server.tcp_address()]).args(placements).json();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert_eq!(run.json["targets"][0]["layers"][0]["detail"], "::1, 127.0.0.1");

    let list = egext(["probe", &address]).env("EGEXT_RESOLVE", format!("{NAME}:[::1], {NAME}:127.0.0.1"));
    assert_eq!(list.run().exit_code, 0);
}

#[test]
fn what_places_nothing_is_refused_but_not_in_the_environment() {
    let server = TestServer::plaintext().spawn();
    for wrong in [
        "x",
        "x:",
        "x:y",
        "x:::1",
        "x:5005:127.0.0.1",
        "127.0.0.1:127.0.0.2",
        "x:[127.0.0.1]",
        "other:127.0.0.1",
    ] {
        let run = egext(["probe", &server.tcp_address(), "--resolve", wrong]).run();
        assert_eq!(run.exit_code, 2, "{wrong}: {run:?}");
        assert!(run.stderr.contains("`--resolve`"), "{wrong}: {run:?}");
    }
    let run = egext(["probe", &server.tcp_address()]).env("EGEXT_RESOLVE", "other:127.0.0.1").run();
    assert_eq!(run.exit_code, 0, "{run:?}");
}

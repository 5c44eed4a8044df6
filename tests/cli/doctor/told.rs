//! What the bridge says about its server, and what the doctor makes of it.

use std::fs;

use egext_test_support::{ReservedPort, Run, Running, TestPki, TestServer};

use super::guessed::plain_bridge;
use super::{Channel, assert_first, steps};

/// The line with what to do first.
fn next(run: &Run) -> &str {
    run.json["first"]["next"].as_str().expect("words")
}

/// Behind a bridge with an admin server, and behind one without.
fn behind_both(channel: &Channel, server: &str, cause: &str, judge: impl Fn(&Run)) {
    let mut told = channel.bridge(server);
    told.wait_for_line(cause);
    judge(&channel.configuration("eg.sock").json());
    drop(told);
    let mut plain: Running = plain_bridge(channel, server);
    plain.wait_for_line(cause);
    judge(&channel.configuration("eg.sock").json());
}

#[test]
fn the_hint_for_a_plaintext_server_is_about_the_bridge() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::plaintext().spawn();
    let address = server.tls_address();
    behind_both(&channel, &address, "probe.tls.not-tls", |run| {
        assert_first(run, "server", "probe.tls.not-tls");
        let words = format!("start the bridge with `--upstream tcp://{address}`");
        assert!(next(run).ends_with(&words), "{}", next(run));
    });
}

#[test]
fn the_hint_for_a_wrong_name_is_about_the_bridge_and_has_the_name() {
    let channel = Channel::new(TestPki::new().server_for_other_name());
    let server = TestServer::mtls(&channel.pki).spawn();
    behind_both(&channel, &server.address(), "probe.server-cert.name-mismatch", |run| {
        assert_first(run, "server", "probe.server-cert.name-mismatch");
        let words = "start the bridge with `--server-name other.example`, which it has; or add ";
        assert!(next(run).starts_with(words), "{}", next(run));
    });
}

/// Without a bridge there is nothing that it could be started with.
#[test]
fn without_a_bridge_the_hint_is_about_the_doctor() {
    let channel = Channel::new(TestPki::new().server_for_other_name());
    let server = TestServer::mtls(&channel.pki).spawn();
    let run = channel.doctor().args(["--server", &server.address()]).json();
    assert_first(&run, "server", "probe.server-cert.name-mismatch");
    let words = "pass `--server-name other.example`, which it has; or add ";
    assert!(next(&run).starts_with(words), "{}", next(&run));
}

#[test]
fn the_hint_in_what_a_bridge_answers_stands_where_hints_stand() {
    let channel = Channel::new(TestPki::new());
    let unused = ReservedPort::new();
    let mut bridge = plain_bridge(&channel, &unused.tls_address());
    bridge.wait_for_line("probe.connect.refused");
    let run = channel.configuration("eg.sock").json();
    let socket = run.findings().iter().find(|finding| finding["id"] == "probe.grpc.unavailable");
    let socket = socket.unwrap_or_else(|| panic!("{}", run.stdout));
    let message = socket["message"].as_str().expect("words");
    let words = ": connection refused: nothing listens there (probe.connect.refused)";
    assert!(message.ends_with(words), "{message}");
    assert_eq!(socket["hint"], "start the server, or correct the port");
}

#[test]
fn a_server_to_which_the_bridge_speaks_tls_is_not_taken_for_plaintext() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).stops_after(1).spawn();
    let mut bridge = channel.bridge(&server.address());
    bridge.wait_for_line(" connected ");
    let run = channel.configuration("eg.sock").args(["--timeout", "300ms"]).json();
    assert_first(&run, "server", "probe.tls.timeout");
    assert_eq!(steps(&run)[3], ("bridge", "works"), "{}", run.stdout);
    assert_eq!(next(&run), "it has spoken TLS before: restart the server, or what is on the way to it");
}

#[test]
fn a_set_without_a_client_certificate_is_said_to_have_none() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    for file in [channel.pki.client_certificate(), channel.pki.client_key()] {
        fs::remove_file(file).expect("ours");
    }
    let run = channel.doctor().args(["--server", &server.address()]).json();
    assert_first(&run, "server", "probe.client-cert.required");
    assert_eq!(steps(&run)[0], ("certificates", "works"));
    let detail = run.json["steps"][0]["detail"].as_str().expect("words");
    assert!(detail.ends_with(", without a client certificate"), "{detail}");
}

#[test]
fn what_the_bridge_says_is_said_once() {
    let channel = Channel::new(TestPki::new().server_for_other_name());
    let server = TestServer::mtls(&channel.pki).spawn();
    let mut bridge = channel.bridge(&server.address());
    bridge.wait_for_line("probe.server-cert.name-mismatch");
    let run = channel.configuration("eg.sock").json();
    assert!(!run.stdout.contains("\"before\""), "{}", run.stdout);
}

#[test]
fn the_last_line_explains_the_first_thing() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    // The socket that is not there is found before.
    let run = channel.configuration("other.sock").run();
    assert!(run.stdout.contains("first: configuration: "), "{}", run.stdout);
    let end = "\n2 errors (`egext explain doctor.socket-differs` says more)\n";
    assert!(run.stdout.ends_with(end), "{}", run.stdout);
}

#[test]
fn a_named_server_that_the_bridge_does_not_call_is_told_of() {
    let channel = Channel::new(TestPki::new());
    let [server, other] = [(); 2].map(|()| TestServer::mtls(&channel.pki).spawn());
    let bridge = channel.bridge(&server.address());
    let run = channel.configuration("eg.sock").args(["--server", &other.address()]).json();
    assert_eq!((run.exit_code, run.ids()), (0, vec!["doctor.server-differs"]), "{}", run.stdout);
    let message = format!(
        "the bridge calls `{}`, and not `{}`, the server that was named",
        server.address(),
        other.address()
    );
    assert_eq!(run.findings()[0]["message"], message);
    assert_eq!(steps(&run)[3], ("bridge", "works"), "a note");
    // Its other name.
    let name = format!("127.0.0.1:{}", server.port());
    let run = channel.configuration("eg.sock").args(["--server", &name]).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    drop(bridge);

    // One without an admin server says whom it calls when it cannot.
    let unused = ReservedPort::new();
    let mut plain = plain_bridge(&channel, &unused.tls_address());
    plain.wait_for_line("probe.connect.refused");
    let run = channel.configuration("eg.sock").args(["--server", &other.address()]).json();
    assert!(run.ids().contains(&"doctor.server-differs"), "{}", run.stdout);
}

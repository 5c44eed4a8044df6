//! Resolve, connect, TLS, ALPN.

use egext_test_support::{ReservedPort, TestPki, TestServer, assert_finding, leave_stale_socket};

use super::{assert_at_limit, assert_fault, probe};
use crate::egext;

#[test]
fn an_unknown_host_has_no_address() {
    let run = probe("tcp://no-such-host.invalid:5005").json();
    assert_eq!(run.exit_code, 1);
    assert_finding!(run, "probe.resolve.failed", subject = "tcp://no-such-host.invalid:5005");
}

#[test]
fn nothing_listens() {
    let pki = TestPki::new();
    let port = ReservedPort::new();
    let run = probe(&port.tls_address()).pki(&pki).json();
    assert_fault(&run, "probe.connect.refused", &port.tls_address(), "connect");
    let run = probe(&port.tcp_address()).json();
    assert_fault(&run, "probe.connect.refused", &port.tcp_address(), "connect");
}

#[test]
fn a_stale_socket_is_refused() {
    let server = TestServer::unix().spawn();
    let (address, path) = (server.address(), server.socket().to_owned());
    let directory = path.parent().expect("a directory").to_owned();
    server.stop();
    std::fs::create_dir(&directory).expect("it went with the server");
    leave_stale_socket(&path);
    let run = probe(&address).json();
    std::fs::remove_dir_all(&directory).expect("ours");
    let finding = assert_fault(&run, "probe.connect.refused", &address, "connect");
    assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("stale")));
}

#[test]
fn there_is_no_socket() {
    let run = probe("unix:/nonexistent/server.sock").json();
    assert_fault(&run, "probe.connect.socket-missing", "unix:/nonexistent/server.sock", "connect");
}

#[test]
fn a_socket_of_somebody_else_is_closed_to_us() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = TestServer::unix().spawn();
    let nobodys = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(server.socket(), nobodys).expect("ours");
    let run = probe(&server.address()).without_privileges().json();
    let finding = assert_fault(&run, "probe.connect.permission", &server.address(), "connect");
    let [found, hint] =
        [&finding["evidence"]["found"], &finding["hint"]].map(|value| value.as_str().expect("text"));
    assert!(found.starts_with("the socket has the mode 0000, user "), "{finding:#}");
    assert!(hint.starts_with("start the bridge that serves it with `--socket-group GROUP`"), "{finding:#}");
    assert!(hint.contains("`--allow-uid ") && hint.contains(" --socket-mode 0666`"), "{finding:#}");

    let closed = std::fs::Permissions::from_mode(0o000);
    let directory = server.socket().parent().expect("a directory");
    let open = std::fs::metadata(directory).expect("ours").permissions();
    std::fs::set_permissions(directory, closed).expect("ours");
    let run = probe(&server.address()).without_privileges().json();
    std::fs::set_permissions(directory, open).expect("ours");
    let finding = assert_fault(&run, "probe.connect.permission", &server.address(), "connect");
    let [found, hint] =
        [&finding["evidence"]["found"], &finding["hint"]].map(|value| value.as_str().expect("text"));
    let words = format!("the directory `{}` has the mode 0000, user ", directory.display());
    assert!(found.starts_with(&words), "{finding:#}");
    assert!(hint.contains(&format!("`chmod o+x {}`", directory.display())), "{finding:#}");
}

#[test]
fn a_file_that_is_no_socket_is_not_a_stale_one() {
    let pki = TestPki::new();
    let address = format!("unix:{}", pki.ca().display());
    let run = probe(&address).json();
    let finding = assert_fault(&run, "probe.connect.failed", &address, "connect");
    assert!(!finding.to_string().contains("stale"), "{finding:#}");
    // The directory's name is quoted for the shell.
    let hint = finding["hint"].as_str().expect("words");
    assert!(hint.starts_with("correct the path; `ls -ld ") && hint.contains("ca.crt"), "{hint}");
}

#[test]
fn a_socket_of_another_kind_takes_no_connection() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("datagrams.sock");
    let _socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a new path");
    let address = format!("unix:{}", path.display());
    let run = probe(&address).json();
    assert_fault(&run, "probe.connect.failed", &address, "connect");
}

#[test]
fn there_is_no_way_to_a_multicast_address() {
    // TCP to a multicast address is refused by the system itself, whatever the network is like.
    let run = probe("tcp://224.0.0.1:5005").json();
    assert_fault(&run, "probe.connect.unreachable", "tcp://224.0.0.1:5005", "connect");
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_gets_no_answer_ends_at_the_limit() {
    let server = TestServer::without_room().spawn();
    assert_at_limit(
        "--timeout",
        || egext(["probe", &server.address()]),
        "probe.connect.timeout",
        &server.address(),
    );
}

#[test]
fn a_plaintext_server_is_not_tls() {
    let pki = TestPki::new();
    for (server, found) in [
        (TestServer::plaintext().spawn(), "an HTTP/2 SETTINGS frame"),
        (TestServer::plaintext().speaks_http1().spawn(), "HTTP/1.1 400 Bad Request"),
        (TestServer::plaintext().garbage().spawn(), "01 02 77 68 61 74 "),
    ] {
        let address = server.tls_address();
        let run = probe(&address).pki(&pki).json();
        let finding = assert_fault(&run, "probe.tls.not-tls", &address, "tls");
        let seen = finding["evidence"]["found"].as_str().expect("text");
        assert!(seen.starts_with(found), "{finding:#}");
    }
}

/// A proxy or a firewall that inspects TLS and breaks it: `tcp://` would lead nowhere.
#[test]
fn tls_that_cannot_be_read_is_not_plaintext() {
    let pki = TestPki::new();
    let server = TestServer::plaintext().garbles_its_hello().spawn();
    let address = server.tls_address();
    let run = probe(&address).pki(&pki).json();
    let finding = assert_fault(&run, "probe.tls.malformed", &address, "tls");
    let message = finding["message"].as_str().expect("text");
    assert!(message.starts_with("the TLS handshake failed: the server sent a corrupt message"), "{message}");
    assert!(!finding.to_string().contains("tcp://"), "{finding:#}");
}

#[test]
fn a_server_that_goes_away_during_the_handshake_is_reported_at_once() {
    let pki = TestPki::new();
    let plaintext = TestServer::plaintext;
    for manner in [plaintext().closes(), plaintext().resets(), plaintext().closes_by_alert()] {
        let server = manner.spawn();
        let address = server.tls_address();
        let run = probe(&address).pki(&pki).json();
        let finding = assert_fault(&run, "probe.tls.closed", &address, "tls");
        assert!(finding["hint"].to_string().contains("no server is behind it"), "{finding:#}");
    }
}

#[test]
fn a_server_that_never_answers_the_hello_ends_at_the_limit() {
    let pki = TestPki::new();
    let server = TestServer::plaintext().hangs().spawn();
    let address = server.tls_address();
    let finding =
        assert_at_limit("--timeout", || egext(["probe", &address]).pki(&pki), "probe.tls.timeout", &address);
    let hint = finding["hint"].to_string();
    assert!(
        hint.contains(&format!("probe tcp://{address}`")) && hint.contains("restart what hangs"),
        "{finding:#}"
    );
}

#[test]
fn alerts_have_names() {
    let pki = TestPki::new();
    for (alert, id, name) in [
        (40, "probe.tls.version", "handshake_failure"),
        (70, "probe.tls.version", "protocol_version"),
        (71, "probe.tls.version", "insufficient_security"),
        (80, "probe.tls.alert", "internal_error"),
        (123, "probe.tls.alert", "number 123"),
        (112, "probe.tls.alert", "unrecognized_name"),
        (120, "probe.alpn.refused", "h2"),
    ] {
        let server = TestServer::plaintext().sends_alert(alert).spawn();
        let address = server.tls_address();
        let run = probe(&address).pki(&pki).json();
        let layer = if alert == 120 { "alpn" } else { "tls" };
        let finding = assert_fault(&run, id, &address, layer);
        assert!(finding.to_string().contains(name), "alert {alert}: {finding:#}");
        let sent = [40, 80, 112].contains(&alert).then_some("server name (SNI) localhost");
        assert_eq!(finding["evidence"]["sent"].as_str(), sent, "alert {alert}");
    }
}

#[test]
fn a_server_has_to_agree_on_http2() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).without_alpn().spawn();
    let run = probe(&server.address()).pki(&pki).json();
    assert_fault(&run, "probe.alpn.missing", &server.address(), "alpn");

    let server = TestServer::mtls(&pki).only_http1_alpn().spawn();
    let run = probe(&server.address()).pki(&pki).json();
    assert_fault(&run, "probe.alpn.refused", &server.address(), "alpn");
}

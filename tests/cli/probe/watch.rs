//! `--watch`: a line for each change, and none for anything else.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, pipe};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use egext_test_support::{Egext, ReservedPort, Running, Signal, TestPki, TestServer};
use serde_json::Value;
use tempfile::TempDir;

use super::{every_layer, probe};

/// Looks that no test waits for: what is seen, the server has said.
const NEVER: &[&str] = &["--watch", "--interval", "1h"];

/// What stands behind the time of a line.
fn words(line: &str) -> &str {
    let (time, words) = line.split_once(' ').expect("a time");
    let is_time = |place: usize, octet: u8| match place {
        4 | 7 => octet == b'-',
        10 => octet == b'T',
        13 | 16 => octet == b':',
        19 => octet == b'.',
        26 => octet == b'Z',
        _ => octet.is_ascii_digit(),
    };
    assert!(time.len() == 27 && time.bytes().enumerate().all(|(at, it)| is_time(at, it)), "{line}");
    words
}

fn stop(watching: Running, signal: Signal) -> (i32, String, String) {
    watching.signal(signal);
    watching.finish_with_stdout()
}

#[test]
fn a_server_says_by_itself_that_its_health_changes() {
    let server = TestServer::plaintext().watched().spawn();
    let address = server.address();
    let mut watching = probe(&address).args(NEVER).start();
    let line = watching.wait_for_line(&address);
    assert_eq!(words(&line), format!("√ {address}: healthy: SERVING"));
    server.wait_for_calls(2);
    server.set_serving(false);
    let line = watching.wait_for_line(&address);
    let expected =
        format!("× {address}: not healthy: the server says NOT_SERVING (probe.health.not-serving)");
    assert_eq!(words(&line), expected);
    server.set_serving(true);
    let line = watching.wait_for_line(&address);
    assert_eq!(words(&line), format!("√ {address}: healthy: SERVING"));
    let (code, stdout, stderr) = stop(watching, Signal::TERM);
    assert_eq!((code, stdout.lines().count(), &*stderr), (0, 3, ""), "{stdout}");
    let paths = ["Check", "Watch"].map(|method| format!("/grpc.health.v1.Health/{method}"));
    assert_eq!((server.paths(), server.connections()), (paths.to_vec(), 1));
}

#[test]
fn a_server_without_watch_is_asked_again_and_that_is_said_once() {
    let server = TestServer::plaintext().spawn();
    let address = server.address();
    let mut watching = probe(&address).args(["--watch", "--interval", "20ms"]).start();
    watching.wait_for_line("healthy: SERVING");
    let said = format!(
        "{address}: the server answered `Health/Watch` with UNIMPLEMENTED, so it is asked every 20ms"
    );
    server.set_serving(false);
    watching.wait_for_line("NOT_SERVING");
    // Another connection, on which the server is asked for `Watch` again.
    server.cut();
    server.wait_for_connections(2);
    server.set_serving(true);
    watching.wait_for_line("healthy: SERVING");
    let (code, stdout, stderr) = stop(watching, Signal::INT);
    assert_eq!((code, stdout.lines().count(), stderr), (0, 3, format!("{said}\n")), "{stdout}");
}

/// Its call of `Watch` would keep the server from ending.
#[test]
fn a_server_that_says_goodbye_is_left() {
    let server = TestServer::plaintext().watched().spawn();
    let mut watching = probe(&server.address()).args(NEVER).start();
    watching.wait_for_line("healthy: SERVING");
    server.wait_for_calls(2);
    let begin = Instant::now();
    server.say_goodbye();
    server.wait_for_connections(2);
    // What else ends a connection in time is not meant.
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    let (code, stdout, stderr) = stop(watching, Signal::TERM);
    assert_eq!((code, stdout.lines().count(), &*stderr), (0, 1, ""), "nothing has changed: {stdout}");
}

/// Such as a proxy that allows no long calls.
#[test]
fn a_watch_that_the_server_ends_is_begun_again() {
    let server = TestServer::plaintext().watched_once().spawn();
    let mut watching = probe(&server.address()).args(NEVER).start();
    watching.wait_for_line("healthy: SERVING");
    for serving in [false, true] {
        server.set_serving(serving);
        watching.wait_for_line(if serving { "healthy: SERVING" } else { "NOT_SERVING" });
    }
    assert!(server.paths()[1..].iter().all(|path| path.ends_with("/Watch")), "{:?}", server.paths());
    let (code, stdout, stderr) = stop(watching, Signal::TERM);
    assert_eq!((code, stdout.lines().count(), server.connections(), &*stderr), (0, 3, 1, ""), "{stdout}");
}

#[test]
fn a_server_whose_watch_cannot_be_read_is_asked_and_that_is_said() {
    let server = TestServer::plaintext().watched_badly().spawn();
    let address = server.address();
    let mut watching = probe(&address).args(["--watch", "--interval", "20ms"]).start();
    watching.wait_for_line("healthy: SERVING");
    server.wait_for_calls(2);
    server.set_serving(false);
    watching.wait_for_line("NOT_SERVING");
    let (code, stdout, stderr) = stop(watching, Signal::TERM);
    let said = format!(
        "{address}: the server answered `Health/Watch` with what is no message of gRPC, so it is asked every 20ms\n"
    );
    assert_eq!((code, stdout.lines().count(), stderr), (1, 2, said), "{stdout}");
    let watches = server.paths().iter().filter(|path| path.ends_with("/Watch")).count();
    assert_eq!(watches, 1);
}

/// Another answer to `Check` is no change while the call of `Watch` stands.
#[test]
fn a_server_that_contradicts_itself_is_what_it_says_to_watch() {
    let server = TestServer::plaintext().watched_falsely().spawn();
    let mut watching = probe(&server.address()).args(["--watch", "--interval", "20ms"]).start();
    watching.wait_for_line("healthy: SERVING");
    watching.wait_for_line("NOT_SERVING");
    // Each look is a call of `Check`, and the call of `Watch` is made anew.
    server.wait_for_calls(12);
    let (code, stdout, stderr) = stop(watching, Signal::TERM);
    assert_eq!((code, stdout.lines().count(), &*stderr), (1, 2, ""), "{stdout}");
}

/// More targets than connections that the process may have.
#[test]
fn without_room_for_its_connection_a_target_is_connected_to_again() {
    let server = TestServer::plaintext().watched().spawn();
    let address = server.address();
    let script = r#"ulimit -n 30; exec "$0" "$@""#;
    let targets = std::iter::repeat_n(&address, 10);
    let watch = ["--no-gateway", "--no-policy", "--watch", "--interval", "20ms"];
    let mut watching = crate::script("sh", script).arg("probe").args(targets).args(watch).start();
    for words in ["healthy: SERVING", "NOT_SERVING", "healthy: SERVING"] {
        for _ in 0..10 {
            watching.wait_for_line(words);
        }
        server.set_serving(words != "healthy: SERVING");
    }
    let (_, stdout, stderr) = stop(watching, Signal::TERM);
    assert!(stdout.lines().count() >= 30 && stderr.is_empty(), "{stdout}{stderr}");
    assert!(server.paths().iter().all(|path| path.ends_with("/Check")));
}

#[test]
fn with_q_only_states_that_matter_are_printed() {
    let server = TestServer::plaintext().spawn();
    let mut watching = probe(&server.address()).args(["-q", "--watch", "--interval", "20ms"]).start();
    server.wait_for_calls(3);
    server.set_serving(false);
    watching.wait_for_line("NOT_SERVING");
    let (code, stdout, stderr) = stop(watching, Signal::TERM);
    assert_eq!((code, stdout.lines().count(), &*stderr), (1, 1, ""), "the exit code is that of the state");
}

/// The server is replaced by another one, as at an update.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test puts a socket where there was another")]
fn a_connection_that_is_lost_is_made_again_and_the_cause_is_named() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("eg.sock");
    let address = format!("unix:{}", path.display());
    let first = TestServer::unix().watched().spawn();
    symlink(first.socket(), &path).expect("a link");
    let mut watching = probe(&address).args(NEVER).start();
    watching.wait_for_line("healthy: SERVING");
    first.stop();
    let line = watching.wait_for_line(&address);
    let cause = "not healthy: there is no socket at this path (probe.connect.socket-missing)";
    assert_eq!(words(&line), format!("× {address}: {cause}"));
    let second = TestServer::unix().watched().spawn();
    let link = directory.path().join("link");
    symlink(second.socket(), &link).expect("a link");
    fs::rename(&link, &path).expect("the same directory");
    watching.wait_for_line("healthy: SERVING");
    second.set_serving(false);
    watching.wait_for_line("NOT_SERVING");
    let (code, stdout, stderr) = stop(watching, Signal::HUP);
    assert_eq!((code, stdout.lines().count(), &*stderr), (1, 4, ""), "{stdout}");
}

#[test]
fn a_connection_that_the_server_replaces_is_no_change() {
    let server = TestServer::plaintext().watched().spawn();
    let mut watching = probe(&server.address()).args(NEVER).start();
    watching.wait_for_line("healthy: SERVING");
    for connections in 1..5 {
        // `Check` and `Watch`
        server.wait_for_calls(2 * connections);
        assert_eq!(server.connections(), connections);
        server.cut();
    }
    server.wait_for_calls(10);
    let (code, stdout, stderr) = stop(watching, Signal::TERM);
    assert_eq!((code, stdout.lines().count(), &*stderr), (0, 1, ""), "{stdout}");
}

/// Nothing shows it but a call that is not answered.
#[test]
fn a_server_that_stands_still_is_noticed() {
    let pki = TestPki::new();
    for server in [TestServer::plaintext().watched().spawn(), TestServer::mtls(&pki).watched().spawn()] {
        let address = server.address();
        let limits = ["--timeout", "1s", "--interval", "50ms", "--no-gateway", "--no-policy", "--watch"];
        let watching = crate::egext(["probe", &address]).args(limits);
        let mut watching = super::with_pki(watching, &address, &pki).start();
        watching.wait_for_line("healthy: SERVING");
        server.freeze();
        let line = watching.wait_for_line(&address);
        assert!(line.ends_with("no answer to the health check within 1 s (probe.grpc.timeout)"), "{line}");
        let line = watching.wait_for_line(&address);
        assert!(line.contains("(probe.tls.timeout)") || line.contains("(probe.http2.timeout)"), "{line}");
        assert_eq!(stop(watching, Signal::TERM).0, 1);
    }
}

/// A new connection shows a server that is well again.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test puts a socket where there was another")]
fn a_server_that_stood_still_for_a_while_was_not_healthy() {
    let directory = TempDir::new().expect("a temporary directory");
    let (path, link) = (directory.path().join("eg.sock"), directory.path().join("link"));
    let address = format!("unix:{}", path.display());
    let [first, second] = [TestServer::unix().watched().spawn(), TestServer::unix().watched().spawn()];
    symlink(first.socket(), &path).expect("a link");
    let limits = ["--timeout", "1s", "--interval", "50ms", "--watch"];
    let mut watching = crate::egext(["probe", &address]).args(limits).start();
    watching.wait_for_line("healthy: SERVING");
    symlink(second.socket(), &link).expect("a link");
    fs::rename(&link, &path).expect("the same directory");
    first.freeze();
    let line = watching.wait_for_line(&address);
    assert!(line.ends_with("(probe.grpc.timeout)"), "{line}");
    watching.wait_for_line("healthy: SERVING");
    assert_eq!(stop(watching, Signal::TERM).0, 0);
}

#[test]
fn several_targets_and_services_are_told_apart() {
    let (one, other) = (TestServer::plaintext().watched().spawn(), TestServer::unix().watched().spawn());
    let [first, second] = [one.address(), other.address()];
    let services = ["--service", "envoygateway.extension.EnvoyGatewayExtension", "--service", ""];
    let mut watching = probe(&first).arg(&second).args(services).args(NEVER).start();
    let serving = "healthy: SERVING: `envoygateway.extension.EnvoyGatewayExtension`, the server";
    let mut lines = [watching.wait_for_line(serving), watching.wait_for_line(serving)];
    lines.sort_by_key(|line| line.contains("unix:"));
    assert_eq!(words(&lines[0]), format!("√ {first}: {serving}"));
    assert_eq!(words(&lines[1]), format!("√ {second}: {serving}"));
    other.wait_for_calls(4);
    other.set_serving(false);
    let line = watching.wait_for_line("not healthy");
    assert!(line.contains(&second) && line.ends_with("NOT_SERVING (probe.health.not-serving)"), "{line}");
    assert_eq!(stop(watching, Signal::TERM).0, 1, "one is not healthy");
}

/// Among them a target that cannot be tried at all.
#[test]
fn each_change_is_an_object_on_a_line() {
    let server = TestServer::plaintext().watched().spawn();
    let (reader, writer) = pipe().expect("a pipe");
    let mut lines = BufReader::new(reader).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("UTF-8");
        egext_test_support::printed(&line);
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    };
    let command = probe("localhost:5005").args([&*server.address(), "--dir", "nowhere", "-o", "json"]);
    let watching = command.args(NEVER).stdout_to(writer).start();
    let untried = next();
    assert_eq!(untried["findings"][0]["id"], "probe.ca.unusable", "{untried:#}");
    let healthy = next();
    assert_eq!((&healthy["status"], &healthy["exit_code"]), (&"ok".into(), &0.into()), "{healthy:#}");
    assert_eq!(healthy["targets"][0]["address"], server.address(), "{healthy:#}");
    let time = healthy["timestamp"].as_str().expect("text");
    words(&format!("{time} "));
    server.wait_for_calls(2);
    server.set_serving(false);
    let unhealthy = next();
    assert_eq!(unhealthy["findings"][0]["id"], "probe.health.not-serving", "{unhealthy:#}");
    assert_eq!(unhealthy["exit_code"], 1, "{unhealthy:#}");
    let target = &unhealthy["targets"][0];
    assert_eq!((&target["healthy"], &target["failed_layer"]), (&false.into(), &"health".into()));
    assert_eq!(target["facts"]["health"], "NOT_SERVING", "{unhealthy:#}");
    assert!(unhealthy["timestamp"].as_str() > Some(time), "{unhealthy:#}");
    let (code, stderr) = watching.terminate();
    assert_eq!((code, &*stderr), (1, ""));
    assert!(lines.next().is_none());
}

/// What is skipped is no change, and makes no target healthy.
#[test]
fn what_is_skipped_is_left_out() {
    let server = TestServer::plaintext().watched().spawn();
    let skip = ["--skip", "probe.health.not-serving"];
    let mut watching = probe(&server.address()).args(skip).args(NEVER).start();
    watching.wait_for_line("healthy: SERVING");
    server.wait_for_calls(2);
    server.set_serving(false);
    let line = watching.wait_for_line(&server.address());
    let expected = format!("- {}: not healthy, but every error is skipped", server.address());
    assert_eq!(words(&line), expected);
    assert_eq!(stop(watching, Signal::TERM).0, 0);
}

/// The connection stands, and no other client gets one. It is long enough until then for a first look.
#[test]
fn a_certificate_that_expires_meanwhile_is_noticed() {
    let pki = TestPki::new().server_expires_in(6);
    let server = TestServer::mtls(&pki).watched().spawn();
    let address = server.address();
    let flags = ["--watch", "--interval", "100ms", "--within", "1s"];
    let mut watching = probe(&address).args(flags).pki(&pki).start();
    watching.wait_for_line(&format!("√ {address}: healthy: SERVING"));
    let line = watching.wait_for_line("(probe.server-cert.expired)");
    assert!(line.contains(&format!("× {address}: not healthy")), "{line}");
    assert_eq!(stop(watching, Signal::TERM).0, 1);
}

/// The verdict is that of a probe without `--watch`.
#[test]
fn a_server_with_tls_is_also_looked_at_as_others_see_it() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).not_serving().watched().spawn();
    let address = server.address();
    let mut watching = every_layer(&address).pki(&pki).args(NEVER).start();
    watching.wait_for_line("(probe.health.not-serving)");
    server.set_serving(true);
    // Only now there is something to be seen by Envoy Gateway.
    let line = watching.wait_for_line(&address);
    assert!(line.ends_with("(probe.gateway.sni-refused)"), "{line}");
    server.set_serving(false);
    watching.wait_for_line("(probe.health.not-serving)");
    server.set_serving(true);
    watching.wait_for_line("(probe.gateway.sni-refused)");
    let connections = server.connections();
    assert_eq!(stop(watching, Signal::TERM).0, 1);
    assert_eq!(server.connections(), connections, "the last change came on a connection that was there");
}

#[test]
fn a_watch_ends_when_nothing_reads_it() {
    let server = TestServer::plaintext().watched().spawn();
    let (mut reader, writer) = pipe().expect("a pipe");
    let watching = probe(&server.address()).args(NEVER).stdout_to(writer).start();
    reader.read_exact(&mut [0]).expect("its first octet");
    drop(reader);
    assert_eq!(watching.finish(), (0, String::new()));
}

/// A signal counts also while a reader does not read.
#[test]
fn a_reader_that_does_not_read_keeps_no_one_from_stopping_it() {
    let server = TestServer::plaintext().watched().spawn();
    let (reader, mut writer) = pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a pipe");
    while std::io::Write::write(&mut writer, &[b' '; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a pipe");
    let watching = probe(&server.address()).args(NEVER).stdout_to(writer).start();
    server.wait_for_calls(1);
    let (code, stderr) = watching.terminate();
    drop(reader);
    assert!([0, 2].contains(&code), "{code}: {stderr}");
}

#[test]
fn stopped_before_the_first_state_is_no_result() {
    let server = TestServer::plaintext().never_answers().spawn();
    let watching = probe(&server.address()).args(NEVER).start();
    server.wait_for_calls(1);
    let (code, stdout, stderr) = stop(watching, Signal::INT);
    assert_eq!((code, &*stdout, &*stderr), (2, "", "error: interrupted\n"));
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    let port = ReservedPort::new();
    let refused = |run: Egext, message: &str, hint: &str| {
        let run = run.run();
        let expected = format!("error: {message}\n  hint: {hint}\n");
        assert_eq!((run.exit_code, &*run.stdout, &*run.stderr), (2, "", &*expected));
    };
    let watch = || probe(&port.tcp_address()).arg("--watch");
    refused(
        watch().args(["--wait", "1s"]),
        "`--watch` and `--wait` exclude each other",
        "leave out `--wait`: `--watch` goes on whatever the server does; or `--watch`, to end when it is healthy",
    );
    refused(watch().args(["-o", "short"]), "`--watch` has no `-o short`", "it has `-o human`, `-o json`");
    refused(
        watch().args(["--interval", "0s"]),
        "`--interval` must be greater than zero",
        "for example `--interval 5s`",
    );
    // Variables are for other calls.
    let variables = [("EGEXT_WAIT", "1h"), ("EGEXT_VERBOSE", "true"), ("EGEXT_FORMAT", "junit")];
    let mut watching = variables.iter().fold(watch(), |watch, (name, value)| watch.env(name, value)).start();
    watching.wait_for_line("(probe.connect.refused)");
    assert_eq!(watching.terminate().0, 1);
}

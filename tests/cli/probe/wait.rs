//! `--wait`: the whole time is used, and what is waited for is said once.

use std::io::Read as _;
use std::time::Duration;

use egext_test_support::{ReservedPort, Signal, TestServer};
use serde_json::Value;
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

use super::probe;
use crate::egext;

#[test]
fn the_whole_time_is_used_and_the_cause_is_said_once() {
    let port = ReservedPort::new();
    let run = probe(&port.tcp_address()).args(["--wait", "2s"]).json();
    assert_eq!((run.exit_code, run.ids()), (1, vec!["probe.connect.refused"]));
    assert!(run.duration >= Duration::from_secs(2), "{:?}", run.duration);
    let expected =
        format!("{}: connection refused: nothing listens there; trying again for up to ", port.tcp_address());
    // On a machine with much to do the first attempt takes a part of it.
    let left = run.stderr.strip_prefix(&expected);
    assert!(matches!(left, Some("2s\n" | "1s\n")), "{}", run.stderr);
    let run = probe(&port.tcp_address()).args(["--wait", "2s"]).run();
    assert!(run.stdout.contains("\n  still failing after ") && run.stdout.contains(" attempts\n"), "{run:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test puts a socket where there was another")]
fn another_cause_is_said_too() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("eg.sock");
    let address = format!("unix:{}", path.display());
    let mut waiting = egext(["probe", &address, "--wait", "1h"]).start();
    let line = waiting.wait_for_line("trying again");
    assert!(line.contains("there is no socket at this path"), "{line}");
    // Nothing listens on it, and nothing ever has: a connection in between would have another end.
    let stale = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    stale.bind(&SockAddr::unix(&path).expect("a path")).expect("a free path");
    let line = waiting.wait_for_line("trying again");
    assert!(line.contains("connection refused"), "{line}");
    let server = TestServer::unix().spawn();
    // In one step, so that the path is never missing.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(server.socket(), &link).expect("a link");
    std::fs::rename(&link, &path).expect("the same directory");
    let (code, stderr) = waiting.finish();
    assert_eq!((code, stderr.matches("trying again").count()), (0, 2), "{stderr}");
}

#[test]
fn without_a_wait_and_with_q_nothing_is_said() {
    let port = ReservedPort::new();
    for flags in [&[][..], &["-q", "--wait", "300ms"], &["--wait", "0s"]] {
        let run = probe(&port.tcp_address()).args(flags).run();
        assert_eq!((run.exit_code, &*run.stderr), (1, ""), "{flags:?}");
    }
}

/// A program that has set a limit of its own still reads what was waited for.
#[test]
fn a_signal_ends_the_wait_with_a_result() {
    for (signal, format) in [(Signal::TERM, "json"), (Signal::INT, "human"), (Signal::HUP, "json")] {
        let port = ReservedPort::new();
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let run = probe(&port.tcp_address()).args(["--wait", "1h", "-o", format]).stdout_to(writer);
        let mut running = run.start();
        running.wait_for_line("trying again");
        running.signal(signal);
        let (code, stderr) = running.finish();
        let mut stdout = String::new();
        reader.read_to_string(&mut stdout).expect("UTF-8");
        let message = format!(
            "interrupted while `{}` was not healthy: connection refused: nothing listens there",
            port.tcp_address()
        );
        let said = format!("error: {message}\n  hint: `egext explain probe.connect.refused` says more\n");
        assert_eq!(code, 2, "{signal:?}: {stderr}");
        assert!(stderr.ends_with(&said), "{signal:?}: {stderr}");
        if format == "json" {
            let object: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}"));
            assert_eq!((&object["error"]["message"], &object["exit_code"]), (&message.into(), &2.into()));
        } else {
            assert_eq!(stdout, "");
        }
    }
}

/// An attempt that the end of the wait cuts short does not hide what an earlier one has found.
#[test]
fn the_last_attempt_does_not_hide_the_cause() {
    let server = TestServer::plaintext().not_serving().hangs_after(1).spawn();
    let run = probe(&server.address()).args(["--wait", "5s"]).json();
    assert_eq!(run.ids(), ["probe.health.not-serving"], "{}", run.stdout);
    assert_eq!(server.connections(), 2, "the last attempt, which is late, was made");
}

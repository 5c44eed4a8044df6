//! What is asked, and of whom: `--service`, `--metadata`, `--targets-file`, and the forms of targets.

use std::fmt::Write as _;

use egext_test_support::{ReservedPort, TestServer, assert_finding};

use super::probe;
use crate::egext;

const EXTENSION: &str = "envoygateway.extension.EnvoyGatewayExtension";

#[test]
fn several_services_are_asked_for_on_one_connection() {
    let server = TestServer::plaintext().spawn();
    let run = probe(&server.tcp_address()).args(["--service", "", "--service", EXTENSION]).json();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert_eq!((server.connections(), server.calls()), (1, 2));
    let health = &run.json["targets"][0]["layers"][7];
    assert_eq!(health["detail"], format!("SERVING: the server, `{EXTENSION}`"));

    let list = probe(&server.tcp_address()).env("EGEXT_SERVICE", format!("{EXTENSION}, a.B")).json();
    assert_eq!(list.exit_code, 1);
    assert_finding!(list, "probe.health.unknown-service", subject = server.tcp_address());
}

#[test]
fn each_service_that_does_not_serve_is_named() {
    let server = TestServer::plaintext().not_serving().spawn();
    let services = ["--service", "a.B", "--service", "", "--service", EXTENSION, "--service", "c.D"];
    let run = probe(&server.tcp_address()).args(services).json();
    let ids = ["probe.health.unknown-service", "probe.health.not-serving", "probe.health.unknown-service"];
    assert_eq!((run.exit_code, run.ids()), (1, ids.to_vec()), "{}", run.stdout);
    let person = probe(&server.tcp_address()).args(services).run();
    for words in ["`a.B`", "NOT_SERVING", "`c.D`"] {
        assert!(person.stdout.contains(words), "no {words} in {}", person.stdout);
    }
}

#[test]
fn metadata_is_sent_and_no_value_is_printed() {
    let server = TestServer::plaintext().spawn();
    let file = "# a comment\n\nauthorization=Bearer s3cret=\nx-raw-bin=\u{1}\n";
    let flags = ["--metadata", "X-A=1", "--metadata", "x-a=2", "--metadata-file", "-"];
    for format in ["human", "json"] {
        let run = probe(&server.tcp_address()).args(flags).args(["-o", format]).stdin(file).run();
        assert_eq!(run.exit_code, 0, "{run:?}");
        assert!(!format!("{run:?}").contains("s3cret"), "{run:?}");
    }
    assert_eq!(server.headers("x-a")[0], ["1", "2"]);
    assert_eq!(server.headers("authorization")[0], ["Bearer s3cret="]);
    assert_eq!(server.headers("x-raw-bin")[0], ["AQ"]);
}

/// Nor in an error.
#[test]
fn wrong_metadata_is_refused_without_its_value() {
    for (flag, file, words) in [
        ("s3cret", "", "`--metadata`: metadata is written as `name=value`"),
        ("grpc-timeout=s3cret", "", "`--metadata`: `grpc-timeout` cannot be the name of metadata"),
        ("te=s3cret", "", "`--metadata`: `te` cannot be the name of metadata"),
        ("a b=s3cret", "", "`--metadata`: `a b` cannot be the name of metadata"),
        ("a=s3cret\u{e4}", "", "`--metadata`: the value of `a` is not printable ASCII"),
        ("a=1", "\na=1\ns3cret\n", "line 3 of `-`: metadata is written as `name=value`"),
    ] {
        let run = probe("tcp://127.0.0.1:1").args(["--metadata", flag, "--metadata-file", "-"]);
        let run = run.stdin(file).run();
        assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{run:?}");
        assert!(run.stderr.starts_with(&format!("error: {words}\n")), "{run:?}");
        assert!(!run.stderr.contains("s3cret"), "{run:?}");
    }
}

#[test]
fn an_answer_may_be_longer_if_that_is_asked_for() {
    let server = TestServer::plaintext().spawn();
    let run = probe(&server.tcp_address()).args(["--max-message-size", "1"]).json();
    let finding = assert_finding!(run, "probe.grpc.invalid-message", subject = server.tcp_address());
    assert_eq!(finding["message"], "the server's answer is longer than 1");
    let run = probe(&server.tcp_address()).args(["--max-message-size", "4MiB"]).json();
    assert_eq!(run.exit_code, 0);
}

/// Also more than are tried at a time, with few descriptors, and with some that fail.
#[test]
fn targets_of_a_file_are_reported_in_its_order() {
    let (server, port) = (TestServer::plaintext().spawn(), ReservedPort::new());
    let (mut file, mut expected) = ("# all\n".to_owned(), vec![server.tcp_address()]);
    for number in 0..200 {
        let address = if number % 5 == 0 { port.tcp_address() } else { server.tcp_address() };
        writeln!(file, "  {address}\n").expect("text");
        expected.push(address);
    }
    for limit in ["64", "1024"] {
        let limited = format!(r#"ulimit -n {limit}; exec "$0" "$@""#);
        let run = crate::script("sh", &limited)
            .args(["probe", &server.tcp_address(), "--timeout", "1h", "--targets-file", "-"])
            .stdin(file.clone())
            .json();
        let targets = run.json["targets"].as_array().expect("a list");
        let addresses: Vec<_> =
            targets.iter().map(|target| target["address"].as_str().expect("text")).collect();
        assert_eq!((run.exit_code, addresses), (1, expected.iter().map(String::as_str).collect()));
        for (target, address) in targets.iter().zip(&expected) {
            assert_eq!(target["healthy"], *address == server.tcp_address(), "{target:#}");
        }
    }
}

#[test]
fn a_file_of_targets_may_begin_as_windows_writes_it() {
    let server = TestServer::plaintext().spawn();
    let file = format!("\u{feff}{}\r\n", server.tcp_address());
    let run = egext(["probe", "--timeout", "1h"]).args(["--targets-file", "-"]).stdin(file).json();
    assert_eq!((run.exit_code, &run.json["targets"][0]["address"]), (0, &server.tcp_address().into()));
}

#[test]
fn a_comment_may_stand_behind_a_target() {
    let server = TestServer::unix().spawn();
    let link = server.socket().with_file_name("a#b.sock");
    std::os::unix::fs::symlink(server.socket(), &link).expect("a new link");
    let file = format!("unix:{}\t # a note, # and more\nunix:{}#\n", link.display(), link.display());
    let run = egext(["probe", "--timeout", "1h"]).args(["--targets-file", "-"]).stdin(file).json();
    let address = |index: usize| run.json["targets"][index]["address"].as_str().expect("text");
    assert!(address(0).ends_with("/a#b.sock") && address(1).ends_with("/a#b.sock#"), "{}", run.stdout);
    assert_eq!((run.exit_code, &run.json["targets"][0]["healthy"]), (1, &true.into()));
}

/// On the command line it would be two targets, as lists are written there.
#[test]
fn a_socket_with_a_comma_in_its_path_is_named_in_a_file() {
    let server = TestServer::unix().spawn();
    let link = server.socket().with_file_name("a,b.sock");
    std::os::unix::fs::symlink(server.socket(), &link).expect("a new link");
    let target = format!("unix:{}", link.display());
    let run = egext(["probe", &target]).run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""));
    let words = format!(
        "error: a comma separates targets, and `{}` is one socket\n  \
         hint: name it in a file: `echo {target} | egext probe --targets-file -`\n",
        link.display()
    );
    assert_eq!(run.stderr, words);
    let run = egext(["probe", "--timeout", "1h", "--targets-file", "-"]).stdin(target).run();
    assert_eq!(run.exit_code, 0, "{run:?}");
}

#[test]
fn a_file_of_targets_has_an_end() {
    let run = egext(["probe", "--targets-file", "-"]).stdin("a.internal:5005\n".repeat(1 << 17)).run();
    assert_eq!(run.exit_code, 2);
    let error = "error: `-` is larger than 1 MiB, and a list is expected\n";
    assert!(run.stderr.starts_with(error), "{}", run.stderr);
}

#[test]
fn a_file_without_targets_is_an_error() {
    for (file, words) in [
        ("# none\n", "`-` names no target"),
        ("tcp://a:1\nb:x\n", "line 2 of `-`: what stands behind `b:` is not a port number"),
        ("\n\nunix-abstract:x\n", "line 3 of `-`: `unix-abstract:x` is an abstract socket"),
    ] {
        let run = egext(["probe", "--targets-file", "-"]).stdin(file).run();
        assert_eq!(run.exit_code, 2);
        assert!(run.stderr.starts_with(&format!("error: {words}")), "{run:?}");
    }
}

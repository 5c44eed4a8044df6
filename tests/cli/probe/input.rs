//! What keeps `probe` from running at all: exit code 2, nothing on stdout.

use std::path::Path;

use egext_test_support::{Egext, ReservedPort, Run, TestPki, TestServer};

use crate::egext;

#[test]
fn garbage_is_refused_before_anything_is_tried() {
    for (arguments, complaint) in [
        (&["[::1"][..], "is not an address"),
        (&["localhost:port"], "is not a port number"),
        (&["http://localhost:80"], "unknown scheme"),
        (&["::1:5005"], "needs brackets"),
        (&["tcp://localhost:1", "--timeout", "5"], "a duration needs a unit"),
        (&["tcp://localhost:1", "--timeout", "0s"], "--timeout"),
        (&["tcp://localhost:1", "--wait", "soon"], "expected a duration"),
        (&["tcp://localhost:1", "--server-name", "x"], "--server-name"),
        (
            &["tcp://localhost:1", "--ca", "/nope"],
            "`--ca` has no meaning for `tcp://localhost:1`, which is plaintext",
        ),
        (&["unix:a.sock", "unix:b.sock", "--dir", "x"], "`--dir` has no meaning for `unix:a.sock`"),
        (&["unix:a.sock", "--cert", "x", "--key", "y"], "`--cert` has no meaning for `unix:a.sock`"),
        (&["unix:/run/egext/"], "`/run/egext/` is the path of a directory, not of a socket"),
        (&["fe80::1%eth0"], "has a zone"),
        (&[], "ADDRESS"),
    ] {
        let run = egext(["probe"]).args(arguments).run();
        assert_eq!(run.exit_code, 2, "{arguments:?}");
        assert!(run.stderr.contains(complaint), "{arguments:?}: {}", run.stderr);
    }
}

/// It is for targets with TLS: a variable breaks no others.
#[test]
fn files_in_the_environment_are_no_fault_of_a_plaintext_target() {
    let server = TestServer::plaintext().spawn();
    let run = egext(["probe", &server.address()])
        .env("EGEXT_CA", "/nope")
        .env("EGEXT_CERT", "/nope")
        .env("EGEXT_KEY", "/nope")
        .env("EGEXT_DIR", "/nope")
        .run();
    assert_eq!(run.exit_code, 0, "{run:?}");
}

#[test]
fn missing_files_are_named_with_what_to_do() {
    let pki = TestPki::new();
    let port = ReservedPort::new();
    let probe = || egext(["probe", &port.tls_address()]);

    let run = assert_cannot_run(probe());
    assert!(run.stderr.contains("certs/ca.crt") && run.stderr.contains("hint:"), "{}", run.stderr);

    let run = assert_cannot_run(probe().pki(&pki).arg("--ca").arg("missing.crt"));
    assert!(run.stderr.contains("missing.crt"), "{}", run.stderr);

    let run = assert_cannot_run(probe().pki(&pki).arg("--cert").arg(pki.client_certificate()));
    assert!(run.stderr.contains("--key"), "{}", run.stderr);

    std::fs::remove_file(pki.client_key()).expect("ours");
    let run = assert_cannot_run(probe().pki(&pki));
    assert!(run.stderr.contains("client.key"), "half a pair: {}", run.stderr);
}

#[test]
fn files_that_do_not_fit_are_named() {
    let (pki, other) = (TestPki::new(), TestPki::new());
    let port = ReservedPort::new();
    let with = |certificate: &Path, key: &Path| {
        egext(["probe", &port.tls_address()]).pki(&pki).arg("--cert").arg(certificate).arg("--key").arg(key)
    };

    let run = assert_cannot_run(with(&pki.client_certificate(), &other.client_key()));
    assert!(run.stderr.contains("is not the key of"), "{}", run.stderr);
    let run = assert_cannot_run(with(&pki.client_key(), &pki.client_certificate()));
    assert!(run.stderr.contains("client.key"), "swapped: {}", run.stderr);
    let run = assert_cannot_run(with(Path::new("/dev/null"), &pki.client_key()));
    assert!(run.stderr.contains("/dev/null"), "empty: {}", run.stderr);
}

fn assert_cannot_run(command: Egext) -> Run {
    let run = command.run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{}", run.stderr);
    run
}

/// Some libraries panic where they get no file descriptor.
#[test]
fn too_few_descriptors_are_said() {
    let port = ReservedPort::new();
    for number in 4..=12 {
        let script = format!(r#"ulimit -n {number}; exec "$0" "$@""#);
        let address = port.tls_address().replace("tls://", "tcp://");
        let probe = crate::script("sh", &script).args(["probe", &address]);
        let run = probe.run();
        // From some number on there are enough to see that nobody listens.
        assert!(matches!(run.exit_code, 1 | 2), "{number}: {} {}", run.exit_code, run.stderr);
    }
}

/// With few of them fewer targets are tried at a time, and a target is never blamed for it.
#[test]
fn too_few_descriptors_are_no_fault_of_a_target() {
    let pki = TestPki::new();
    let (plaintext, tls) = (TestServer::plaintext().spawn(), TestServer::mtls(&pki).spawn());
    let named = plaintext.tcp_address().replace("127.0.0.1", "localhost");
    let (mut refused, mut passed) = (0, 0);
    for number in 8..=20 {
        let script = format!(r#"ulimit -n {number}; exec "$0" "$@""#);
        let targets = [named.clone(), tls.address()].into_iter().cycle().take(40);
        let probe = crate::script("sh", &script)
            .args(["probe", "--timeout", "1h", "--no-gateway"])
            .args(targets)
            .pki(&pki);
        let run = probe.run();
        match run.exit_code {
            0 => passed += 1,
            2 => {
                assert!(run.stderr.contains("open files"), "{number}: {run:?}");
                assert!(run.stderr.contains("`ulimit -n"), "{number}: {run:?}");
                refused += 1;
            }
            _ => panic!("{number}: {}", run.stdout),
        }
    }
    assert!(refused > 0 && passed > 0, "{refused} {passed}");
}

//! Files and flags that cannot be used: one line, one hint, exit code 2, and no socket left behind.

use std::fs;
use std::path::Path;

use egext_test_support::{Egext, Run, TestPki, TestServer};
use tempfile::TempDir;

use crate::egext;
use crate::fixture::{Bridge, Call, Upstream};
use crate::sockets::assert_refused;

/// Where a bridge that must not start would listen.
struct Place {
    directory: TempDir,
    listen: String,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let listen = format!("unix:{}", directory.path().join("eg.sock").display());
        Self { directory, listen }
    }

    fn bridge(&self) -> Egext {
        egext(["bridge", "--listen", &self.listen, "--upstream", "localhost:1"])
    }

    #[track_caller]
    fn refuses(&self, run: &Run, words: &str) {
        assert_refused(run, words);
        assert_eq!(fs::read_dir(self.directory.path()).expect("readable").count(), 0, "left behind: {run:?}");
    }
}

/// A set whose files were tampered with.
fn broken(tamper: impl FnOnce(&TestPki)) -> TestPki {
    let pki = TestPki::new();
    tamper(&pki);
    pki
}

#[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
fn replace(path: &Path, with: &[u8]) {
    fs::write(path, with).expect("writable");
}

fn remove(path: &Path) {
    fs::remove_file(path).expect("removable");
}

#[test]
fn what_is_wrong_with_the_files_is_named() {
    let cases: [(&str, TestPki); 11] = [
        ("ca.crt", broken(|pki| remove(&pki.ca()))),
        ("client.crt", broken(|pki| remove(&pki.client_certificate()))),
        ("client.key", broken(|pki| remove(&pki.client_key()))),
        ("ca.crt", broken(|pki| replace(&pki.ca(), b""))),
        ("client.crt", broken(|pki| replace(&pki.client_certificate(), b"garbage\0\xff"))),
        ("client.key", broken(|pki| replace(&pki.client_key(), b"-----BEGIN PRIVATE KEY-----\nAAAA\n"))),
        (
            "client.crt",
            broken(|pki| {
                let key = fs::read(pki.client_key()).expect("readable");
                let certificate = fs::read(pki.client_certificate()).expect("readable");
                replace(&pki.client_certificate(), &key);
                replace(&pki.client_key(), &certificate);
            }),
        ),
        (
            "is not the key of",
            broken(|pki| {
                replace(&pki.client_key(), &fs::read(pki.server_key()).expect("readable"));
            }),
        ),
        (
            "ca.crt",
            broken(|pki| {
                replace(&pki.ca(), &fs::read(pki.client_key()).expect("readable"));
            }),
        ),
        (
            "is a directory",
            broken(|pki| {
                remove(&pki.client_key());
                fs::create_dir(pki.client_key()).expect("a new directory");
            }),
        ),
        (
            "is a link to",
            broken(|pki| {
                remove(&pki.ca());
                std::os::unix::fs::symlink("nowhere", pki.ca()).expect("a link");
            }),
        ),
    ];
    for (words, pki) in cases {
        let place = Place::new();
        place.refuses(&place.bridge().pki(&pki).run(), words);
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let place = Place::new();
    place.refuses(&place.bridge().args(["--dir", "nowhere"]).run(), "nowhere/ca.crt");
    place.refuses(&place.bridge().run(), "certs/ca.crt");
}

/// As the help says: each flag takes the place of one file of the directory.
#[test]
fn a_ca_file_alone_leaves_the_certificate_of_the_usual_directory() {
    let pki = TestPki::new();
    let started = |server: &TestServer, certificates: Option<&Path>| {
        let place = Place::new();
        if let Some(certificates) = certificates {
            std::os::unix::fs::symlink(certificates, place.directory.path().join("certs")).expect("a link");
        }
        let arguments = ["bridge", "--listen", &place.listen, "--upstream", &server.address(), "--ca"];
        let mut bridge = egext(arguments).arg(pki.ca()).current_dir(place.directory.path()).start();
        bridge.wait_for_line("bridge is up");
        let probed = egext(["probe", &place.listen]).run();
        assert_eq!(probed.exit_code, 0, "{probed:?}");
    };
    let server = TestServer::mtls(&pki).spawn();
    started(&server, Some(pki.directory()));
    assert!(server.client_certificates() > 0);

    let server = TestServer::tls(&pki).spawn();
    started(&server, None);
}

#[test]
fn half_a_pair_in_the_usual_directory_is_named() {
    let pki = broken(|pki| remove(&pki.client_key()));
    let (place, here) = (Place::new(), tempfile::tempdir().expect("a temporary directory"));
    std::os::unix::fs::symlink(pki.directory(), here.path().join("certs")).expect("a link");
    let run = place.bridge().arg("--ca").arg(pki.ca()).current_dir(here.path()).run();
    place.refuses(&run, "certs/client.key");
}

#[test]
fn a_key_that_this_user_may_not_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let (place, pki) = (Place::new(), TestPki::new());
    fs::set_permissions(pki.directory(), fs::Permissions::from_mode(0o755)).expect("ours");
    fs::set_permissions(pki.client_key(), fs::Permissions::from_mode(0o000)).expect("ours");
    place.refuses(&place.bridge().pki(&pki).without_privileges().run(), "client.key");
}

#[test]
fn files_named_one_by_one_are_checked_alike() {
    let (place, pki) = (Place::new(), TestPki::new());
    let swapped = place
        .bridge()
        .arg("--ca")
        .arg(pki.ca())
        .arg("--cert")
        .arg(pki.client_key())
        .arg("--key")
        .arg(pki.client_certificate())
        .run();
    place.refuses(&swapped, "client.");
    let half = place.bridge().arg("--cert").arg(pki.client_certificate()).run();
    assert_eq!(half.exit_code, 2);
    assert!(half.stderr.contains("--key"), "{half:?}");
}

#[test]
fn a_listener_with_tls_needs_the_servers_files() {
    let pki = broken(|pki| remove(&pki.server_key()));
    let run =
        egext(["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1"]).pki(&pki).run();
    assert_refused(&run, "server.key");
}

#[test]
fn flags_that_contradict_each_other_are_named() {
    let (place, pki) = (Place::new(), TestPki::new());
    let both = egext(["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", "localhost:1"])
        .arg("--cert")
        .arg(pki.client_certificate())
        .arg("--key")
        .arg(pki.client_key())
        .run();
    assert_refused(&both, "does not say which side");
    let itself = egext(["bridge", "--listen", &place.listen, "--upstream", &place.listen]).run();
    place.refuses(&itself, "are both");
    place.refuses(&place.bridge().pki(&pki).args(["--connect-wait", "0s"]).run(), "`--connect-wait`");
    let plaintext = egext(["bridge", "--listen", &place.listen, "--upstream", "tcp://127.0.0.1:1"])
        .args(["--server-name", "localhost"])
        .run();
    place.refuses(&plaintext, "`--server-name`: a server name has no meaning");
    let plaintext =
        egext(["bridge", "--listen", &place.listen, "--upstream", "tcp://127.0.0.1:1"]).pki(&pki).run();
    place.refuses(&plaintext, "`--dir` has no meaning for `tcp://127.0.0.1:1`, which is plaintext");
}

/// It may be set for another command, or for another bridge.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_with_a_revocation_list_does_not_break_a_bridge_without_tls() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).env("EGEXT_CRL", "/nowhere/list.crl").start();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    let place = Place::new();
    let typed = egext(["bridge", "--listen", &place.listen, "--upstream", "tcp://127.0.0.1:1"])
        .args(["--crl", "/nowhere/list.crl"])
        .run();
    place.refuses(&typed, "`--crl` has no meaning for ");
}

/// They do not say which of two sides they are for, and were not typed for this command.
#[test]
fn variables_with_one_pair_do_not_break_a_bridge_with_two_sides() {
    let pki = TestPki::new();
    let mut bridge = egext(["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", "localhost:1"])
        .pki(&pki)
        .env("EGEXT_CERT", "/nowhere/a.crt")
        .env("EGEXT_KEY", "/nowhere/a.key")
        .start();
    bridge.wait_for_line("bridge is up");
    assert_eq!(bridge.terminate().0, 0);
}

/// As Kubernetes mounts it.
#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_secret_is_a_directory_of_certificates() {
    let pki = TestPki::new().mounted("client");
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    let pki = TestPki::new().mounted("server");
    let mut bridge = egext(["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1"])
        .pki(&pki)
        .start();
    bridge.wait_for_line("bridge is up");
    assert!(!bridge.terminate().1.contains("certs."), "it is the server's own");
}

#[test]
fn garbage_on_the_command_line_is_named() {
    for (arguments, words) in [
        (&["--listen", "nonsense", "--upstream", "localhost:1"][..], "nonsense"),
        (&["--listen", "unix:eg.sock", "--upstream", "localhost:99999"], "99999"),
        (&["--listen", "unix:eg.sock", "--upstream", "localhost:0"], "`0` is not a port number"),
        (&["--listen", "unix:/", "--upstream", "localhost:1"], "`/` is the path of a directory"),
        (&["--listen", "unix:run/", "--upstream", "localhost:1"], "`run/` is the path of a directory"),
        (&["--listen", "unix:eg.sock", "--upstream", "http://localhost:1"], "http://"),
        (&["--listen", "unix:eg.sock", "--upstream", "localhost:1", "--call-timeout", "soon"], "soon"),
        (&["--listen", "unix:eg.sock"], "--upstream"),
        (&["--listen", "unix:eg.sock", "--upstream", "localhost:1", "--log-level", "loud"], "loud"),
    ] {
        let run = egext(["bridge"]).args(arguments).run();
        assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{run:?}");
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(words), "{run:?}");
    }
}

/// A warning, never a refusal: where the kubelet mounts a Secret, its files have this mode.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_can_read_is_told_at_the_start() {
    use std::os::unix::fs::PermissionsExt as _;

    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let silent = Bridge::mtls(upstream.address(), &pki).start();
    assert_eq!(silent.caller().await.hook().await.code(), 0);
    let (_, log) = silent.running.terminate();
    assert!(!log.contains("certs.key-exposed") && !log.contains("WARN"), "{log}");

    fs::set_permissions(pki.client_key(), fs::Permissions::from_mode(0o644)).expect("ours");
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let line = bridge.running.wait_for_line("every user of this machine may use the key");
    assert!(line.contains("WARN") && line.contains("chmod 600"), "{line}");
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
}

/// Whoever can replace the CA decides whom the bridge trusts.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_can_replace_are_told_at_the_start() {
    use std::os::unix::fs::PermissionsExt as _;

    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    fs::set_permissions(pki.directory(), fs::Permissions::from_mode(0o777)).expect("ours");
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let line = bridge.running.wait_for_line("can be written to by other users (mode 0777)");
    assert!(line.contains("WARN") && line.contains("certs.replaceable"), "{line}");
    assert!(line.contains("chmod go-w"), "{line}");
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
}

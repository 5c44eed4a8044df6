//! New files that cannot be used: the old certificates stay, and the log says why, once.

use std::fs;
use std::path::{Path, PathBuf};

use egext_test_support::{TestAuthority, TestPki};
use rustix::process::Signal;

use crate::egext;
use crate::fixture::{Bridge, Call, Upstream};
use crate::reload::{IN_USE, RECONNECTED};

const REFUSED: &str = "the new files are not used, the certificates in use stay";
const BACK: &str = "the files of the certificates in use are back";

#[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
fn replace(path: &Path, with: impl AsRef<[u8]>) {
    fs::write(path, with).expect("writable");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_are_not_and_are_told_once() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let foreign_key = fs::read(pki.server_key()).expect("readable");
    let defects: [(PathBuf, &[u8], &str); 4] = [
        (pki.client_certificate(), b"garbage", "client.crt` holds no certificate"),
        (pki.ca(), b"-----BEGIN CERTIFICATE-----\nAAAA\n", "ca.crt` is not sound PEM"),
        (pki.client_key(), &foreign_key, "client.key` is not the key of"),
        (pki.client_key(), b"", "client.key` holds no private key"),
    ];
    for (path, contents, words) in &defects {
        let whole = fs::read(path).expect("readable");
        replace(path, contents);
        let line = bridge.running.wait_for_line(REFUSED);
        assert!(line.contains("WARN") && line.contains(words), "{line}");
        assert!(line.contains("bridge.reload.failed"), "{line}");
        // There is a set already.
        assert!(!line.contains("certs init"), "{line}");
        if line.contains("holds no") {
            let cure = "`egext certs issue client --out client --san NAME --replace --dir ";
            assert!(line.contains("put the right file back") && line.contains(cure), "{line}");
        }
        // The same again is no news.
        replace(path, contents);
        assert_eq!(caller.hook().await.code(), 0);
        replace(path, whole);
        bridge.running.wait_for_line(BACK);
    }
    assert_eq!(upstream.connections(), 1);
    let (_, log) = bridge.running.terminate();
    assert_eq!(log.matches(REFUSED).count(), defects.len(), "{log}");
}

/// The set is there, but for one file: another CA would make it useless.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_missing_is_to_be_put_back() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let issue = "`egext certs issue client --out client --san NAME --replace --dir ";
    for (path, cure) in
        [(pki.client_certificate(), Some(issue)), (pki.client_key(), Some(issue)), (pki.ca(), None)]
    {
        let whole = fs::read(&path).expect("readable");
        fs::remove_file(&path).expect("ours");
        let line = bridge.running.wait_for_line(REFUSED);
        assert!(line.contains("bridge.reload.failed"), "{line}");
        assert!(line.contains("put the right file back") && !line.contains("certs init"), "{line}");
        assert!(line.contains("certs issue") == cure.is_some(), "{line}");
        assert!(cure.is_none_or(|cure| line.contains(cure)), "{line}");
        assert_eq!(caller.hook().await.code(), 0);
        replace(&path, whole);
        bridge.running.wait_for_line(BACK);
    }
}

/// A client may have no certificate, but not lose it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pair_whose_files_have_gone_stays_in_use() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let pair = [pki.client_certificate(), pki.client_key()];
    let whole = pair.each_ref().map(|path| fs::read(path).expect("readable"));
    pair.iter().for_each(|path| fs::remove_file(path).expect("ours"));
    let line = bridge.running.wait_for_line(REFUSED);
    assert!(line.contains("client.crt") && line.contains("put the right file back"), "{line}");
    assert_eq!(caller.hook().await.code(), 0);
    pair.iter().zip(whole).for_each(|(path, octets)| replace(path, octets));
    bridge.running.wait_for_line(BACK);
    assert_eq!(upstream.connections(), 1, "no connection was made anew");
}

/// Each is a pair of sound files. What is wrong with it, a peer would say.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_peers_reject_are_not_taken_in_place_of_good_ones() {
    for (defect, id) in [
        (TestPki::client_expired as fn(TestPki) -> TestPki, "certs.expired"),
        (TestPki::client_from_other_ca, "certs.chain-broken"),
        (TestPki::client_with_server_usage, "certs.wrong-purpose"),
    ] {
        let pki = TestPki::new();
        let upstream = Upstream::mtls(&pki, Call::echo).await;
        let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
        assert_eq!(bridge.caller().await.hook().await.code(), 0);
        let _defective = defect(pki);
        let line = bridge.running.wait_for_line(REFUSED);
        assert!(line.contains(id) && line.contains("client.crt"), "{line}");
        assert_eq!(bridge.caller().await.hook().await.code(), 0);
        assert_eq!(upstream.connections(), 1);
    }
}

/// An operator who asks gets an answer each time.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_answered_also_if_the_files_are_broken() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    replace(&pki.client_key(), b"garbage");
    for _ in 0..2 {
        bridge.running.signal(Signal::HUP);
        bridge.running.wait_for_line(REFUSED);
    }
    pki.renew("client");
    bridge.running.wait_for_line(IN_USE);
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
}

/// The server's operator has not heard of our new CA.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_rejects_the_new_certificate_keeps_the_old_connection() {
    let (pki, strangers) = (TestPki::new(), TestPki::new());
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let read = |path: PathBuf| fs::read(path).expect("readable");
    let [own, foreign] = [&pki, &strangers].map(|pki| read(pki.ca()));
    replace(&pki.ca(), [own, foreign].concat());
    bridge.running.wait_for_line(RECONNECTED);

    replace(&pki.client_certificate(), read(strangers.client_certificate()));
    replace(&pki.client_key(), read(strangers.client_key()));
    let line = bridge.running.wait_for_line("no connection with the new certificates, the old one stays");
    assert!(line.contains("WARN") && line.contains("probe.client-cert.rejected"), "{line}");
    assert!(line.contains("bridge.reload.unaccepted"), "{line}");
    for _ in 0..3 {
        assert_eq!(caller.hook().await.code(), 0);
    }
    assert_eq!(upstream.connections(), 2);
    pki.renew("client");
    bridge.running.wait_for_line(RECONNECTED);
    assert_eq!(caller.hook().await.code(), 0);
    let (_, log) = bridge.running.terminate();
    assert_eq!(log.matches("the old one stays").count(), 1, "{log}");
}

/// The start tells what a reload would refuse.
#[test]
fn what_peers_will_reject_is_told_at_the_start() {
    for (pki, id) in [
        (TestPki::new().client_expired(), "certs.expired"),
        (TestPki::new().client_not_yet_valid(), "certs.not-yet-valid"),
        (TestPki::new().client_with_server_usage(), "certs.wrong-purpose"),
        (TestPki::new().client_from_other_ca(), "certs.chain-broken"),
        (TestPki::new().client_expiring(), "certs.expiring"),
    ] {
        let mut bridge = Bridge::mtls("localhost:1", &pki).start();
        let line = bridge.running.wait_for_line(id);
        assert!(line.contains("WARN") && line.contains("client.crt"), "{line}");
        if id.starts_with("certs.expir") {
            assert!(line.contains("the certificate of `egext client` expire"), "{line}");
            let cure = "renew it where its CA is: `egext certs renew --role client --dir ";
            assert!(line.contains(cure), "{line}");
        }
    }
}

/// A bundle may have a CA that no peer needs any more.
#[tokio::test(flavor = "multi_thread")]
async fn each_ca_of_a_bundle_is_watched_and_one_that_is_valid_is_enough() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let ours = fs::read_to_string(pki.ca()).expect("readable");
    let [old, aged] = [("old", -1), ("aged", 3)].map(|(name, days)| {
        let ca = TestAuthority::new(&format!("the {name} one")).expiring_in(days);
        ca.root()
    });
    replace(&pki.ca(), format!("{old}{ours}{aged}"));
    let (mut bridge, admin) = Bridge::mtls(upstream.address(), &pki).start_with_admin();
    let ready = admin.wait_for("/readyz", |reply| reply.code == 200).await;
    assert!(ready.body.contains("warning: ") && ready.body.contains("the old one"), "{}", ready.body);
    let [finish, prepare] = ["finish", "prepare"].map(|step| format!("`egext certs rotate-ca {step} --dir "));
    assert!(ready.body.contains(&finish) && !ready.body.contains("certs renew"), "{}", ready.body);
    let page = admin.get("/").await.body;
    assert!(page.contains("<dt>until a certificate expires</dt>"), "what stops nothing is no fact: {page}");
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    replace(&pki.ca(), &old);
    let line = bridge.running.wait_for_line(REFUSED);
    assert!(line.contains("certs."), "{line}");
    let (_, log) = bridge.running.terminate();
    let cures = [("the old one` expired ", &finish), ("the aged one` expires ", &prepare)];
    for (told, cure) in cures {
        let told = format!("WARN the CA `{told}");
        let lines = log.lines().filter(|line| line.contains(&told)).collect::<Vec<_>>();
        assert!(lines.len() == 1 && lines[0].contains(cure.as_str()), "{log}");
    }
    let (bridge, admin) = Bridge::mtls(upstream.address(), &pki).start_with_admin();
    let ready = admin.wait_for("/readyz", |reply| reply.body.contains("(certs.expired)")).await;
    assert!(ready.code == 503 && ready.body.contains("reason: "), "{ready:?}");
    // The log and the admin address give the same command.
    let (_, log) = bridge.running.terminate();
    let line = log.lines().find(|line| line.contains("the CA `the old one` expired ")).expect("it is told");
    for text in [line, &ready.body] {
        assert!(text.contains(&prepare) && !text.contains("certs renew"), "{text}");
    }
}

/// Of twelve seconds the last four are near the end.
#[test]
fn a_certificate_that_nears_its_end_is_told_and_that_it_is_over_too() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let set = home.path().join("certs");
    let init = egext(["certs", "init", "--lifetime", "12s", "--dir"]).arg(&set).run();
    assert_eq!(init.exit_code, 0, "{init:?}");
    let mut bridge = Bridge::plaintext("localhost:1").flag("--dir", &set).start();
    for id in ["certs.expiring", "certs.expired"] {
        let line = bridge.running.wait_for_line(id);
        assert!(line.contains("WARN") && line.contains("client.crt"), "{line}");
    }
    let (_, log) = bridge.running.terminate();
    assert_eq!(log.matches("certs.expiring").count(), 1, "{log}");
}

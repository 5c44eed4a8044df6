//! Revocation lists: `--crl`.

use std::fs;
use std::path::Path;

use egext_test_support::TestPki;
use time::Duration;
use tonic::Code;

use crate::egext;
use crate::fixture::{Bridge, Call, Upstream};
use crate::reload::IN_USE;
use crate::reload_listener::{caller, refuses};
use crate::sockets::assert_refused;
use crate::tls_listener::Front;

fn front(pki: &TestPki, upstream: &Upstream, list: &Path) -> Front {
    let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
    Front::run(egext(arguments).pki(pki).arg("--crl").arg(list))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_accepted_until_it_is_revoked() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let list = pki.revocation_list(None, Duration::days(1));
    let mut front = front(&pki, &upstream, &list);
    let (before, _) = caller(&front, pki.client_config()).await;
    assert_eq!(before.hook().await.code(), 0);

    let config = pki.client_config();
    pki.revocation_list(Some("client"), Duration::days(1));
    front.running.wait_for_line(IN_USE);
    before.ended().await;
    assert!(refuses(&front, config).await);
    let line = front.running.wait_for_line("TLS handshake failed");
    assert!(line.contains("the client's certificate, or one above it, has been revoked"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_revoked_is_named_to_the_caller() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let list = pki.revocation_list(Some("server"), Duration::days(1));
    let bridge = Bridge::mtls(upstream.address(), &pki).flag("--crl", &list).start();
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), Code::FailedPrecondition as i32, "{answer:?}");
    assert!(answer.words().contains("has been revoked"), "{answer:?}");
    assert!(answer.words().contains("(probe.server-cert.revoked)"), "{answer:?}");
}

/// As in nginx, HAProxy and Envoy: who keeps a list from arriving gains nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_over_covers_no_peer() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let list = pki.revocation_list(None, -Duration::HOUR);
    let mut bridge = Bridge::mtls(upstream.address(), &pki).flag("--crl", &list).start();
    let line = bridge.running.wait_for_line("certs.crl-expired");
    assert!(
        line.contains("WARN") && line.contains("ca.crl") && line.contains("fetch the new list"),
        "{line}"
    );
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), Code::FailedPrecondition as i32, "{answer:?}");
    assert!(answer.words().contains("(probe.server-cert.revocation-unknown)"), "{answer:?}");
    // The new list arrives.
    pki.revocation_list(None, Duration::days(1));
    bridge.running.wait_for_line("connected");
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
}

/// Every peer would be rejected, and no peer says why.
#[test]
fn a_list_of_a_ca_with_the_same_name_is_not_taken() {
    let (pki, namesake) = (TestPki::new(), TestPki::new());
    let list = namesake.revocation_list(None, Duration::days(1));
    let run = egext(["bridge", "--listen", "unix:eg.sock", "--upstream", "localhost:1"]).pki(&pki);
    assert_refused(&run.arg("--crl").arg(&list).run(), "was not signed by the CA `egext test CA`");
}

#[test]
fn a_file_that_is_no_list_is_named_at_the_start() {
    let pki = TestPki::new();
    for (path, words) in
        [(pki.ca(), "ca.crt` holds no revocation list"), ("nowhere.crl".into(), "nowhere.crl")]
    {
        let run = egext(["bridge", "--listen", "unix:eg.sock", "--upstream", "localhost:1"])
            .pki(&pki)
            .arg("--crl")
            .arg(path)
            .run();
        assert_refused(&run, words);
    }
    let run =
        egext(["bridge", "--listen", "unix:eg.sock", "--upstream", "tcp://127.0.0.1:1", "--crl", "ca.crl"])
            .run();
    assert_refused(&run, "`--crl` has no meaning");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_list_leaves_the_old_one_in_use() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let list = pki.revocation_list(None, Duration::days(1));
    let mut bridge = Bridge::mtls(upstream.address(), &pki).flag("--crl", &list).start();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    fs::copy(pki.ca(), &list).expect("writable");
    let line = bridge.running.wait_for_line("the new files are not used");
    assert!(line.contains("ca.crl` holds no revocation list"), "{line}");
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
async fn a_ca_without_a_list_is_told_at_the_start() {
    let pki = TestPki::new();
    let other = pki.directory().join("other");
    egext(["certs", "init", "--dir"]).arg(&other).assert().success();
    let both =
        [fs::read(pki.ca()), fs::read(other.join("ca.crt"))].map(|file| file.expect("readable")).concat();
    fs::write(pki.ca(), both).expect("writable");
    let upstream = Upstream::unix(Call::echo);
    let mut front = front(&pki, &upstream, &pki.revocation_list(None, Duration::days(1)));
    let line = front.running.wait_for_line("certs.crl-missing");
    assert!(line.contains("no revocation list is of the CA `egext CA"), "{line}");
}

//! Certificates that change while the bridge runs: new ones are used, and old connections end.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egext_test_support::TestPki;
use http::{HeaderValue, Request};
use rustix::process::Signal;
use tokio::sync::Semaphore;
use tonic::Code;

use crate::egext;
use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post};
use crate::tls_listener::Front;

pub const IN_USE: &str = "new certificates are in use";
pub const RECONNECTED: &str = "connected with the new certificates";

/// A call that [`held_until`] does not answer at once.
pub fn held() -> Request<()> {
    let mut request = post(HOOK);
    request.headers_mut().insert("x-held", HeaderValue::from_static("1"));
    request
}

/// Answers such a call when there is a permit for it.
pub fn held_until(permits: &Arc<Semaphore>) -> impl Fn(Call) -> HeldCall + Send + Sync + 'static + use<> {
    let permits = Arc::clone(permits);
    move |call| {
        let permits = Arc::clone(&permits);
        Box::pin(async move {
            if call.request.headers().contains_key("x-held") {
                permits.acquire().await.expect("open").forget();
            }
            call.echo().await;
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    fs::rename(from, to).expect("ours");
}

type HeldCall = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Certificate first, then key, both in place: for a moment they are no pair.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_client_certificate_is_shown_and_the_old_connection_ends() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    assert_eq!(upstream.client(), pki.certificate("client"));

    pki.renew("client");
    let line = bridge.running.wait_for_line(IN_USE);
    assert!(line.contains("role=client") && line.contains("client.crt"), "{line}");
    bridge.running.wait_for_line(RECONNECTED);
    upstream.wait_for_ends(1).await;
    assert_eq!(upstream.client(), pki.certificate("client"));
    assert_eq!(caller.hook().await.code(), 0);
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_the_old_connection_finish() {
    let pki = TestPki::new();
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::mtls(&pki, held_until(&permits)).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    let call = caller.send(held(), "held").await;
    assert_eq!(caller.hook().await.code(), 0);

    pki.renew("client");
    bridge.running.wait_for_line(RECONNECTED);
    assert_eq!(caller.hook().await.code(), 0);
    permits.add_permits(1);
    assert_eq!(answer(call).await.code(), 0);
    upstream.wait_for_ends(1).await;
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_the_old_connection_are_cut_when_their_time_is_over() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, held_until(&Arc::new(Semaphore::new(0)))).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).flag("--drain-timeout", "100ms").start();
    let caller = bridge.caller().await;
    let call = caller.send(held(), "held").await;
    assert_eq!(caller.hook().await.code(), 0);

    pki.renew("client");
    bridge.running.wait_for_line(RECONNECTED);
    let answer = answer(call).await;
    assert_eq!(answer.code(), Code::Unavailable as i32);
    let words = "the connection to the extension server was cut during the call: it was made with certificates that have \
                 been replaced, and the call did not finish within `--drain-timeout`";
    assert!(answer.words().contains(words), "{answer:?}");
    upstream.wait_for_ends(1).await;
    assert_eq!(caller.hook().await.code(), 0);
}

/// As `cp` and `mv` do it, and with a long time between the two.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_renamed_one_by_one_are_waited_for() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).flag("--log-level", "debug").start();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    pki.renew_as("client", "new");
    rename(pki.directory().join("new.crt"), pki.client_certificate());
    bridge.running.wait_for_line("waits for the rest of a change");
    rename(pki.directory().join("new.key"), pki.client_key());
    bridge.running.wait_for_line(RECONNECTED);
    assert_eq!(upstream.client(), pki.certificate("client"));
    assert!(!bridge.running.stderr().contains("bridge.reload.failed"), "{}", bridge.running.stderr());
}

/// As the kubelet writes a Secret: a new directory, and a new link to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_secret_that_changes_is_noticed() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mounted = tempfile::tempdir().expect("a temporary directory");
    let secret = |version: &str| {
        let directory = mounted.path().join(version);
        fs::create_dir(&directory).expect("a new directory");
        for (from, to) in [("ca.crt", "ca.crt"), ("client.crt", "tls.crt"), ("client.key", "tls.key")] {
            fs::copy(pki.directory().join(from), directory.join(to)).expect("readable");
        }
        symlink(version, mounted.path().join("..data_tmp")).expect("a link");
        rename(mounted.path().join("..data_tmp"), mounted.path().join("..data"));
    };
    secret("..2030_01_01");
    for file in ["ca.crt", "tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(file), mounted.path().join(file)).expect("a link");
    }
    let mut bridge = Bridge::plaintext(upstream.address()).flag("--dir", mounted.path()).start();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    for version in ["..2030_01_02", "..2030_01_03"] {
        pki.renew("client");
        secret(version);
        bridge.running.wait_for_line(RECONNECTED);
        assert_eq!(upstream.client(), pki.certificate("client"));
    }
    fs::remove_dir_all(mounted.path().join("..2030_01_01")).expect("ours");
}

/// A directory further up is replaced, and no event tells it.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_without_an_event_is_noticed_all_the_same() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let base = tempfile::tempdir().expect("a temporary directory");
    let copy = |name: &str| {
        let directory = base.path().join(name).join("certs");
        fs::create_dir_all(&directory).expect("new directories");
        for file in ["ca.crt", "client.crt", "client.key"] {
            fs::copy(pki.directory().join(file), directory.join(file)).expect("readable");
        }
        directory
    };
    let used = copy("used");
    // The sandbox permits the directories of the start, and these are others.
    let bridge = Bridge::plaintext(upstream.address()).flag("--dir", &used).env("EGEXT_NO_SANDBOX", "1");
    let mut bridge = bridge.start();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    pki.renew("client");
    copy("next");
    rename(base.path().join("used"), base.path().join("old"));
    rename(base.path().join("next"), base.path().join("used"));
    bridge.running.wait_for_line(RECONNECTED);
    assert_eq!(upstream.client(), pki.certificate("client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_a_change_is_answered_and_changes_nothing() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    for _ in 0..2 {
        bridge.running.signal(Signal::HUP);
        bridge.running.wait_for_line("no file of a certificate has changed");
        assert_eq!(caller.hook().await.code(), 0);
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_callers_notice_nothing_of_five_reloads() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = Vec::new();
    for _ in 0..10 {
        let (caller, over) = (bridge.caller().await, Arc::clone(&over));
        callers.push(tokio::spawn(async move {
            let mut calls = 0;
            while !over.load(Ordering::SeqCst) {
                let answer = caller.hook().await;
                assert_eq!(answer.code(), 0, "{answer:?}");
                calls += 1;
            }
            calls
        }));
    }
    for _ in 0..5 {
        pki.renew("client");
        bridge.running.wait_for_line(RECONNECTED);
        assert_eq!(upstream.client(), pki.certificate("client"));
    }
    over.store(true, Ordering::SeqCst);
    for caller in callers {
        assert!(caller.await.expect("no call failed") > 0);
    }
    upstream.wait_for_ends(5).await;
}

/// Both directions, with the commands that users have: two bridges that share a set, renewal, and a new CA.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_everything_is_replaced_by_our_own_commands() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let set = home.path().join("certs");
    let certs = |arguments: &[&str]| {
        let run = egext(["certs"]).args(arguments).arg("--dir").arg(&set).run();
        assert_eq!(run.exit_code, 0, "{run:?}");
    };
    certs(&["init"]);
    let server = Upstream::unix(Call::echo);
    let listen = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", server.address()];
    let mut front = Front::run(egext(listen).arg("--dir").arg(&set));
    let address = format!("localhost:{}", front.port());
    let mut bridge = Bridge::plaintext(&address).flag("--dir", &set).start();
    let (caller, over) = (bridge.caller().await, Arc::new(AtomicBool::new(false)));
    let calling = tokio::spawn({
        let over = Arc::clone(&over);
        async move {
            while !over.load(Ordering::SeqCst) {
                let answer = caller.hook().await;
                assert_eq!(answer.code(), 0, "{answer:?}");
            }
        }
    });
    for step in [
        &["renew", "--force"][..],
        &["rotate-ca", "prepare"],
        &["rotate-ca", "activate"],
        &["rotate-ca", "finish"],
    ] {
        certs(step);
        front.running.wait_for_line(IN_USE);
        bridge.running.wait_for_line(IN_USE);
        bridge.running.wait_for_line("connected");
    }
    over.store(true, Ordering::SeqCst);
    calling.await.expect("no call failed");
    for log in [front.running.stderr(), bridge.running.stderr()] {
        assert!(!log.contains("WARN"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_while_the_bridge_stops_does_not_end_it_early() {
    let pki = TestPki::new();
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::mtls(&pki, held_until(&permits)).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    let call = caller.send(held(), "held").await;
    assert_eq!(caller.hook().await.code(), 0);
    bridge.running.signal(Signal::TERM);
    bridge.running.wait_for_line("stopping");
    bridge.running.signal(Signal::HUP);
    bridge.running.wait_for_line("no file of a certificate has changed");
    permits.add_permits(1);
    assert_eq!(answer(call).await.code(), 0);
    drop(caller);
    assert_eq!(bridge.running.finish().0, 0);
}

/// An upstream that refuses us is asked again as soon as there is another certificate, and not when a pause is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_refused_is_replaced_while_calls_fail() {
    let pki = TestPki::new().client_expired();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    let refused = caller.hook().await;
    assert!(refused.words().contains("(probe.client-cert.expired)"), "{refused:?}");
    pki.renewed("client");
    bridge.running.wait_for_line(IN_USE);
    bridge.running.wait_for_line("connected");
    assert_eq!(caller.hook().await.code(), 0);
}

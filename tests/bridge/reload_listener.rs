//! The same where the bridge is the server: callers get GOAWAY, and find the new certificate when they come back.

use std::fs;
use std::sync::Arc;

use egext_test_support::{Running, TestPki};
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;
use tonic::Code;

use crate::egext;
use crate::fixture::{Call, Caller, Upstream, answer, within_limit};
use crate::reload::{IN_USE, held, held_until};
use crate::tls_listener::Front;

/// A new caller, and the certificate that it was shown.
pub async fn caller(front: &Front, config: rustls::ClientConfig) -> (Caller, Vec<u8>) {
    let stream = front.handshake(config).await.expect("let in");
    let shown = stream.get_ref().1.peer_certificates().expect("a server")[0].to_vec();
    (Caller::over(stream).await, shown)
}

/// True if the front refuses a client: in TLS 1.3 that comes after our side of the handshake.
pub async fn refuses(front: &Front, config: rustls::ClientConfig) -> bool {
    match front.handshake(config).await {
        Ok(mut stream) => within_limit(stream.read(&mut [0; 1])).await.is_err(),
        Err(_) => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_come_back_to_a_renewed_server_certificate() {
    let pki = TestPki::new();
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::unix(held_until(&permits));
    let mut front = Front::start(&pki, &upstream);
    let (idle, shown) = caller(&front, pki.client_config()).await;
    assert_eq!(shown, pki.certificate("server"));
    let (quiet, _) = caller(&front, pki.client_config()).await;
    assert_eq!(quiet.hook().await.code(), 0);
    let (busy, _) = caller(&front, pki.client_config()).await;
    let call = busy.send(held(), "held").await;
    assert_eq!(busy.hook().await.code(), 0);

    pki.renew("server");
    front.running.wait_for_line(IN_USE);
    // One that never made a call, one whose calls are over, and one with a call that still gets its answer.
    idle.ended().await;
    quiet.ended().await;
    permits.add_permits(1);
    assert_eq!(answer(call).await.code(), 0);
    busy.ended().await;
    let (next, shown) = caller(&front, pki.client_config()).await;
    assert_eq!(shown, pki.certificate("server"));
    assert_eq!(next.hook().await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_before_ends_when_the_time_of_its_calls_is_over() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(held_until(&Arc::new(Semaphore::new(0))));
    let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
    let mut front = Front::run(egext(arguments).args(["--drain-timeout", "100ms"]).pki(&pki));
    let (busy, _) = caller(&front, pki.client_config()).await;
    let call = busy.send(held(), "held").await;
    assert_eq!(busy.hook().await.code(), 0);
    pki.renew("server");
    front.running.wait_for_line(IN_USE);
    let cut = within_limit(answer(call)).await;
    assert_eq!(cut.code(), Code::Unavailable as i32, "{cut:?}");
    let words = "its connection was made with certificates that have been replaced, and the call did not finish within \
                 `--drain-timeout`";
    assert!(cut.words().contains(words), "{cut:?}");
    busy.ended().await;
    let (next, _) = caller(&front, pki.client_config()).await;
    assert_eq!(next.hook().await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_ca_that_was_added_are_accepted_and_later_refused_again() {
    let (pki, strangers) = (TestPki::new(), TestPki::new());
    let upstream = Upstream::unix(Call::echo);
    let mut front = Front::start(&pki, &upstream);
    let mut stranger = pki.client_config();
    stranger.client_auth_cert_resolver = strangers.client_config().client_auth_cert_resolver;
    assert!(refuses(&front, stranger.clone()).await);

    let [own, foreign] = [&pki, &strangers].map(|pki| fs::read_to_string(pki.ca()).expect("PEM"));
    replace_ca(&pki, &(own.clone() + &foreign), &mut front.running);
    let (added, _) = caller(&front, stranger.clone()).await;
    assert_eq!(added.hook().await.code(), 0);

    replace_ca(&pki, &own, &mut front.running);
    added.ended().await;
    assert!(refuses(&front, stranger).await);
}

#[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
fn replace_ca(pki: &TestPki, text: &str, running: &mut Running) {
    let next = pki.directory().join("next.crt");
    fs::write(&next, text).expect("writable");
    fs::rename(next, pki.ca()).expect("ours");
    running.wait_for_line(IN_USE);
}

//! A listener with TLS that serves some clients of its CA only.

use egext_test_support::TestPki;
use tokio::io::AsyncReadExt as _;

use crate::egext;
use crate::fixture::{Call, Caller, Upstream, within_limit};
use crate::forwarded::of_client;
use crate::sockets::assert_refused;
use crate::tls_listener::Front;

/// None if the client of `pki` is served, otherwise what its TLS says.
async fn refusal(front: &Front, pki: &TestPki) -> Option<String> {
    // In TLS 1.3 the refusal comes after the client's side of the handshake.
    let mut stream = match front.handshake(pki.client_config()).await {
        Ok(stream) => stream,
        Err(error) => return Some(error.to_string()),
    };
    match within_limit(stream.read_u8()).await {
        // The first byte of SETTINGS.
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_apart_by_names_and_keys() {
    let names = ["dns:eg.gateway.example", "uri:spiffe://td/ns/a/sa/eg", "ip:10.0.0.7"];
    let pki = TestPki::new().client_named(&names);
    let upstream = Upstream::unix(Call::echo);
    let key = of_client(&pki, "key_sha256");
    let other = "0".repeat(64);
    for (flags, served) in [
        (&[][..], true),
        (&["--allow-san", "dns:EG.gateway.example"], true),
        (&["--allow-san", "dns:*.gateway.example"], true),
        (&["--allow-san", "dns:*.example.org"], false),
        (&["--allow-san", "dns:gateway.example"], false),
        (&["--allow-san", "uri:spiffe://td/ns/a/sa/eg"], true),
        (&["--allow-san", "uri:spiffe://td/ns/*/sa/eg"], true),
        (&["--allow-san", "uri:spiffe://td/ns/a"], false),
        (&["--allow-san", "ip:10.0.0.7"], true),
        (&["--allow-san", "ip:10.0.0.8"], false),
        (&["--allow-san", "dns:10.0.0.7.example, ip:10.0.0.7"], true),
        (&["--allow-fingerprint", &key], true),
        (&["--allow-fingerprint", &key.to_uppercase()], true),
        (&["--allow-fingerprint", &other], false),
        (&["--allow-fingerprint", &other, "--allow-fingerprint", &key], true),
        (&["--allow-fingerprint", &other, "--allow-san", "ip:10.0.0.7"], true),
        (&["--allow-fingerprint", &key, "--allow-san", "ip:10.0.0.8"], true),
    ] {
        let front = Front::start_with(flags, &pki, &upstream);
        let refused = refusal(&front, &pki).await;
        assert_eq!(refused.is_none(), served, "{flags:?}: {refused:?}");
        if let Some(words) = refused {
            assert!(words.contains("AccessDenied"), "{flags:?}: {words}");
        }
        assert_eq!(front.running.terminate().0, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_client_is_named_once_and_then_counted() {
    let pki = TestPki::new().client_named(&["dns:stranger.example", "uri:spiffe://td/x"]);
    let upstream = Upstream::unix(Call::echo);
    let mut front = Front::start_with(&["--allow-san", "dns:gateway.example"], &pki, &upstream);
    for _ in 0..5 {
        refusal(&front, &pki).await.expect("refused");
    }
    let line = front.running.wait_for_line("a client was refused");
    let key = of_client(&pki, "key_sha256");
    let identity = format!("`stranger.example`, `spiffe://td/x` (SHA-256 of its key: {key}), from 127.0.0.1");
    assert!(line.contains(&identity) && line.contains("WARN"), "{line}");
    assert!(line.contains("`--allow-san`") && line.contains("`--allow-fingerprint`"), "{line}");
    let (code, log) = front.running.terminate();
    assert_eq!(code, 0, "{log}");
    let counted = log.lines().find(|line| line.contains("several times")).expect("the number");
    assert!(counted.contains("times=4"), "{counted}");
    assert!(!log.contains("TLS handshake failed"), "it is not counted twice: {log}");
    assert_eq!(upstream.calls(), 0);

    // What the line has can be pasted.
    let front = Front::start_with(&["--allow-fingerprint", &key], &pki, &upstream);
    let stream = front.handshake(pki.client_config()).await.expect("accepted");
    assert_eq!(Caller::over(stream).await.hook().await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_ca_is_refused_as_before() {
    let pki = TestPki::new().client_from_other_ca();
    let upstream = Upstream::unix(Call::echo);
    // Its name is permitted, its CA is not trusted.
    let mut front = Front::start_with(&["--allow-san", "dns:egext-client"], &pki, &upstream);
    let words = refusal(&front, &pki).await.expect("refused");
    assert!(words.contains("UnknownCA"), "{words}");
    let line = front.running.wait_for_line("TLS handshake failed");
    assert!(line.contains("not issued by a CA that we trust"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_any_length_make_a_short_line() {
    let long = format!("uri:urn:{}", "long".repeat(100));
    let many = (0..40).map(|number| format!("dns:h{number}.example"));
    let names = [long].into_iter().chain(many).collect::<Vec<_>>();
    let pki = TestPki::new().client_named(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let upstream = Upstream::unix(Call::echo);
    let mut front = Front::start_with(&["--allow-san", "dns:gateway.example"], &pki, &upstream);
    refusal(&front, &pki).await.expect("refused");
    let line = front.running.wait_for_line("a client was refused");
    assert!(line.contains("…`, `h0.example`, `h1.example`, 38 more (SHA-256"), "{line}");
    assert!(line.len() < 600, "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_says_that_the_client_is_not_permitted() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let front = Front::start_with(&["--allow-san", "dns:gateway.example"], &pki, &upstream);
    let run = egext(["probe", &front.address(), "--no-gateway", "--no-policy"]).pki(&pki).json();
    assert_eq!(run.exit_code, 1, "{run:?}");
    let finding = &run.json["findings"][0];
    assert_eq!(finding["id"], "probe.client-cert.rejected");
    assert!(finding["message"].as_str().is_some_and(|words| words.ends_with("access denied")), "{finding:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_is_served() {
    let (pki, upstream) = (TestPki::new(), Upstream::unix(Call::echo));
    let mut front = Front::start(&pki, &upstream);
    front.running.wait_for_line("every client with a certificate of the CA is served");
    let mut front = Front::start_with(&["--allow-san", "dns:A.example,ip:::1"], &pki, &upstream);
    let line = front.running.wait_for_line("clients are served by their certificate");
    assert!(line.contains("dns:a.example, ip:::1"), "{line}");
}

#[test]
fn certificates_are_of_no_use_without_tls() {
    let plaintext = ["bridge", "--listen", "unix:e.sock", "--upstream", "tcp://127.0.0.1:1"];
    for (flag, value) in [("--allow-san", "dns:a.example"), ("--allow-fingerprint", &"0".repeat(64))] {
        let run = egext(plaintext).arg(flag).arg(value).run();
        assert_refused(&run, "callers have no certificates there");
        assert!(run.stderr.contains(flag), "{run:?}");
    }
    // A variable for another bridge.
    let mut running = egext(plaintext).env("EGEXT_ALLOW_SAN", "dns:a.example").start();
    running.wait_for_line("bridge is up");
    assert_eq!(running.terminate().0, 0);
}

//! Callers who do not speak HTTP/2, or speak it badly. The bridge lets them go and serves the others.

use egext_test_support::TestPki;
use http::{Method, Request, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::calls::noise;
use crate::fixture::{Bridge, Call, HOOK, Upstream, post, within_limit};

/// RFC 9113 section 3.4, and the empty SETTINGS frame after it.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn bridge() -> (Upstream, Bridge) {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    (upstream, bridge)
}

/// It serves as before, and nothing in it broke.
async fn assert_unharmed(bridge: Bridge) {
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_of_no_protocol_end_their_connection_only() {
    let (_upstream, bridge) = bridge().await;
    let preface = &GREETING[..24];
    for beginning in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a TLS hello that goes on and on and on",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        preface,
    ] {
        let mut stream = bridge.connect().await;
        stream.write_all(beginning).await.expect("sent");
        // The preface alone is no mistake yet. After another beginning, the bridge may have closed already.
        let _ = stream.write_all(&noise(4096)).await;
        let mut rest = Vec::new();
        // A reset is as good an end as any.
        let _ = within_limit(stream.read_to_end(&mut rest)).await;
    }
    assert_unharmed(bridge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_greeting_and_silence_hinder_nobody() {
    let (_upstream, bridge) = bridge().await;
    let mut silent = Vec::new();
    for length in 0..GREETING.len() {
        let mut stream = bridge.connect().await;
        stream.write_all(&GREETING[..length]).await.expect("sent");
        silent.push(stream);
    }
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    drop(silent);
    assert_unharmed(bridge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_chance_do_not_break_it() {
    let (_upstream, bridge) = bridge().await;
    let chance = noise(64 * 64);
    for octets in chance.chunks_exact(64) {
        let mut stream = bridge.connect().await;
        stream.write_all(GREETING).await.expect("sent");
        // A frame of each type on a few streams, with flags and a payload of chance.
        let (kind, flags, id) = (octets[0] % 11, octets[1], octets[2] % 6);
        let payload = &octets[3..3 + usize::from(octets[3] % 61)];
        let length = u8::try_from(payload.len()).expect("at most 60");
        let frame = [&[0, 0, length, kind, flags, 0, 0, 0, id][..], payload].concat();
        for _ in 0..3 {
            // It may have been closed already, which is right.
            let _ = stream.write_all(&frame).await;
        }
        let _ = stream.shutdown().await;
        let _ = within_limit(stream.read_to_end(&mut Vec::new())).await;
    }
    assert_unharmed(bridge).await;
}

/// Valid HTTP/2 that no gRPC client sends.
#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_answered_or_refused() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, |call: Call| async move {
        call.echo().await;
    })
    .await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let request = |method: Method, uri: &str| {
        Request::builder().method(method).uri(uri).version(Version::HTTP_2).body(()).expect("good")
    };
    for odd in [
        request(Method::CONNECT, "example.com:443"),
        request(Method::OPTIONS, "http://localhost/*"),
        request(Method::GET, "http://localhost/"),
        request(Method::HEAD, "http://localhost/"),
        request(Method::POST, "https://user@example.com:0/%00/../..//?#"),
        request(Method::from_bytes(b"SOMETHING").expect("a token"), "http://[::1]:1/x"),
    ] {
        let caller = bridge.caller().await;
        let mut pending = caller.begin(odd.clone()).await;
        // An answer or a reset, however soon it comes: no silence.
        let _ = pending.message.send_data(bytes::Bytes::new(), true);
        let _ = within_limit(pending.response).await;
        assert_eq!(bridge.caller().await.hook().await.code(), 0, "after {odd:?}");
    }
    assert_unharmed(bridge).await;
}

/// CVE-2023-44487: requests that are taken back as soon as they are sent.
#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_hinder_nobody() {
    let (_upstream, bridge) = bridge().await;
    let good = bridge.caller().await;
    for _ in 0..3 {
        let caller = bridge.caller().await;
        for _ in 0..500 {
            // Once the bridge has had enough, this connection is over.
            let Ok(mut pending) = caller.try_begin(post(HOOK)).await else { break };
            pending.message.send_reset(h2::Reason::CANCEL);
        }
        assert_eq!(good.hook().await.code(), 0);
    }
    assert_unharmed(bridge).await;
}

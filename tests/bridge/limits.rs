//! Limits that a user sets: how long a caller's connection lasts, and how much callers may use.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egext_test_support::TestPki;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use crate::fixture::raw::{
    END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PREFACE, literal, request_fields,
};
use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post, within_limit};
use crate::reload::{held, held_until};
use crate::tls_listener::Front;

/// Reads until the bridge has ended the connection: the codes of its GOAWAY frames.
async fn farewell(frames: &mut Frames) -> Vec<u32> {
    let mut codes = Vec::new();
    while let Some(frame) = within_limit(frames.read()).await {
        if frame.kind == GOAWAY {
            let (_last_stream, code) = frame.payload.split_first_chunk::<4>().expect("whole");
            codes.push(u32::from_be_bytes(code[..4].try_into().expect("four octets")));
        }
    }
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_ends_with_goaway_and_one_with_a_call_does_not() {
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::unix(held_until(&permits));
    let timeout = Duration::from_millis(200);
    let bridge = Bridge::plaintext(upstream.address()).flag("--idle-timeout", "200ms").start();
    let busy = bridge.caller().await;
    let call = busy.send(held(), "held").await;
    // Two that never make a call, one after the other: the one with a call outlasts them.
    for _ in 0..2 {
        let begin = Instant::now();
        let mut idle = Frames::client(bridge.connect().await).await;
        assert_eq!(farewell(&mut idle).await.last(), Some(&0), "NO_ERROR");
        assert!(begin.elapsed() >= timeout, "{:?}", begin.elapsed());
    }
    let begin = Instant::now();
    permits.add_permits(1);
    assert_eq!(within_limit(answer(call)).await.code(), 0);
    // Now it is idle as well, and gets its whole time.
    busy.ended().await;
    assert!(begin.elapsed() >= timeout, "{:?}", begin.elapsed());
    assert_eq!(upstream.connections(), 1, "the connection to the server has no such limit");
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
}

/// A caller that stands still: it has no call that the time to drain is for.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_call_that_does_not_read_goaway_is_not_waited_for() {
    let upstream = Upstream::unix(Call::echo);
    let flags = [("--idle-timeout", "100ms"), ("--drain-timeout", "1h")];
    let plan = Bridge::plaintext(upstream.address());
    let bridge = flags.iter().fold(plan, |plan, (flag, value)| plan.flag(flag, value)).start();
    let mut stream = bridge.connect().await;
    let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(&[PREFACE, &empty_settings].concat()).await.expect("sent");
    let mut octets = Vec::new();
    within_limit(stream.read_to_end(&mut octets)).await.expect("the bridge ends it");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_one_after_the_other_keep_a_connection() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).flag("--idle-timeout", "2s").start();
    let caller = bridge.caller().await;
    let begin = Instant::now();
    // Twice the time. A call is over long before the next look.
    while begin.elapsed() < Duration::from_secs(4) {
        assert_eq!(caller.hook().await.code(), 0);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    caller.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_idle_timeout_a_connection_stays() {
    let upstream = Upstream::unix(Call::echo);
    let never = Bridge::plaintext(upstream.address()).env("EGEXT_IDLE_TIMEOUT", "0s").start();
    let soon = Bridge::plaintext(upstream.address()).env("EGEXT_IDLE_TIMEOUT", "100ms").start();
    let stays = never.caller().await;
    for _ in 0..3 {
        soon.caller().await.ended().await;
    }
    assert_eq!(stays.hook().await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_ends_and_its_calls_finish() {
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::unix(held_until(&permits));
    let bridge = Bridge::plaintext(upstream.address()).flag("--max-connection-age", "300ms").start();
    let begin = Instant::now();
    let mut frames = Frames::client(bridge.connect().await).await;
    let caller = bridge.caller().await;
    let call = caller.send(held(), "held").await;
    assert_eq!(farewell(&mut frames).await.last(), Some(&0), "NO_ERROR");
    assert!(begin.elapsed() >= Duration::from_millis(270), "{:?}", begin.elapsed());
    // New calls are not taken on the old connection, and the one in progress is not cut.
    while let Ok(mut pending) = caller.try_begin(post(HOOK)).await {
        pending.message.send_data("".into(), true).expect("open");
        if within_limit(pending.response).await.is_err() {
            break;
        }
    }
    permits.add_permits(1);
    assert_eq!(within_limit(answer(call)).await.code(), 0);
    caller.ended().await;
    // A client comes back, and is served.
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
}

/// As C-core does: its acknowledgement of our PING overtakes calls that began before it had read GOAWAY.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_still_sends_can_read_the_last_goaway() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).flag("--max-connection-age", "100ms").start();
    let mut frames = Frames::client(bridge.connect().await).await;
    let mut last = None;
    while let Some(frame) = within_limit(frames.read()).await {
        last = (frame.kind == GOAWAY).then_some(frame.payload);
    }
    assert_eq!(last.as_deref(), Some(&[0; 8][..]), "no stream was processed, NO_ERROR");
    let block = request_fields(HOOK);
    let block = block.iter().flat_map(|(name, value)| literal(name.as_bytes(), value)).collect::<Vec<_>>();
    for id in [1, 3, 5] {
        frames.write(HEADERS, END_HEADERS | END_STREAM, id, &block).await;
    }
    assert!(frames.is_open().await, "the writes reach an open socket");
    // It is not waited for without end.
    within_limit(async { while frames.is_open().await {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_calls_on_a_connection_and_no_more() {
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::unix(held_until(&permits));
    let bridge = Bridge::plaintext(upstream.address()).env("EGEXT_MAX_CONCURRENT_STREAMS", "2").start();
    let mut frames = Frames::client(bridge.connect().await).await;
    let block = request_fields(HOOK)
        .iter()
        .chain(&[("x-held", &b"1"[..])])
        .flat_map(|(name, value)| literal(name.as_bytes(), value))
        .collect::<Vec<_>>();
    // The limit holds from our answer to its SETTINGS on.
    frames.ping().await;
    for id in [1, 3, 5] {
        frames.write(HEADERS, END_HEADERS | END_STREAM, id, &block).await;
    }
    let reset = frames.wait_for(RST_STREAM, 5).await;
    assert_eq!(reset.payload, [0, 0, 0, 7], "REFUSED_STREAM");
    permits.add_permits(2);
    let mut answered = BTreeSet::new();
    while answered.len() < 2 {
        let frame = within_limit(frames.read()).await.expect("the connection stands");
        if frame.kind == HEADERS {
            answered.insert(frame.id);
        }
    }
    assert_eq!(answered, BTreeSet::from([1, 3]));
    // With the other ones over there is room again.
    permits.add_permits(1);
    frames.write(HEADERS, END_HEADERS | END_STREAM, 7, &block).await;
    frames.wait_for(HEADERS, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_much_metadata_and_no_more() {
    let upstream = Upstream::unix(|call: Call| async {
        let mut call = call;
        let mut head = crate::fixture::grpc_head();
        let long =
            "v".repeat(call.request.headers()["x-length"].to_str().expect("text").parse().expect("a number"));
        head.headers_mut().insert("x-long", long.parse().expect("a value"));
        let mut body = call.respond.send_response(head, false).expect("open");
        // Fails if the bridge has refused the head.
        let _ = body.send_trailers(crate::fixture::status("0"));
    });
    let small = Bridge::plaintext(upstream.address()).flag("--max-metadata-size", "8KiB").start();
    let large = Bridge::plaintext(upstream.address()).flag("--max-metadata-size", "4MiB").start();
    let request = |own: usize, others: usize| {
        let mut request = post(HOOK);
        request.headers_mut().insert("x-own", "v".repeat(own).parse().expect("a value"));
        request.headers_mut().insert("x-length", others.into());
        request
    };
    for (bridge, limit) in [(&small, 8 << 10), (&large, 4 << 20)] {
        let caller = bridge.caller().await;
        for (own, others, code) in
            [(100, 100, 0), (limit, 100, 8), (100, limit, 8), (limit - 1000, limit - 1000, 0)]
        {
            // Two million bytes are more than the caller of the tests takes.
            if others > 1 << 20 {
                continue;
            }
            let answer = caller.call(request(own, others), "").await;
            assert_eq!(answer.code(), code, "{own} {others}: {:?}", answer.words());
            assert!(
                code == 0 || answer.words().contains(&format!("the limit of {limit}")),
                "{:?}",
                answer.words()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_for_a_handshake_is_the_time_for_http_2_as_well() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let limit = ["--handshake-timeout", "100ms"];
    let bridge = Bridge::plaintext(upstream.address()).flag(limit[0], limit[1]).start();
    // Its own SETTINGS may come first.
    within_limit(bridge.connect().await.read_to_end(&mut Vec::new())).await.expect("closed in good order");
    let mut front = Front::start_with(&limit, &pki, &upstream);
    within_limit(front.connect().await.read_to_end(&mut Vec::new())).await.expect("closed in good order");
    front.running.wait_for_line("TLS handshake failed");
    let mut secured = front.handshake(pki.client_config()).await.expect("let in");
    // How it ends is not asked.
    let _ = within_limit(secured.read_to_end(&mut Vec::new())).await;
}

/// RFC 9113 section 6.4.
const RST_STREAM: u8 = 3;

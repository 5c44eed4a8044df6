//! Peers that send frames which cost them nothing and ask for an answer, and do not read the answers. Memory stays where
//! it was, and others are served.

#![cfg(target_os = "linux")]

use std::future::pending;

use crate::fixture::raw::{
    CONTINUATION, END_STREAM, Frames, HEADERS, RawUpstream, block, frame, literal, request_fields,
};
use crate::fixture::{Bridge, Call, HOOK, Upstream, post};
use crate::memory::resident;

/// What is sent once, and what is sent again and again.
struct Flood {
    name: &'static str,
    first: Vec<u8>,
    again: Vec<u8>,
}

fn floods(head: &[u8]) -> Vec<Flood> {
    let flood = |name, again: Vec<u8>| Flood { name, first: Vec::new(), again };
    let unfinished = |name, again| Flood { name, first: frame(HEADERS, END_STREAM, 1, head), again };
    vec![
        flood("PING", frame(PING, 0, 0, b"12345678")),
        flood("PING that was never sent", frame(PING, 1, 0, b"12345678")),
        flood("empty SETTINGS", frame(SETTINGS, 0, 0, &[])),
        // The initial window, up and down.
        flood(
            "SETTINGS",
            [frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]), frame(SETTINGS, 0, 0, &[0, 4, 0, 2, 0, 0])].concat(),
        ),
        flood("PRIORITY", frame(2, 0, 1, &[0, 0, 0, 3, 1])),
        flood("unknown frames", frame(0x20, 0, 0, &[0; 1024])),
        unfinished("empty CONTINUATION", frame(CONTINUATION, 0, 1, &[])),
        unfinished("CONTINUATION", frame(CONTINUATION, 0, 1, &literal(b"x-flood", &[b'x'; 8192]))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_floods_costs_no_memory_and_no_call_of_others() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let good = bridge.caller().await;
    assert_eq!(good.hook().await.code(), 0);
    let head = block(&request_fields(HOOK));
    let mut open = Vec::new();
    for flood in floods(&head) {
        let before = resident(&bridge.running);
        let mut frames = Frames::client(bridge.connect().await).await;
        frames.flood(&flood.first, &flood.again, MOST).await;
        let grown = resident(&bridge.running).saturating_sub(before);
        assert!(grown < ROOM, "{}: {grown} KiB more", flood.name);
        assert_eq!(good.hook().await.code(), 0, "{}", flood.name);
        open.push(frames);
    }
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(log.lines().count() < 20, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_floods_costs_no_memory_and_its_calls_end() {
    let head = literal(b":status", b"200");
    for Flood { name, first, again } in floods(&head) {
        let upstream = RawUpstream::start(move |mut frames| {
            let (first, again) = (first.clone(), again.clone());
            async move {
                // The call has begun.
                frames.wait_for(HEADERS, 1).await;
                frames.flood(&first, &again, MOST).await;
                pending::<()>().await;
            }
        });
        let bridge = Bridge::plaintext(&upstream.address()).start();
        let caller = bridge.caller().await;
        let before = resident(&bridge.running);
        let mut call = post(HOOK);
        call.headers_mut().insert("grpc-timeout", "500m".parse().expect("a value"));
        let answer = caller.call(call, "hook").await;
        // Its time has passed, or the bridge has ended the connection.
        assert!([4, 13, 14].contains(&answer.code()), "{name}: {answer:?}");
        let grown = resident(&bridge.running).saturating_sub(before);
        assert!(grown < ROOM, "{name}: {grown} KiB more");
        let (code, log) = bridge.running.terminate();
        assert_eq!(code, 0, "{name}: {log}");
    }
}

const SETTINGS: u8 = 4;
const PING: u8 = 6;

/// Bytes of one flood, if the other side takes them.
const MOST: usize = 4 << 20;

/// In KiB. Without a bound each flood would cost more than it sends: an answer for each frame.
const ROOM: usize = 12 << 10;

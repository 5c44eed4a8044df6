//! Calls that the server has not processed are sent again, and no others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderValue, Request};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Code;

use crate::calls::noise;
use crate::fixture::raw::{GOAWAY, HEADERS, RawUpstream};
use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post, read, within_limit};

/// Calls that name how often they want to be refused.
fn refused(times: usize) -> Request<()> {
    let mut request = post(HOOK);
    request.headers_mut().insert("x-refuse", HeaderValue::from(times));
    request
}

/// Refuses each connection's calls as often as they ask for it, after it has read so much of their message.
fn refusing(after: usize) -> (Upstream, watch::Receiver<usize>) {
    let (counted, tries) = watch::channel(0);
    let counted = Arc::new(counted);
    let upstream = Upstream::unix(move |mut call: Call| {
        let counted = Arc::clone(&counted);
        async move {
            let wanted = call.request.headers()["x-refuse"].to_str().expect("ASCII").parse::<usize>();
            let body = call.request.body_mut();
            let mut received = 0;
            while received < after {
                let octets = within_limit(body.data()).await.expect("more").expect("whole");
                body.flow_control().release_capacity(octets.len()).expect("received");
                received += octets.len();
            }
            let mut before = 0;
            counted.send_modify(|tries| {
                before = *tries;
                *tries += 1;
            });
            match before < wanted.expect("a number") {
                true => call.respond.send_reset(Reason::REFUSED_STREAM),
                false => call.echo().await,
            }
        }
    });
    (upstream, tries)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_refused_is_sent_again() {
    for (times, length) in [(1, 0), (1, 10), (3, 10), (1, 100_000), (2, 250_000)] {
        let (upstream, tries) = refusing(0);
        let bridge = Bridge::plaintext(upstream.address()).flag("--connect-wait", "20s").start();
        let message = noise(length);
        let answer = bridge.caller().await.call(refused(times), message.clone()).await;
        assert_eq!(answer.code(), 0, "{times} times, {length} octets: {:?}", answer.words());
        assert!(answer.message == message, "the message changed on the way");
        assert_eq!(*tries.borrow(), times + 1);
        assert_eq!(upstream.connections(), 1);
    }
}

/// Also what the caller sent before the refusal, and what it sends after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_refused_in_the_middle_is_sent_again() {
    let (upstream, mut tries) = refusing(4);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let mut call = bridge.caller().await.begin(refused(1)).await;
    call.message.send_data(Bytes::from_static(b"one, "), false).expect("open");
    within_limit(tries.wait_for(|tries| *tries > 0)).await.expect("the server counts");
    call.message.send_data(Bytes::from_static(b"two"), true).expect("open");
    let answer = answer(call.response).await;
    assert_eq!(answer.code(), 0, "{answer:?}");
    // The second time it is the server that has read the beginning before it echoes the rest.
    assert!("one, two".as_bytes().ends_with(&answer.message), "{answer:?}");
    assert_eq!(*tries.borrow(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_not_sent_again_without_all_of_its_message() {
    let (upstream, tries) = refusing(300_000);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let answer = bridge.caller().await.call(refused(1), noise(400_000)).await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    assert!(answer.words().contains("too much of its message was sent already"), "{answer:?}");
    assert_eq!(*tries.borrow(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_without_end_is_neither_hammered_nor_waited_for_without_end() {
    let (upstream, tries) = refusing(0);
    let bridge = Bridge::plaintext(upstream.address()).flag("--connect-wait", "2s").start();
    let answer = bridge.caller().await.call(refused(1_000_000), "message").await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    assert!(answer.words().contains("the extension server reset the call"), "{answer:?}");
    assert!(answer.took >= Duration::from_secs(2), "{:?}", answer.took);
    let tries = *tries.borrow();
    assert!((2..=20).contains(&tries), "{tries} tries");
}

/// A server may have done what it was asked for, and failed afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_have_been_processed_is_not_sent_again() {
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::ENHANCE_YOUR_CALM] {
        let upstream = Upstream::unix(move |mut call: Call| async move {
            read(call.request.body_mut()).await;
            call.respond.send_reset(reason);
        });
        let bridge = Bridge::plaintext(upstream.address()).start();
        assert_ne!(bridge.caller().await.hook().await.code(), 0);
        assert_eq!(upstream.calls(), 1, "{reason:?}");
    }
}

/// A server that changes connections often, as grpc-go does with a short `MaxConnectionAge`: each connection takes ten
/// calls, and what arrives after them was not processed.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cross_a_goaway_are_sent_again() {
    let processed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&processed);
    let upstream = RawUpstream::start(move |mut frames| {
        let processed = Arc::clone(&counted);
        async move {
            let mut taken = 0;
            while let Some(frame) = frames.read().await {
                if frame.kind != HEADERS {
                    continue;
                }
                taken += 1;
                match taken {
                    ..10 => frames.answer(frame.id, b"\0\0\0\0\0").await,
                    10 => {
                        // NO_ERROR, and the last call that it processes.
                        let last = [&frame.id.to_be_bytes()[..], &[0; 4]].concat();
                        frames.write(GOAWAY, 0, 0, &last).await;
                        frames.answer(frame.id, b"\0\0\0\0\0").await;
                    }
                    _ => continue,
                }
                processed.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let bridge = Bridge::plaintext(&upstream.address()).flag("--connect-wait", "20s").start();
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let caller = bridge.caller().await;
        callers.spawn(async move {
            for _ in 0..25 {
                let answer = caller.hook().await;
                assert_eq!(answer.code(), 0, "{answer:?}");
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.expect("no call failed");
    }
    assert_eq!(processed.load(Ordering::SeqCst), 200, "each call was processed once");
}

/// grpc-go says GOAWAY twice when a connection is too old, and why the second time. Servers choose the words.
#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_goaway_is_logged_and_told() {
    let upstream = RawUpstream::start(|mut frames| async move {
        while let Some(frame) = frames.read().await {
            if frame.kind != HEADERS {
                continue;
            }
            let last = &frame.id.to_be_bytes()[..];
            frames.write(GOAWAY, 0, 0, &[&[0x7f, 0xff, 0xff, 0xff][..], &[0; 4]].concat()).await;
            frames.write(GOAWAY, 0, 0, &[last, &[0, 0, 0, 11], b"too_many_pings\x1b[2J"].concat()).await;
            // The call was taken, and is cut with the connection.
            return frames.end().await;
        }
    });
    let mut bridge = Bridge::plaintext(&upstream.address()).start();
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    let line = bridge.running.wait_for_line("connection ended");
    for text in [answer.words(), line] {
        assert!(text.contains("GOAWAY ENHANCE_YOUR_CALM: too_many_pings"), "{text}");
        assert!(!text.contains('\x1b') && text.contains("u{1b}[2J"), "{text}");
    }
}

/// The call notices the end of a connection before the bridge has said why it ended. However long that connection was
/// good, the call waits for the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_goaway_after_a_long_time_fails_no_call() {
    let connections = Arc::new(AtomicUsize::new(0));
    let upstream = RawUpstream::start(move |mut frames| {
        let is_first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            while let Some(frame) = frames.read().await {
                if frame.kind != HEADERS {
                    continue;
                }
                match is_first {
                    // NO_ERROR, and no call was processed.
                    true => frames.write(GOAWAY, 0, 0, &[0; 8]).await,
                    false => frames.answer(frame.id, b"\0\0\0\0\0").await,
                }
            }
        }
    });
    let wait = Duration::from_secs(2);
    let mut bridge = Bridge::plaintext(&upstream.address()).flag("--connect-wait", "2s").start();
    bridge.running.wait_for_line("connected");
    tokio::time::sleep(wait + Duration::from_millis(200)).await;
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.code(), 0, "{answer:?}");
}

//! Peers that do not read, and calls that are given up before they could begin.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::HeaderValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use super::raw::{Answer, LAST, Writer, answers, frame, frames, setting};
use super::{LIMITS, request, response};
use crate::http2::client::{self, Requests};
use crate::http2::frame::{ACK, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS};
use crate::http2::{Limits, RequestHead, server};

/// A client whose task is driven, and its peer.
fn driven(room: usize) -> (Requests, DuplexStream, JoinSet<()>) {
    let (peer, stream) = duplex(room);
    let (requests, mut connection) = client::begin(stream, LIMITS);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { poll_fn(|context| connection.poll(context)).await });
    (requests, peer, tasks)
}

fn large(length: usize) -> RequestHead {
    let mut head = request();
    let value = HeaderValue::from_bytes(&vec![b'a'; length]).expect("a value");
    head.fields.push("x-large".parse().expect("a name"), value);
    head
}

/// Lets the other tasks do what they can do.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// The streams of frames of this kind, and the first number in them.
fn frames_of(kind: u8, octets: &[u8]) -> Vec<(u32, u32)> {
    let number = |payload: &[u8]| payload.first_chunk().map_or(0, |number| u32::from_be_bytes(*number));
    let wanted = frames(octets).filter(|(head, _)| head.kind == kind);
    wanted.map(|(head, payload)| (head.stream, number(payload))).collect()
}

/// Reading pauses while too many answers wait, and goes on when they have been written, without anything new to wake it.
#[tokio::test]
async fn reading_goes_on_when_the_answers_are_written() {
    let (_requests, mut peer, _tasks) = driven(8 << 20);
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(90_000);
    let all = [&frame(SETTINGS, 0, 0, &[])[..], &pings, &frame(PING, 0, 0, LAST)].concat();
    peer.write_all(&all).await.expect("room");
    let mut preface = [0; PREFACE.len()];
    peer.read_exact(&mut preface).await.expect("the preface");
    let answered = timeout(Duration::from_secs(10), answers(&mut peer)).await;
    assert_eq!(answered.expect("an answer to the last one"), []);
}

#[tokio::test]
async fn calls_that_are_given_up_before_they_begin_leave_nothing() {
    let (requests, mut peer, _tasks) = driven(1 << 20);
    peer.write_all(&setting(3, 0)).await.expect("room");
    settle().await;
    let mark = Arc::new(());
    for _ in 0..10 {
        let mut head = request();
        let value = Bytes::from_owner(Marked(vec![b'a'; 100], Arc::clone(&mark)));
        head.fields.push(
            "x-large".parse().expect("a name"),
            HeaderValue::from_maybe_shared(value).expect("a value"),
        );
        drop(requests.begin(&head, true).expect("a call"));
    }
    assert_eq!(Arc::strong_count(&mark), 1, "heads of calls that nobody has any more");
}

struct Marked(Vec<u8>, #[expect(dead_code, reason = "it is counted")] Arc<()>);

impl AsRef<[u8]> for Marked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[tokio::test]
async fn heads_for_a_server_that_does_not_read_do_not_pile_up() {
    let (requests, mut peer, tasks) = driven(4 << 10);
    peer.write_all(&frame(SETTINGS, 0, 0, &[])).await.expect("room");
    settle().await;
    for _ in 0..30 {
        // Given up a moment later, by its limit or by its caller.
        let call = requests.begin(&large(900_000), true).expect("a call");
        yield_now().await;
        drop(call);
    }
    drop((requests, tasks));
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).await.expect("the end");
    assert!(rest.len() < 2 << 20, "{} bytes", rest.len());
}

/// Neither side reads while it has much to say.
#[tokio::test]
async fn two_ends_do_not_wait_for_each_other() {
    const CALLS: u32 = 1000;
    let limits = Limits { concurrent_streams: CALLS, ..LIMITS };
    let (near, far) = duplex(64 << 10);
    let (requests, mut connection) = client::begin(near, limits);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { poll_fn(|context| connection.poll(context)).await });
    tasks.spawn(async move {
        let mut connection = server::begin(far, limits).await.expect("a preface");
        while let Some(Ok((_, _from, mut to))) = poll_fn(|context| connection.poll_accept(context)).await {
            let mut head = response();
            head.fields.push("x-large".parse().expect("a name"), HeaderValue::from_static(LARGE));
            to.send_response(&head, true).expect("a caller");
        }
    });
    let calls: Vec<_> = (0..CALLS).map(|_| requests.begin(&large(3_000), true).expect("a call")).collect();
    for (mut from, _to) in calls {
        let answer = timeout(Duration::from_secs(10), poll_fn(|context| from.poll_head(context))).await;
        assert!(answer.expect("an answer in time").is_ok());
    }
}

const LARGE: &str = match str::from_utf8(&[b'b'; 3_000]) {
    Ok(large) => large,
    Err(_) => "",
};

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_the_last_words_is_given_up() {
    let (mut peer, stream) = duplex(16 << 10);
    peer.write_all(&[&PREFACE[..], &frame(SETTINGS, 0, 0, &[])].concat()).await.expect("room");
    let mut connection = server::begin(stream, LIMITS).await.expect("a preface");
    let flood = [frame(PING, 0, 0, &[0; 8]).repeat(2_000), frame(SETTINGS, 0, 1, &[])].concat();
    let serving = poll_fn(|context| connection.poll_accept(context));
    let flooding = async {
        peer.write_all(&flood).await.expect("room");
        std::future::pending::<()>().await;
    };
    let ended = timeout(Duration::from_secs(60), async {
        tokio::select! {
            ended = serving => ended.is_some_and(|call| call.is_err()),
            () = flooding => false,
        }
    });
    assert_eq!(ended.await, Ok(true));
}

/// A stream that we have not begun is idle for the server, too.
#[tokio::test]
async fn a_server_cannot_reset_what_it_has_not_heard_of() {
    let (requests, mut peer, _tasks) = driven(1 << 20);
    peer.write_all(&setting(3, 0)).await.expect("room");
    settle().await;
    let _call = requests.begin(&request(), true).expect("a call");
    peer.write_all(&frame(RST_STREAM, 0, 1, &[0; 4])).await.expect("room");
    let mut preface = [0; PREFACE.len()];
    peer.read_exact(&mut preface).await.expect("the preface");
    assert_eq!(answers(&mut peer).await, [Answer::Ended(Reason::PROTOCOL_ERROR)]);
}

#[tokio::test]
async fn calls_wait_for_room_in_their_order() {
    let (requests, mut peer, _tasks) = driven(1 << 20);
    peer.write_all(&setting(3, 1)).await.expect("room");
    settle().await;
    let mut calls: Vec<_> = (0..4).map(|_| requests.begin(&request(), true).expect("a call")).collect();
    // The second one does not wait any longer.
    drop(calls.remove(1));
    let mut writer = Writer::new();
    for stream in [1, 5, 7] {
        writer = writer.response(stream, END_STREAM);
        peer.write_all(&std::mem::take(&mut writer.frames)).await.expect("room");
        let (mut from, to) = calls.remove(0);
        assert!(poll_fn(|context| from.poll_head(context)).await.is_ok());
        drop((from, to));
    }
    drop((requests, calls));
    let mut said = Vec::new();
    peer.read_to_end(&mut said).await.expect("the end");
    let begun: Vec<_> =
        frames_of(HEADERS, &said[PREFACE.len()..]).into_iter().map(|(stream, _)| stream).collect();
    assert_eq!(begun, [1, 5, 7]);
}

/// What came after the last stream was not looked at, and a later fault does not change that (section 6.8).
#[tokio::test]
async fn the_last_stream_of_goaway_does_not_grow() {
    let (mut peer, stream) = duplex(1 << 20);
    let mut writer = Writer::new().then(PREFACE).then(&frame(SETTINGS, 0, 0, &[])).request(1, 0);
    peer.write_all(&std::mem::take(&mut writer.frames)).await.expect("room");
    let mut connection = server::begin(stream, LIMITS).await.expect("a preface");
    let call = poll_fn(|context| connection.poll_accept(context)).await;
    assert!(matches!(call, Some(Ok(_))));
    connection.leave();
    let writer = writer.then(&frame(PING, ACK, 0, b"egext go")).request(3, END_STREAM);
    peer.write_all(&writer.then(&frame(PING, 0, 1, &[0; 8])).frames).await.expect("room");
    let ended = poll_fn(|context| connection.poll_accept(context)).await;
    assert!(matches!(ended, Some(Err(_))));
    drop(connection);
    let mut said = Vec::new();
    peer.read_to_end(&mut said).await.expect("the end");
    let last: Vec<_> = frames_of(GOAWAY, &said).into_iter().map(|(_, last)| last).collect();
    assert_eq!(last, [(1 << 31) - 1, 1, 1]);
}

/// Windows of streams that have begun move with what SETTINGS says, also below zero.
#[tokio::test]
async fn windows_move_with_the_settings() {
    let (requests, mut peer, _tasks) = driven(1 << 20);
    peer.write_all(&setting(4, 10)).await.expect("room");
    settle().await;
    let (_from, mut to) = requests.begin(&request(), false).expect("a call");
    assert_eq!(poll_fn(|context| to.poll_room(context, 100)).await.ok(), Some(10));
    to.send_data(vec![0; 10].into(), false).expect("room");
    for (window, room) in [(5, None), (10, None), (12, Some(2)), (0, None), (110, Some(100))] {
        peer.write_all(&setting(4, window)).await.expect("room");
        settle().await;
        let found = poll_fn(|context| Poll::Ready(to.poll_room(context, 100))).await;
        let found = match found {
            Poll::Ready(found) => found.ok(),
            Poll::Pending => None,
        };
        assert_eq!(found, room, "{window}");
    }
}

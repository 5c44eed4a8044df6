//! Frames that are written by hand, and what the other side makes of them.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex};
use tokio::time::timeout;

use super::{LIMITS, request, response};
use crate::http2::frame::{
    ACK, DATA, END_HEADERS, END_STREAM, FRAME_HEADER, GOAWAY, HEADERS, Head, PING, PREFACE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE,
};
use crate::http2::hpack::{Encoder, Storing};
use crate::http2::{client, message, server};

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    [&Head::new(payload.len(), kind, flags, stream).octets()[..], payload].concat()
}

pub(super) fn setting(name: u8, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&[0, name][..], &value.to_be_bytes()].concat())
}

/// What one side writes, and needs a table for.
#[derive(Debug)]
pub(super) struct Writer {
    encoder: Encoder,
    pub(super) frames: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { encoder: Encoder::new(), frames: Vec::new() }
    }

    pub(super) fn then(mut self, frames: &[u8]) -> Self {
        self.frames.extend_from_slice(frames);
        self
    }

    pub(super) fn request(self, stream: u32, flags: u8) -> Self {
        self.headers(stream, flags, |encoder, out| message::request(encoder, &request(), out))
    }

    pub(super) fn response(self, stream: u32, flags: u8) -> Self {
        self.headers(stream, flags, |encoder, out| message::response(encoder, &response(), out))
    }

    /// A request of these fields alone.
    pub(super) fn fields(self, stream: u32, flags: u8, fields: &[(&str, &str)]) -> Self {
        self.headers(stream, flags, |encoder, out| {
            for (name, value) in fields {
                encoder.field(name, value.as_bytes(), Storing::No, out);
            }
        })
    }

    fn headers(mut self, stream: u32, flags: u8, write: impl FnOnce(&mut Encoder, &mut Vec<u8>)) -> Self {
        let mut block = Vec::new();
        write(&mut self.encoder, &mut block);
        let headers = frame(HEADERS, flags | END_HEADERS, stream, &block);
        self.then(&headers)
    }
}

/// What the other side makes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// The connection ends (GOAWAY).
    Ended(Reason),
    /// The stream ends (RST_STREAM).
    Reset(u32, Reason),
    Nothing,
}

/// Reads until there is GOAWAY with an error, or the answer to a PING that was sent last.
pub(super) async fn answers(peer: &mut DuplexStream) -> Vec<Answer> {
    let mut answers = Vec::new();
    loop {
        let mut head = [0; FRAME_HEADER];
        if peer.read_exact(&mut head).await.is_err() {
            return answers;
        }
        let head = Head::read(&head).expect("whole");
        let mut payload = vec![0; head.length];
        peer.read_exact(&mut payload).await.expect("a whole frame");
        let code = |at: usize| {
            let code = payload[at..at + 4].try_into().expect("four bytes");
            Reason::from(u32::from_be_bytes(code))
        };
        match head.kind {
            GOAWAY => answers.push(Answer::Ended(code(4))),
            RST_STREAM => answers.push(Answer::Reset(head.stream, code(0))),
            PING if head.has(ACK) && payload == LAST => return answers,
            _ => {}
        }
    }
}

pub(super) const LAST: &[u8; 8] = b"the last";

/// What a server, which takes calls and answers none, makes of these frames.
pub(super) async fn server_makes(frames: Writer) -> Vec<Answer> {
    let (mut peer, stream) = duplex(1 << 20);
    let all = [&PREFACE[..], &frame(SETTINGS, 0, 0, &[]), &frames.frames, &frame(PING, 0, 0, LAST)].concat();
    peer.write_all(&all).await.expect("room");
    let serving = async {
        let mut connection = server::begin(stream, LIMITS).await.expect("a preface");
        let mut calls = Vec::new();
        while let Some(Ok(call)) = poll_fn(|context| connection.poll_accept(context)).await {
            calls.push(call);
        }
    };
    let answers = async {
        let answers = timeout(Duration::from_secs(10), answers(&mut peer)).await.expect("an answer in time");
        drop(peer);
        answers
    };
    tokio::join!(serving, answers).1
}

/// The same for a client with one call, of stream 1.
pub(super) async fn client_makes(frames: Writer) -> Vec<Answer> {
    let (mut peer, stream) = duplex(1 << 20);
    let all = [&frame(SETTINGS, 0, 0, &[]), &frames.frames, &frame(PING, 0, 0, LAST)[..]].concat();
    let (requests, mut connection) = client::begin(stream, LIMITS);
    let _call = requests.begin(&request(), false).expect("a call");
    let driving = poll_fn(|context| connection.poll(context));
    let answers = async {
        let mut preface = [0; PREFACE.len()];
        peer.read_exact(&mut preface).await.expect("the preface");
        peer.write_all(&all).await.expect("room");
        let answers = timeout(Duration::from_secs(10), answers(&mut peer)).await.expect("an answer in time");
        drop(peer);
        answers
    };
    tokio::join!(driving, answers).1
}

/// A server that holds back what it says first, and what comes from it before it has done anything else.
async fn held(
    frames: Writer,
) -> (server::Connection<DuplexStream>, Vec<server::Call>, DuplexStream, Vec<u8>) {
    let (mut peer, stream) = duplex(1 << 20);
    let all = [&PREFACE[..], &frame(SETTINGS, 0, 0, &[]), &frames.frames].concat();
    peer.write_all(&all).await.expect("room");
    let mut connection = server::begin(stream, LIMITS).await.expect("a preface");
    connection.hold_back();
    let calls = turn(&mut connection).await;
    let said = so_far(&mut peer);
    (connection, calls, peer, said)
}

/// What a server does at one time.
async fn turn(connection: &mut server::Connection<DuplexStream>) -> Vec<server::Call> {
    let mut calls = Vec::new();
    poll_fn(|context| {
        while let Poll::Ready(call) = connection.poll_accept(context) {
            calls.push(call.expect("it goes on").expect("no error"));
        }
        Poll::Ready(())
    })
    .await;
    calls
}

/// What has come from the other side.
fn so_far(peer: &mut DuplexStream) -> Vec<u8> {
    let mut room = [0; 1000];
    let mut read = ReadBuf::new(&mut room);
    match Pin::new(peer).poll_read(&mut Context::from_waker(Waker::noop()), &mut read) {
        Poll::Ready(Ok(())) => read.filled().to_vec(),
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => Vec::new(),
    }
}

#[tokio::test]
async fn what_is_said_first_comes_with_the_first_answer() {
    let (mut connection, mut calls, mut peer, said) = held(Writer::new().request(1, END_STREAM)).await;
    assert!(connection.holds_back() && said.is_empty(), "{said:?}");
    let (_, _, mut to) = calls.remove(0);
    to.send_response(&response(), false).expect("a caller");
    turn(&mut connection).await;
    assert!(connection.holds_back() && so_far(&mut peer).is_empty(), "a head is no answer");
    to.send_data(Bytes::from_static(b"an answer"), true).expect("a caller");
    assert!(!connection.holds_back());
    turn(&mut connection).await;
    assert_eq!(kinds(&so_far(&mut peer)), [SETTINGS, WINDOW_UPDATE, SETTINGS, HEADERS, DATA]);
}

#[tokio::test]
async fn what_is_said_first_does_not_wait_if_it_is_needed() {
    for (frames, expected) in [
        (Writer::new(), &[SETTINGS, WINDOW_UPDATE, SETTINGS][..]),
        (Writer::new().request(1, 0), &[SETTINGS, WINDOW_UPDATE, SETTINGS]),
        (Writer::new().request(1, END_STREAM).request(3, 0), &[SETTINGS, WINDOW_UPDATE, SETTINGS]),
        (
            Writer::new().request(1, END_STREAM).then(&frame(PING, 0, 0, LAST)),
            &[SETTINGS, WINDOW_UPDATE, SETTINGS, PING],
        ),
    ] {
        let shown = format!("{frames:?}");
        let (connection, _calls, _peer, said) = held(frames).await;
        assert_eq!(kinds(&said), expected, "{shown}");
        assert!(!connection.holds_back(), "{shown}");
    }
}

#[tokio::test]
async fn what_is_said_first_waits_no_longer_than_it_should() {
    let (mut connection, _calls, mut peer, said) = held(Writer::new().request(1, END_STREAM)).await;
    assert!(said.is_empty(), "{said:?}");
    connection.speak();
    turn(&mut connection).await;
    assert_eq!(kinds(&so_far(&mut peer)), [SETTINGS, WINDOW_UPDATE, SETTINGS]);
    // From then on nothing waits.
    let rest = Writer::new().request(3, END_STREAM).then(&frame(PING, 0, 0, LAST));
    peer.write_all(&rest.frames).await.expect("room");
    turn(&mut connection).await;
    assert_eq!(kinds(&so_far(&mut peer)), [PING]);
}

fn kinds(octets: &[u8]) -> Vec<u8> {
    frames(octets).map(|(head, _)| head.kind).collect()
}

/// Whole frames, one behind the other.
pub(super) fn frames(mut octets: &[u8]) -> impl Iterator<Item = (Head, &[u8])> {
    std::iter::from_fn(move || {
        let head = Head::read(octets)?;
        let (frame, rest) = octets.split_at(FRAME_HEADER + head.length);
        octets = rest;
        Some((head, &frame[FRAME_HEADER..]))
    })
}

//! The rules of RFC 9113, and what their breach costs.

use std::future::poll_fn;

use h2::Reason;
use tokio::io::{AsyncWriteExt as _, duplex};

use super::LIMITS;
use super::raw::{Answer, Writer, answers, client_makes, frame, server_makes, setting};
use crate::http2::frame::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY_FRAME,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use crate::http2::server;

const CALL: [(&str, &str); 3] = [(":method", "POST"), (":scheme", "http"), (":path", "/a/b")];

fn open(stream: u32) -> Writer {
    Writer::new().request(stream, 0)
}

#[tokio::test]
async fn the_first_frame_is_settings() {
    for first in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, ACK, 0, &[])] {
        let (mut peer, stream) = duplex(1 << 20);
        peer.write_all(&[&PREFACE[..], &first].concat()).await.expect("room");
        let mut connection = server::begin(stream, LIMITS).await.expect("a preface");
        let ended = poll_fn(|context| connection.poll_accept(context)).await;
        assert!(matches!(ended, Some(Err(_))), "{ended:?}");
        assert_eq!(answers(&mut peer).await, [Answer::Ended(Reason::PROTOCOL_ERROR)]);
    }
}

/// The rules of RFC 9113 whose breach costs a connection or a stream, each with its section.
#[tokio::test]
async fn a_server_holds_a_client_to_the_rules() {
    use Answer::{Ended, Nothing, Reset};
    let call_and = |more: &[(&'static str, &'static str)]| {
        let all: Vec<_> = CALL.into_iter().chain(more.iter().copied()).collect();
        Writer::new().fields(1, END_STREAM, &all)
    };
    let too_large = [0_u8; LIMITS.frame_size as usize + 1];
    let cases = [
        (
            "4.2 a frame is too large",
            open(1).then(&frame(DATA, 0, 1, &too_large)),
            Ended(Reason::FRAME_SIZE_ERROR),
        ),
        (
            "4.3 no HPACK",
            Writer::new().then(&frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff")),
            Ended(Reason::COMPRESSION_ERROR),
        ),
        (
            "5.1 DATA without a stream",
            Writer::new().then(&frame(DATA, 0, 1, b"x")),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "5.1 WINDOW_UPDATE without a stream",
            Writer::new().then(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "5.1 RST_STREAM without a stream",
            Writer::new().then(&frame(RST_STREAM, 0, 1, &[0; 4])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "5.1 DATA behind the end",
            Writer::new().request(1, END_STREAM).then(&frame(DATA, 0, 1, b"x")),
            Reset(1, Reason::STREAM_CLOSED),
        ),
        ("5.1.1 an even stream", Writer::new().request(2, 0), Ended(Reason::PROTOCOL_ERROR)),
        ("5.1.1 an older stream", open(3).request(1, 0), Ended(Reason::PROTOCOL_ERROR)),
        (
            "5.1 DATA behind the sender's reset",
            open(1).then(&frame(RST_STREAM, 0, 1, &[0; 4])).then(&frame(DATA, 0, 1, b"x")),
            Reset(1, Reason::STREAM_CLOSED),
        ),
        (
            "5.1.2 too many streams",
            open(1).request(3, 0).request(5, 0).request(7, 0),
            Reset(7, Reason::REFUSED_STREAM),
        ),
        (
            "6.1 DATA for the connection",
            Writer::new().then(&frame(DATA, 0, 0, b"x")),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.1 too much padding",
            open(1).then(&frame(DATA, PADDED, 1, &[9, 0])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.2 too much padding",
            Writer::new().then(&frame(HEADERS, PADDED | END_HEADERS, 1, &[9, 0])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        ("6.2 a block of stream 0", Writer::new().request(0, 0), Ended(Reason::PROTOCOL_ERROR)),
        (
            "6.2 no end of a block",
            Writer::new().then(&frame(HEADERS, 0, 1, b"")).then(&frame(PRIORITY_FRAME, 0, 1, &[0; 5])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        ("6.3 PRIORITY", open(1).then(&frame(PRIORITY_FRAME, 0, 1, &[0; 5])), Nothing),
        (
            "6.3 PRIORITY of another length",
            open(1).then(&frame(PRIORITY_FRAME, 0, 1, &[0; 4])),
            Reset(1, Reason::FRAME_SIZE_ERROR),
        ),
        (
            "6.4 RST_STREAM of another length",
            open(1).then(&frame(RST_STREAM, 0, 1, &[0; 3])),
            Ended(Reason::FRAME_SIZE_ERROR),
        ),
        (
            "6.5 SETTINGS of a stream",
            Writer::new().then(&frame(SETTINGS, 0, 1, &[])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.5 SETTINGS of another length",
            Writer::new().then(&frame(SETTINGS, 0, 0, &[0; 5])),
            Ended(Reason::FRAME_SIZE_ERROR),
        ),
        (
            "6.5 an acknowledgement with settings",
            Writer::new().then(&frame(SETTINGS, ACK, 0, &[0; 6])),
            Ended(Reason::FRAME_SIZE_ERROR),
        ),
        (
            "6.5.2 push is neither on nor off",
            Writer::new().then(&setting(2, 2)),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.5.2 too large a window",
            Writer::new().then(&setting(4, 1 << 31)),
            Ended(Reason::FLOW_CONTROL_ERROR),
        ),
        ("6.5.2 too small a frame", Writer::new().then(&setting(5, 16_383)), Ended(Reason::PROTOCOL_ERROR)),
        ("6.5.2 an unknown setting", Writer::new().then(&setting(99, 7)), Nothing),
        (
            "6.6 PUSH_PROMISE",
            open(1).then(&frame(PUSH_PROMISE, 4, 1, &[0, 0, 0, 2])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.7 PING of another length",
            Writer::new().then(&frame(PING, 0, 0, &[0; 7])),
            Ended(Reason::FRAME_SIZE_ERROR),
        ),
        ("6.7 PING of a stream", open(1).then(&frame(PING, 0, 1, &[0; 8])), Ended(Reason::PROTOCOL_ERROR)),
        (
            "6.8 GOAWAY of a stream",
            open(1).then(&frame(GOAWAY, 0, 1, &[0; 8])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.8 GOAWAY that is too short",
            Writer::new().then(&frame(GOAWAY, 0, 0, &[0; 7])),
            Ended(Reason::FRAME_SIZE_ERROR),
        ),
        (
            "6.9 no increment",
            open(1).then(&frame(WINDOW_UPDATE, 0, 1, &[0; 4])),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "6.9 no increment of the connection",
            Writer::new().then(&frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.9 WINDOW_UPDATE of another length",
            open(1).then(&frame(WINDOW_UPDATE, 0, 1, &[0; 5])),
            Ended(Reason::FRAME_SIZE_ERROR),
        ),
        (
            "6.9.1 too large an increment",
            open(1).then(&frame(WINDOW_UPDATE, 0, 1, &[0x7f, 255, 255, 255])),
            Reset(1, Reason::FLOW_CONTROL_ERROR),
        ),
        (
            "6.9.1 the same of the connection",
            Writer::new().then(&frame(WINDOW_UPDATE, 0, 0, &[0x7f, 255, 255, 255])),
            Ended(Reason::FLOW_CONTROL_ERROR),
        ),
        (
            "6.9.1 more DATA than the window",
            open(1).then(&frame(DATA, 0, 1, &[0; 16_000]).repeat(5)),
            Reset(1, Reason::FLOW_CONTROL_ERROR),
        ),
        (
            "6.10 CONTINUATION without a block",
            Writer::new().then(&frame(CONTINUATION, 4, 1, &[])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "6.10 CONTINUATION of another stream",
            Writer::new().then(&frame(HEADERS, 0, 1, b"")).then(&frame(CONTINUATION, 4, 3, b"")),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "a block without an end",
            Writer::new()
                .then(&frame(HEADERS, 0, 1, b""))
                .then(&frame(CONTINUATION, 0, 1, b"").repeat(2_000)),
            Ended(Reason::ENHANCE_YOUR_CALM),
        ),
        ("5.5 an unknown frame", Writer::new().then(&frame(99, 255, 7, b"x")), Nothing),
        (
            "8.1 trailers without an end",
            open(1).fields(1, 0, &[("a", "b")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.1 trailers with a pseudo-header field",
            open(1).fields(1, END_STREAM, &[(":path", "/")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.1.1 less DATA than content-length",
            call_and(&[("content-length", "1")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        ("8.1.1 more DATA than content-length", open(1).then(&[]), Nothing),
        ("8.1.1 no number", call_and(&[("content-length", "a")]), Reset(1, Reason::PROTOCOL_ERROR)),
        (
            "8.2.2 a field of a connection",
            call_and(&[("connection", "close")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        ("8.2.2 te", call_and(&[("te", "gzip")]), Reset(1, Reason::PROTOCOL_ERROR)),
        (
            "8.3 a pseudo-header field of a response",
            call_and(&[(":status", "200")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.3 a pseudo-header field behind others",
            call_and(&[("a", "b"), (":authority", "c")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        ("8.3.1 twice", call_and(&[(":path", "/c/d")]), Reset(1, Reason::PROTOCOL_ERROR)),
        ("8.3.1 no path", Writer::new().fields(1, END_STREAM, &CALL[..2]), Reset(1, Reason::PROTOCOL_ERROR)),
        (
            "8.3.1 no method",
            Writer::new().fields(1, END_STREAM, &CALL[1..]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.5 CONNECT with a path",
            Writer::new().fields(1, END_STREAM, &[(":method", "CONNECT"), (":path", "/")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.5 CONNECT",
            Writer::new().fields(1, END_STREAM, &[(":method", "CONNECT"), (":authority", "a:1")]),
            Nothing,
        ),
    ];
    for (rule, frames, expected) in cases {
        let expected = Some(expected).filter(|expected| *expected != Nothing);
        assert_eq!(server_makes(frames).await, Vec::from_iter(expected), "{rule}");
    }
}

#[tokio::test]
async fn a_client_holds_a_server_to_the_rules() {
    use Answer::{Ended, Nothing, Reset};
    let cases = [
        ("5.1 HEADERS for no call", Writer::new().response(3, 0), Ended(Reason::PROTOCOL_ERROR)),
        ("5.1.1 a stream of the server", Writer::new().response(2, 0), Ended(Reason::PROTOCOL_ERROR)),
        (
            "6.6 PUSH_PROMISE",
            Writer::new().then(&frame(PUSH_PROMISE, 4, 1, &[0, 0, 0, 2])),
            Ended(Reason::PROTOCOL_ERROR),
        ),
        (
            "8.1 DATA before HEADERS",
            Writer::new().then(&frame(DATA, 0, 1, b"x")),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.1 an interim response",
            Writer::new().fields(1, 0, &[(":status", "103")]).response(1, END_STREAM),
            Nothing,
        ),
        (
            "8.1 an interim response that ends",
            Writer::new().fields(1, END_STREAM, &[(":status", "103")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.1.1 more DATA than content-length",
            Writer::new()
                .fields(1, 0, &[(":status", "200"), ("content-length", "1")])
                .then(&frame(DATA, 0, 1, b"xx")),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
        (
            "8.1.1 204 has no content",
            Writer::new().fields(1, END_STREAM, &[(":status", "204"), ("content-length", "1")]),
            Nothing,
        ),
        ("8.3.2 no status", Writer::new().fields(1, 0, &[("a", "b")]), Reset(1, Reason::PROTOCOL_ERROR)),
        (
            "8.3.2 a path",
            Writer::new().fields(1, 0, &[(":status", "200"), (":path", "/")]),
            Reset(1, Reason::PROTOCOL_ERROR),
        ),
    ];
    for (rule, frames, expected) in cases {
        let expected = Some(expected).filter(|expected| *expected != Nothing);
        assert_eq!(client_makes(frames).await, Vec::from_iter(expected), "{rule}");
    }
}

/// The third one ends the connection.
#[tokio::test]
async fn calls_that_we_reset_are_counted() {
    let one = |writer: Writer, stream| writer.fields(stream, END_STREAM, &CALL[..2]);
    let frames = one(one(one(Writer::new(), 1), 3), 5);
    let reset = |stream| Answer::Reset(stream, Reason::PROTOCOL_ERROR);
    let expected = [reset(1), reset(3), Answer::Ended(Reason::ENHANCE_YOUR_CALM)];
    assert_eq!(server_makes(frames).await, expected);
}

/// CVE-2023-44487: such calls are no longer concurrent ones when the next one comes.
#[tokio::test]
async fn calls_that_are_reset_at_once_are_counted() {
    let rapid = |number: u32| {
        (0..number).fold(Writer::new(), |writer, call| {
            let stream = 2 * call + 1;
            writer.request(stream, 0).then(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]))
        })
    };
    assert_eq!(server_makes(rapid(LIMITS.concurrent_streams)).await, []);
    let expected = [Answer::Ended(Reason::ENHANCE_YOUR_CALM)];
    assert_eq!(server_makes(rapid(LIMITS.concurrent_streams + 1)).await, expected);
}

//! Metadata and trailers that are large, or that no peer may send: a call's fault costs that call only.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::mpsc;
use tonic::Code;

use crate::fixture::raw::{DATA, Frames, GRPC_HEAD, HEADERS, RawUpstream, request_fields};
use crate::fixture::{Answer, Bridge, Call, Caller, HOOK, Pending, Upstream, answer, post, within_limit};

/// What the bridge advertises.
const LIMIT: usize = 1 << 20;

/// Sizes of one value, and whether the list then keeps the limit: each field counts its name and 32 octets more.
const SIZES: [(usize, bool); 8] = [
    (1 << 10, true),
    (16 << 10, true),
    (100_000, true),
    (345_000, true),
    (LIMIT - 1000, true),
    (LIMIT, false),
    (LIMIT + 100_000, false),
    (2 << 20, false),
];

/// A server whose caller asks by its message, `PLACE WISH`, for a field in the head or among the trailers: the one that
/// `field` gives for the wish, in frames of 16 KiB. The status is `status` then. Other calls are answered at their end.
/// Counts connections.
fn with_field(
    status: &'static [u8],
    field: impl Fn(&str) -> (&'static str, Vec<u8>) + Copy + Send + Sync + 'static,
) -> (RawUpstream, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let upstream = RawUpstream::start(move |mut frames| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            // The wish is the message: the fields are compressed.
            while let Some(frame) = frames.read().await {
                if frame.kind != DATA || frame.payload.is_empty() {
                    continue;
                }
                let message = String::from_utf8(frame.payload).expect("text");
                let (place, wish) = message.split_once(' ').expect("two words");
                if place == "none" {
                    frames.answer(frame.id, b"").await;
                    continue;
                }
                let (name, value) = field(wish);
                let last: [(&str, &[u8]); 2] = [("grpc-status", status), (name, &value)];
                match place {
                    "head" => frames.write_fields(frame.id, true, &[GRPC_HEAD, &last].concat()).await,
                    _ => {
                        frames.write_fields(frame.id, false, GRPC_HEAD).await;
                        frames.write_fields(frame.id, true, &last).await;
                    }
                }
            }
        }
    });
    (upstream, connections)
}

fn with_long_fields() -> (RawUpstream, Arc<AtomicUsize>) {
    with_field(b"0", |length| ("x-long", vec![b'v'; length.parse().expect("a number")]))
}

fn long(answer: &Answer) -> usize {
    let trailers = answer.trailers.as_ref().unwrap_or(&answer.head.headers);
    trailers.get("x-long").map_or(0, HeaderValue::len)
}

#[track_caller]
fn assert_limit(answer: &Answer, whose: &str) {
    assert_eq!(answer.code(), Code::ResourceExhausted as i32, "{:?}", answer.words());
    assert!(answer.words().starts_with(&format!("egext bridge: {whose}")), "{:?}", answer.words());
    assert!(answer.words().contains(&format!("limit of {LIMIT}")), "{:?}", answer.words());
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_pass_up_to_the_limit_and_cost_no_other_call() {
    let (upstream, connections) = with_long_fields();
    let bridge = Bridge::plaintext(&upstream.address()).start();
    let (caller, other) = (bridge.caller().await, bridge.caller().await);
    let standing: Pending = other.begin(post(HOOK)).await;
    for place in ["head", "trailers"] {
        for (length, passes) in SIZES {
            let answer = caller.call(post(HOOK), format!("{place} {length}")).await;
            match passes {
                true => assert_eq!((answer.code(), long(&answer)), (0, length), "{place}"),
                false => assert_limit(&answer, "the header fields of the extension server's answer"),
            }
        }
    }
    let mut standing = standing;
    standing.message.send_data(Bytes::from_static(b"none 0"), true).expect("open");
    assert_eq!(answer(standing.response).await.code(), 0, "a call that was under way all the time");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_requests_pass_up_to_the_limit_and_cost_no_other_call() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |call: Call| {
        let length = call.request.headers().get("x-long").map_or(0, HeaderValue::len);
        sent.send(length).expect("the test listens");
        call.echo()
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let mut frames = Frames::client(bridge.connect().await).await;
    let standing = 1;
    frames.write_fields(standing, false, &request_fields(HOOK)).await;
    assert_eq!(within_limit(seen.recv()).await, Some(0));
    for (id, (length, passes)) in (3..).step_by(2).zip(SIZES) {
        let value = vec![b'v'; length];
        let fields = [&request_fields(HOOK)[..], &[("x-long", &value)]].concat();
        frames.write_fields(id, true, &fields).await;
        let head = frames.wait_for(HEADERS, id).await;
        match passes {
            // The test's server has the same limit, and the bridge adds a little.
            true if length > LIMIT - 2000 => assert!(!head.payload.is_empty()),
            true => assert_eq!(within_limit(seen.recv()).await, Some(length)),
            false => {
                let words = String::from_utf8_lossy(&head.payload).into_owned();
                assert!(seen.try_recv().is_err(), "{length} passed: {words}");
            }
        }
        while seen.try_recv().is_ok() {}
    }
    frames.write(DATA, 1, standing, b"message").await;
    assert_eq!(frames.wait_for(DATA, standing).await.payload, b"message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_the_limit_is_told_so() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    let mut request = post(HOOK);
    request.headers_mut().insert("x-long", HeaderValue::from_bytes(&vec![b'v'; 2 << 20]).expect("ASCII"));
    assert_limit(&caller.call(request, "").await, "the call's header fields");
    // Many small ones, as well.
    let mut request = post(HOOK);
    for _ in 0..20_000 {
        request.headers_mut().append("x-small", HeaderValue::from_static("a value of thirty octets, no?"));
    }
    let answer = caller.call(request, "").await;
    assert_limit(&answer, "the call's header fields");
    assert_eq!(caller.hook().await.code(), 0, "on the same connection");
    assert_eq!(upstream.calls(), 1);
}

/// A list of fields that has no end.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_list_costs_its_own_connection_only() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let good = bridge.caller().await;
    let mut frames = Frames::client(bridge.connect().await).await;
    frames.write(HEADERS, 0, 1, b"\x82").await;
    let flood = async {
        for _ in 0..1000 {
            frames.write(crate::fixture::raw::CONTINUATION, 0, 1, &[0x86; 16 << 10]).await;
        }
        while frames.read().await.is_some() {}
    };
    within_limit(flood).await;
    assert_eq!(good.hook().await.code(), 0);
}

const BAD: [(&str, &[u8]); 6] = [
    ("grpc-message", b"not\x01now"),
    ("grpc-message", b"line\nbreak"),
    ("x-nul", b"\0"),
    ("x-delete", b"\x7f"),
    ("X-Upper", b"case"),
    (":unknown", b"pseudo"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_octet_in_an_answer_costs_its_own_call() {
    let (upstream, connections) = with_field(b"5", |index| {
        let (name, value) = BAD[index.parse::<usize>().expect("a number")];
        (name, value.to_vec())
    });
    let bridge = Bridge::plaintext(&upstream.address()).start();
    let (caller, other): (Caller, Caller) = (bridge.caller().await, bridge.caller().await);
    let mut standing = other.begin(post(HOOK)).await;
    for place in ["head", "trailers"] {
        for (index, (name, _)) in BAD.iter().enumerate() {
            let answer = caller.call(post(HOOK), format!("{place} {index}")).await;
            assert_eq!(answer.code(), Code::Internal as i32, "{place}, {name}: {answer:?}");
            assert!(answer.words().contains(&format!("`{name}` has the byte 0x")), "{answer:?}");
        }
    }
    standing.message.send_data(Bytes::from_static(b"none 99"), true).expect("open");
    assert_eq!(answer(standing.response).await.code(), 0, "a call that was under way all the time");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_octet_in_a_request_costs_its_own_call() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let mut frames = Frames::client(bridge.connect().await).await;
    let mut next = (1..).step_by(2);
    let standing = next.next().expect("a stream");
    frames.write_fields(standing, false, &request_fields(HOOK)).await;
    for (name, value) in BAD {
        let id = next.next().expect("a stream");
        let fields = [&request_fields(HOOK)[..], &[(name, value)]].concat();
        frames.write_fields(id, true, &fields).await;
        frames.wait_for(HEADERS, id).await;
    }
    frames.write(DATA, 1, standing, b"message").await;
    assert_eq!(frames.wait_for(DATA, standing).await.payload, b"message");
    assert_eq!(upstream.calls(), 1, "only the good one was passed on");
}

/// A map of header fields takes so many names and no more, and the bridge has some to add.
#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_names_ends_the_bridge() {
    const MOST: usize = 24_576;
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let good = bridge.caller().await;
    let names = (0..MOST).map(|number| format!("x{number:x}")).collect::<Vec<_>>();
    // Some of the room is taken by what a call always has.
    for (number, limited) in (MOST - 5..MOST).flat_map(|number| [(number, false), (number, true)]) {
        let mut frames = Frames::client(bridge.connect().await).await;
        let mut fields = request_fields(HOOK).to_vec();
        fields.extend(limited.then_some(("grpc-timeout", &b"9S"[..])));
        fields.extend(names[..number].iter().map(|name| (&**name, &b""[..])));
        frames.write_fields(1, true, &fields).await;
        let answered = async {
            while let Some(frame) = frames.read().await {
                if frame.kind == HEADERS {
                    return;
                }
            }
        };
        within_limit(answered).await;
    }
    let goes_on = good.try_begin(post(HOOK)).await.is_ok();
    let (code, log) = bridge.running.terminate();
    assert_eq!((goes_on, code), (true, 0), "{log}");
}

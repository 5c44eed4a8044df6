//! Many calls share a connection: what one does is not felt by the others.

use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::Bytes;
use egext_test_support::TestPki;
use h2::Reason;
use http::{HeaderValue, Request};
use tokio::sync::mpsc;
use tonic::Code;

use crate::fixture::{Bridge, Call, Caller, HOOK, Upstream, post, status, within_limit};

/// A gRPC message of one octet.
const SMALL: &[u8] = b"\0\0\0\0\x01x";

fn with(name: &'static str) -> Request<()> {
    let mut request = post(HOOK);
    request.headers_mut().insert(name, HeaderValue::from_static("1"));
    request
}

/// Sends every frame back, each for itself.
async fn echo_frames(mut call: Call) {
    let mut answer = call.open();
    let body = call.request.body_mut();
    while let Some(octets) = body.data().await {
        let octets = octets.expect("whole");
        body.flow_control().release_capacity(octets.len()).expect("received");
        send(&mut answer, octets).await;
    }
    answer.send_trailers(status("0")).expect("open");
}

/// Sends octets when there is room for them.
async fn send(stream: &mut h2::SendStream<Bytes>, mut octets: Bytes) {
    while !octets.is_empty() {
        stream.reserve_capacity(octets.len());
        let room = within_limit(std::future::poll_fn(|context| stream.poll_capacity(context))).await;
        let room = room.expect("open").expect("open").min(octets.len());
        stream.send_data(octets.split_to(room), false).expect("open");
    }
}

/// Streams of small messages: as many as `messages`, in both directions.
async fn small_messages(caller: &Caller, messages: usize) {
    let mut call = caller.begin(post(HOOK)).await;
    let sender = async {
        for _ in 0..messages {
            send(&mut call.message, Bytes::from_static(SMALL)).await;
        }
        call.message.send_data(Bytes::new(), true).expect("open");
    };
    let receiver = async {
        let mut body = within_limit(call.response).await.expect("a head").into_body();
        let mut received = 0;
        while let Some(octets) = within_limit(body.data()).await {
            let octets = octets.expect("whole");
            received += octets.len();
            body.flow_control().release_capacity(octets.len()).expect("received");
        }
        (received, body.trailers().await.expect("whole"))
    };
    let ((), (received, trailers)) = tokio::join!(sender, receiver);
    assert_eq!((received, trailers), (messages * SMALL.len(), Some(status("0"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_small_messages_pass_both_ways() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, echo_frames).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).flag("--call-timeout", "10m").start();
    let caller = bridge.caller().await;
    small_messages(&caller, 100_000).await;
    assert_eq!(caller.hook().await.code(), 0);
    assert_eq!(upstream.connections(), 1);
}

/// Small messages that nobody reads yet: they wait, and cost nobody else anything.
#[tokio::test(flavor = "multi_thread")]
async fn small_messages_that_wait_for_their_reader_end_nothing() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        if !call.request.headers().contains_key("x-many") {
            return call.echo().await;
        }
        let mut answer = call.open();
        for _ in 0..100_000 {
            send(&mut answer, Bytes::from_static(SMALL)).await;
        }
        answer.send_trailers(status("0")).expect("open");
    });
    let bridge = Bridge::plaintext(upstream.address()).flag("--call-timeout", "10m").start();
    let (slow, other) = (bridge.caller().await, bridge.caller().await);
    let answer = within_limit(slow.send(with("x-many"), "").await).await.expect("a head");
    for _ in 0..200 {
        assert_eq!(other.hook().await.code(), 0);
    }
    let mut body = answer.into_body();
    let mut received = 0;
    while let Some(octets) = within_limit(body.data()).await {
        let octets = octets.expect("whole");
        received += octets.len();
        body.flow_control().release_capacity(octets.len()).expect("received");
    }
    assert_eq!(received, 100_000 * SMALL.len());
    assert_eq!(body.trailers().await.expect("whole"), Some(status("0")));
    assert_eq!(upstream.connections(), 1);
}

/// A server whose answers to calls with `x-endless` have no end. Tells why they ended.
async fn endless(pki: &TestPki) -> (Upstream, mpsc::UnboundedReceiver<Reason>) {
    let (sent, seen) = mpsc::unbounded_channel();
    let upstream = Upstream::mtls(pki, move |mut call: Call| {
        let sent = sent.clone();
        async move {
            if !call.request.headers().contains_key("x-endless") {
                return call.echo().await;
            }
            let mut answer = call.open();
            let reason = std::future::poll_fn(|context| {
                loop {
                    if let Poll::Ready(reason) = answer.poll_reset(context) {
                        return Poll::Ready(reason.expect("the connection stands"));
                    }
                    answer.reserve_capacity(16 << 10);
                    let Some(Ok(room)) = ready!(answer.poll_capacity(context)) else { continue };
                    // Fails when it was reset, which the next turn sees.
                    let _ = answer.send_data(Bytes::from(vec![7; room]), false);
                }
            });
            sent.send(reason.await).expect("the test listens");
        }
    })
    .await;
    (upstream, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_do_not_read_stop_nobody_and_have_their_limit() {
    let pki = TestPki::new();
    let (upstream, mut seen) = endless(&pki).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).flag("--call-timeout", "8s").start();
    let mut stuck = Vec::new();
    for _ in 0..12 {
        let caller = bridge.caller().await;
        let answer = within_limit(caller.send(with("x-endless"), "").await).await.expect("a head");
        stuck.push((caller, answer.into_body()));
    }
    let good = bridge.caller().await;
    for _ in 0..20 {
        let answer = good.call(post(HOOK), vec![1; 300_000]).await;
        assert_eq!(answer.code(), 0, "{:?}", answer.words());
    }
    // Nobody has read anything: the upstream is rid of the calls all the same.
    for _ in &stuck {
        assert_eq!(within_limit(seen.recv()).await, Some(Reason::CANCEL));
    }
    for (_caller, mut body) in stuck {
        while let Some(octets) = within_limit(body.data()).await {
            body.flow_control().release_capacity(octets.expect("whole").len()).expect("received");
        }
        let trailers = within_limit(body.trailers()).await.expect("whole").expect("trailers");
        assert_eq!(trailers["grpc-status"], (Code::DeadlineExceeded as i32).to_string());
    }
    assert_eq!(good.hook().await.code(), 0);
    assert_eq!(upstream.connections(), 1);
}

/// The reverse: a server that does not read what some calls send.
#[tokio::test(flavor = "multi_thread")]
async fn handlers_that_do_not_read_stop_nobody_and_have_their_limit() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |mut call: Call| {
        let sent = sent.clone();
        async move {
            if !call.request.headers().contains_key("x-stuck") {
                return call.echo().await;
            }
            sent.send(call.reset().await).expect("the test listens");
        }
    });
    let bridge = Bridge::plaintext(upstream.address()).flag("--call-timeout", "8s").start();
    let caller = Arc::new(bridge.caller().await);
    let mut stuck = Vec::new();
    for _ in 0..12 {
        stuck.push(caller.send(with("x-stuck"), vec![7; 4 << 20]).await);
    }
    for _ in 0..20 {
        assert_eq!(caller.call(post(HOOK), vec![1; 100_000]).await.code(), 0);
    }
    for call in stuck {
        assert_eq!(within_limit(seen.recv()).await, Some(Reason::CANCEL));
        let answer = crate::fixture::answer(call).await;
        assert_eq!(answer.code(), Code::DeadlineExceeded as i32, "{answer:?}");
    }
    assert_eq!(caller.hook().await.code(), 0);
    assert_eq!(upstream.connections(), 1);
}

/// A caller that changes its mind often, all at once.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_calls_taken_back_at_once_leave_the_callers_connection_standing() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    for _ in 0..3 {
        for _ in 0..300 {
            caller.begin(post(HOOK)).await.message.send_reset(Reason::CANCEL);
        }
        assert_eq!(caller.hook().await.code(), 0);
    }
    assert_eq!(upstream.connections(), 1);
}

/// Sends octets of a message with many empty frames between them, which mean nothing.
#[tokio::test(flavor = "multi_thread")]
async fn empty_frames_cost_nothing_in_either_direction() {
    for number in [101, 5000] {
        let upstream = Upstream::unix(move |mut call: Call| async move {
            let mut answer = call.open();
            for _ in 0..number {
                answer.send_data(Bytes::new(), false).expect("open");
            }
            let message = crate::fixture::read(call.request.body_mut()).await;
            answer.send_data(message, false).expect("open");
            answer.send_trailers(status("0")).expect("open");
        });
        let bridge = Bridge::plaintext(upstream.address()).start();
        let caller = bridge.caller().await;
        let mut call = caller.begin(post(HOOK)).await;
        for _ in 0..number {
            call.message.send_data(Bytes::new(), false).expect("open");
        }
        call.message.send_data(Bytes::from_static(b"message"), true).expect("open");
        let answer = crate::fixture::answer(call.response).await;
        assert_eq!((answer.code(), &*answer.message), (0, &b"message"[..]));
        assert_eq!(caller.hook().await.code(), 0);
        assert_eq!(upstream.connections(), 1);
    }
}

//! What goes in comes out, in both directions.

use std::sync::Arc;

use bytes::Bytes;
use egext::extension::{self, Hook, Object, PassThrough};
use egext_test_support::TestPki;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fixture::{Bridge, Call, HOOK, Settings, Upstream, grpc_head, post, read, status, within_limit};

#[tokio::test(flavor = "multi_thread")]
async fn metadata_trailers_and_status_pass_unchanged() {
    let pki = TestPki::new();
    let (sent, mut seen) = mpsc::unbounded_channel();
    let trailers = fields(&[
        ("grpc-status", "9"),
        ("grpc-message", "not%20now"),
        ("grpc-status-details-bin", "CAkSB25vdCBub3c"),
        ("x-cost", "3"),
        ("x-cost", "4"),
    ]);
    let upstream = Upstream::mtls(&pki, {
        let trailers = trailers.clone();
        move |mut call: Call| {
            let (sent, trailers) = (sent.clone(), trailers.clone());
            async move {
                let message = read(call.request.body_mut()).await;
                let mut head = grpc_head();
                head.headers_mut().extend(fields(&[
                    ("x-server", "a"),
                    ("x-server", "b"),
                    ("x-raw-bin", "/+8"),
                ]));
                let mut body = call.respond.send_response(head, false).expect("open");
                body.send_data(message, false).expect("open");
                body.send_trailers(trailers).expect("open");
                sent.send(call.request.into_parts().0).expect("the test listens");
            }
        }
    })
    .await;
    let bridge = Bridge::mtls(upstream.address(), &pki).flag("--call-timeout", "0s").start();

    let mut request = Request::post(format!("http://extension.example:7{HOOK}")).body(()).expect("good");
    request.headers_mut().extend(fields(&[
        ("content-type", "application/grpc+proto"),
        ("te", "trailers"),
        ("user-agent", "grpc-go/1.83.0"),
        ("grpc-accept-encoding", "gzip"),
        ("x-tenant", "one"),
        ("x-tenant", "two"),
        ("x-raw-bin", "AAECA/8"),
        ("x-empty", ""),
    ]));
    let caller = bridge.caller().await;
    let answer = caller.call(request.clone(), "any message").await;
    let arrived = seen.recv().await.expect("the call");

    let mut expected = request.headers().clone();
    expected.insert("egext-bridge-hops", HeaderValue::from(1));
    assert_eq!(arrived.headers, expected);
    assert_eq!(arrived.method, "POST");
    assert_eq!(arrived.uri.path(), HOOK);
    assert_eq!(arrived.uri.authority().map(http::uri::Authority::as_str), Some("extension.example:7"));
    assert_eq!(arrived.uri.scheme_str(), Some("https"), "TLS is spoken there");
    assert_eq!(answer.head.status, 200);
    assert_eq!(
        answer.head.headers,
        fields(&[
            ("content-type", "application/grpc"),
            ("x-server", "a"),
            ("x-server", "b"),
            ("x-raw-bin", "/+8")
        ])
    );
    assert_eq!(answer.message, "any message");
    assert_eq!(answer.trailers, Some(trailers));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_is_that_of_the_way_to_the_upstream() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |call| {
        sent.send(call.request.uri().clone()).expect("the test listens");
        call.echo()
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let mut request = post(HOOK);
    *request.uri_mut() = format!("https://somewhere.example{HOOK}?a=b").parse().expect("a URI");
    bridge.caller().await.call(request, "").await;
    let uri = seen.recv().await.expect("the call");
    assert_eq!(uri, *format!("http://somewhere.example{HOOK}?a=b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_without_a_message_passes_as_it_is() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        let code = call.request.headers()["x-wanted"].clone();
        let mut head = grpc_head();
        head.headers_mut().insert("grpc-status", code);
        head.headers_mut().insert("grpc-message", HeaderValue::from_static("says%20the%20server"));
        call.respond.send_response(head, true).expect("open");
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    for code in 0..=16 {
        let mut request = post(HOOK);
        request.headers_mut().insert("x-wanted", HeaderValue::from(code));
        let answer = caller.call(request, "message").await;
        assert_eq!((answer.code(), answer.field("grpc-message")), (code, Some("says%20the%20server")));
        assert_eq!(answer.trailers, None, "one frame of headers, as the server sent it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_grpc_passes_as_it_is() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        let head = http::Response::builder()
            .status(503)
            .header("content-type", "text/plain")
            .header("content-length", "4")
            .body(())
            .expect("a good head");
        let mut body = call.respond.send_response(head, false).expect("open");
        body.send_data(Bytes::from_static(b"busy"), true).expect("open");
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let answer = bridge.caller().await.hook().await;
    assert_eq!(answer.head.status, 503);
    assert_eq!(answer.head.headers, fields(&[("content-type", "text/plain"), ("content-length", "4")]));
    assert_eq!((answer.message, answer.trailers), (Bytes::from_static(b"busy"), None));
}

/// The words of a hook's error can be long: a rendered template, a stack.
#[tokio::test(flavor = "multi_thread")]
async fn long_metadata_and_long_error_messages_pass() {
    let long = "x".repeat(100_000);
    let upstream = Upstream::unix(|mut call: Call| async move {
        let words = call.request.headers()["x-long"].clone();
        let mut body = call.open();
        let mut trailers = status("13");
        trailers.insert("grpc-message", words);
        body.send_trailers(trailers).expect("open");
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let mut request = post(HOOK);
    request.headers_mut().insert("x-long", HeaderValue::try_from(&long).expect("ASCII"));
    let answer = bridge.caller().await.call(request, "").await;
    assert_eq!(answer.code(), 13);
    assert_eq!(answer.words(), long);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_answers_flows_frame_by_frame() {
    let pki = TestPki::new();
    let (more, wanted) = mpsc::unbounded_channel::<&'static str>();
    let wanted = Arc::new(tokio::sync::Mutex::new(wanted));
    let upstream = Upstream::mtls(&pki, move |mut call| {
        let wanted = Arc::clone(&wanted);
        async move {
            let mut body = call.open();
            // The next frame is made only after the caller has had the last one.
            while let Some(word) = wanted.lock().await.recv().await {
                body.send_data(Bytes::from(word), false).expect("open");
            }
            body.send_trailers(status("0")).expect("open");
        }
    })
    .await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    let mut body = within_limit(caller.send(post(HOOK), "").await).await.expect("a head").into_body();
    for word in ["one", "two", "three"] {
        more.send(word).expect("the server listens");
        assert_eq!(within_limit(body.data()).await.expect("more").expect("whole"), word);
    }
    drop(more);
    assert!(within_limit(body.data()).await.is_none());
    assert_eq!(within_limit(body.trailers()).await.expect("whole"), Some(status("0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_can_stream_at_the_same_time() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, |mut call| async move {
        let mut body = call.open();
        while let Some(chunk) = call.request.body_mut().data().await {
            body.send_data(chunk.expect("whole"), false).expect("open");
        }
        body.send_trailers(status("0")).expect("open");
    })
    .await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    let mut call = caller.begin(post(HOOK)).await;
    let mut body = within_limit(call.response).await.expect("a head before any message").into_body();
    for word in ["ping", "pong", "ping again"] {
        call.message.send_data(Bytes::from(word), false).expect("open");
        assert_eq!(within_limit(body.data()).await.expect("more").expect("whole"), word);
    }
    call.message.send_data(Bytes::new(), true).expect("open");
    while let Some(rest) = within_limit(body.data()).await {
        assert_eq!(rest.expect("whole"), "");
    }
    assert_eq!(within_limit(body.trailers()).await.expect("whole"), Some(status("0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_mebibytes_pass_unchanged() {
    let pki = TestPki::new();
    let (address, _stop) = extension_server(&pki, PassThrough::new()).await;
    let bridge = Bridge::mtls(&address, &pki).start();
    let object = Object::from(Bytes::from(noise(16 << 20)));
    let answer = within_limit(call_hook(&bridge, object.clone())).await.expect("OK");
    assert!(answer == object, "the message changed on the way");
}

/// The server refuses a message by its length, which it knows before it has read all of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_end_of_the_message_passes() {
    let pki = TestPki::new();
    let (address, _stop) = extension_server(&pki, PassThrough::new().with_message_limit(1000)).await;
    let bridge = Bridge::mtls(&address, &pki).start();
    for _ in 0..10 {
        let object = Object::from(Bytes::from(noise(8 << 20)));
        let status = within_limit(call_hook(&bridge, object)).await.expect_err("too large");
        assert_eq!(status.code(), Code::OutOfRange, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_can_be_watched() {
    let pki = TestPki::new();
    let (address, stop) = extension_server(&pki, PassThrough::new()).await;
    let bridge = Bridge::mtls(&address, &pki).start();
    let mut health = HealthClient::with_origin(service(&bridge).await, origin());
    let request = HealthCheckRequest { service: extension::SERVICE.to_owned() };
    let mut watch = within_limit(health.watch(request)).await.expect("OK").into_inner();
    let first = within_limit(watch.message()).await.expect("OK").expect("a message");
    assert_eq!(first.status(), ServingStatus::Serving);
    drop(stop);
    let last = within_limit(watch.message()).await.expect("OK").expect("a message");
    assert_eq!(last.status(), ServingStatus::NotServing);
    assert_eq!(within_limit(watch.message()).await.expect("OK"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_the_same_time_do_not_mix() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let mut calls = JoinSet::new();
    for caller in 0..4 {
        let connection = Arc::new(bridge.caller().await);
        for number in 0..50 {
            let connection = Arc::clone(&connection);
            calls.spawn(async move {
                // Different lengths, beyond one frame, so that frames of many calls alternate.
                let message = format!("{caller} {number} ").repeat(1 + number * 211);
                let answer = connection.call(post(HOOK), message.clone()).await;
                assert_eq!(answer.code(), 0);
                assert!(answer.message == message, "call {number} of caller {caller} got another's answer");
            });
        }
    }
    while let Some(call) = calls.join_next().await {
        call.expect("unchanged");
    }
    assert_eq!(upstream.calls(), 200);
    assert_eq!(upstream.connections(), 1, "one connection carries them all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_one_call_at_a_time_gets_them_one_at_a_time() {
    let pki = TestPki::new();
    let settings = Settings { concurrent: Some(1) };
    let upstream = Upstream::mtls_with(settings, &pki, Call::echo).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = Arc::new(bridge.caller().await);
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let caller = Arc::clone(&caller);
        calls.spawn(async move { caller.hook().await.code() });
    }
    assert_eq!(within_limit(calls.join_all()).await, [0; 20]);
}

/// A message cut off in the middle is not a message.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_message_does_not_become_a_whole_one() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |mut call: Call| {
        let sent = sent.clone();
        async move {
            let first = call.request.body_mut().data().await.expect("a frame").expect("whole");
            sent.send(Ok(first)).expect("the test listens");
            let next = call.request.body_mut().data().await;
            sent.send(Err(next.expect("not the end").expect_err("cut"))).expect("the test listens");
        }
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    let mut call = caller.begin(post(HOOK)).await;
    call.message.send_data(Bytes::from_static(b"half"), false).expect("open");
    assert_eq!(within_limit(seen.recv()).await.expect("a frame").expect("a frame"), "half");
    call.message.send_reset(h2::Reason::CANCEL);
    let end = within_limit(seen.recv()).await.expect("an end").expect_err("no end of a message");
    assert_eq!(end.reason(), Some(h2::Reason::CANCEL));
}

/// The pass-through server of the library, over mutual TLS. Stops when the sender is dropped.
async fn extension_server(pki: &TestPki, service: PassThrough) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("localhost:{}", listener.local_addr().expect("bound").port());
    let server = extension::Server::new(service).with_tls(Arc::new(pki.mtls_config()));
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    tokio::spawn(server.serve(TcpListenerStream::new(listener), shutdown));
    (address, stop)
}

async fn call_hook(bridge: &Bridge, object: Object) -> Result<Object, tonic::Status> {
    extension::call(service(bridge).await, origin(), Hook::Route, object).await
}

/// A connection to the bridge as tonic takes it.
async fn service(
    bridge: &Bridge,
) -> impl tonic::client::GrpcService<
    tonic::body::Body,
    ResponseBody = hyper::body::Incoming,
    Error = hyper::Error,
    Future: Send,
> + Clone {
    let stream = hyper_util::rt::TokioIo::new(bridge.connect().await);
    let handshake = hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), stream);
    let (sender, connection) = within_limit(handshake).await.expect("HTTP/2");
    tokio::spawn(connection);
    tower::service_fn(move |request| sender.clone().send_request(request))
}

fn origin() -> http::Uri {
    http::Uri::from_static("http://localhost")
}

fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

/// Octets that no shortcut could guess (xorshift64).
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut octets = Vec::with_capacity(length + 8);
    while octets.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        octets.extend_from_slice(&state.to_le_bytes());
    }
    octets.truncate(length);
    octets
}

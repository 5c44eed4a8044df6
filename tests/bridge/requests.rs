//! What is passed on as a call, and what of it.

use egext_test_support::TestPki;
use http::{HeaderValue, Method, Request};
use tokio::sync::mpsc;
use tonic::Code;

use crate::fixture::raw::{Frames, HEADERS, literal, request_fields};
use crate::fixture::{Bridge, Call, Caller, HOOK, Upstream, post, read, within_limit};
use crate::tls_listener::Front;

/// A server that tells which requests arrive.
pub fn telling() -> (Upstream, mpsc::UnboundedReceiver<Request<()>>) {
    let (sent, seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |call: Call| {
        let mut request = Request::new(());
        *request.uri_mut() = call.request.uri().clone();
        *request.headers_mut() = call.request.headers().clone();
        sent.send(request).expect("the test listens");
        call.echo()
    });
    (upstream, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_grpc_call_is_refused() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    let request = |method: Method, path: &str, content_type: &'static str| {
        let mut request = post(path);
        *request.method_mut() = method;
        request.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
        request
    };
    let grpc = "application/grpc";
    for (request, status, code, words) in [
        (request(Method::GET, HOOK, grpc), 405, Code::Internal, "`GET`"),
        (request(Method::PUT, HOOK, grpc), 405, Code::Internal, "`PUT`"),
        (request(Method::POST, HOOK, "application/json"), 415, Code::InvalidArgument, "`application/json`"),
        (request(Method::POST, HOOK, "application/grpc-web"), 415, Code::InvalidArgument, "grpc-web"),
        (request(Method::POST, HOOK, ""), 415, Code::InvalidArgument, "expected `application/grpc`"),
        (request(Method::POST, "/", grpc), 200, Code::Unimplemented, "malformed method name: `/`"),
        (request(Method::POST, "/hook", grpc), 200, Code::Unimplemented, "malformed method name"),
    ] {
        let answer = caller.call(request.clone(), "").await;
        assert_eq!((answer.head.status.as_u16(), answer.code()), (status, code as i32), "{request:?}");
        assert!(answer.words().contains(words), "{answer:?}");
    }
    // Passed on, it would open a tunnel.
    let connect = Request::connect("http://example.com:443").body(()).expect("good");
    let answer = caller.call(connect, "").await;
    assert_eq!((answer.head.status.as_u16(), answer.code()), (405, Code::Internal as i32), "{answer:?}");
    assert_eq!(upstream.calls(), 0);
    for content_type in ["application/grpc+proto", "application/grpc+json", "application/grpc;x=y"] {
        let answer = caller.call(request(Method::POST, HOOK, content_type), "").await;
        assert_eq!(answer.code(), 0, "{content_type}");
    }
    assert_eq!(upstream.calls(), 3);
}

/// RFC 9113 section 8.3.1: `:authority` counts, `host` counts without it, and one of them goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_one_authority() {
    let (upstream, mut seen) = telling();
    let bridge = Bridge::plaintext(upstream.address()).start();
    for (authority, hosts, expected) in [
        (Some("a.example"), &[][..], Some("a.example")),
        (Some("a.example"), &["a.example"], Some("a.example")),
        (Some("a.example"), &["b.example"], Some("a.example")),
        (Some("a.example:1"), &["b.example", "c.example"], Some("a.example:1")),
        (None, &["b.example:2"], Some("b.example:2")),
        (None, &[], Some("localhost")),
        (None, &["b.example", "c.example"], None),
        (None, &["not a host"], None),
        (None, &["user@b.example"], None),
        (Some("user@a.example"), &[], None),
    ] {
        let mut frames = Frames::client(bridge.connect().await).await;
        let mut fields = request_fields(HOOK).to_vec();
        fields.retain(|(name, _)| *name != ":authority");
        if let Some(authority) = authority {
            fields.insert(0, (":authority", authority.as_bytes()));
        }
        fields.extend(hosts.iter().map(|host| ("host", host.as_bytes())));
        frames.write_fields(1, true, &fields).await;
        frames.wait_for(HEADERS, 1).await;
        let Some(expected) = expected else {
            assert!(seen.try_recv().is_err(), "{authority:?} {hosts:?} was passed on");
            continue;
        };
        let arrived = within_limit(seen.recv()).await.expect("the call");
        assert_eq!(arrived.uri().authority().map(http::uri::Authority::as_str), Some(expected));
        assert_eq!(arrived.headers().get("host"), None, "{authority:?} {hosts:?}");
        assert_eq!(arrived.headers().get("content-length"), None, "nothing was added");
    }
    let mut frames = Frames::client(bridge.connect().await).await;
    let mut fields = request_fields(HOOK).to_vec();
    fields.retain(|(name, _)| *name != ":path");
    fields.insert(0, (":path", b"*"));
    frames.write_fields(1, true, &fields).await;
    frames.wait_for(HEADERS, 1).await;
    assert!(seen.try_recv().is_err());
}

/// Clients made of gRPC's C core call a server by the path of its socket, and compress that.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_by_the_path_of_a_socket_is_served() {
    let (upstream, mut seen) = telling();
    let bridge = Bridge::plaintext(upstream.address()).start();
    for authority in
        ["/run/egext/eg.sock", "%2Frun%2Fegext%2Feg.sock", "run%2Fegext%2Feg.sock", "unix:/run/egext/eg.sock"]
    {
        let mut frames = Frames::client(bridge.connect().await).await;
        let mut fields = request_fields(HOOK).to_vec();
        fields.retain(|(name, _)| *name != ":authority");
        let rest =
            fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value)).collect::<Vec<_>>();
        // `:authority` by its number in the static table, stored; then by its place in the dynamic one.
        let first = [&[0x41, u8::try_from(authority.len()).expect("short")], authority.as_bytes()].concat();
        for (id, authority) in [(1, &first[..]), (3, &[0xbe]), (5, &[0xbe])] {
            frames.write(HEADERS, 5, id, &[authority, &rest].concat()).await;
            let arrived = within_limit(seen.recv()).await.expect("the call");
            assert_eq!(arrived.uri().authority().map(http::uri::Authority::as_str), Some("localhost"));
            frames.wait_for(HEADERS, id).await;
        }
    }
}

const CLAIMS: &[&str] = &[
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-tls-client-cert",
    "forwarded",
    "client-cert",
    "client-cert-chain",
    "ssl-client-verify",
    "x-ssl-client-cn",
    "x-client-cert",
    "x-real-ip",
    "x-envoy-peer-metadata-id",
    "x-amzn-mtls-clientcert",
    "x-arr-clientcert",
    "x_forwarded_client_cert",
    "ssl_client_verify",
    "x-real_ip",
];

fn claiming() -> Request<()> {
    let mut request = post(HOOK);
    for name in CLAIMS {
        request.headers_mut().append(*name, HeaderValue::from_static("Subject=\"CN=admin\""));
        request.headers_mut().append(*name, HeaderValue::from_static("again"));
    }
    request.headers_mut().insert("x-tenant", HeaderValue::from_static("one"));
    request
}

/// A server behind the bridge would believe them.
#[tokio::test(flavor = "multi_thread")]
async fn a_remote_callers_claims_about_itself_do_not_pass() {
    let pki = TestPki::new();
    let (upstream, mut seen) = telling();
    let front = Front::start(&pki, &upstream);
    let stream = front.handshake(pki.client_config()).await.expect("accepted");
    assert_eq!(Caller::over(stream).await.call(claiming(), "").await.code(), 0);
    let arrived = within_limit(seen.recv()).await.expect("the call");
    for name in &CLAIMS[1..] {
        assert_eq!(arrived.headers().get(*name), None, "{name}");
    }
    assert_eq!(arrived.headers()["x-tenant"], "one");
    let proven = arrived.headers().get_all(CLAIMS[0]).iter().collect::<Vec<_>>();
    assert!(proven.len() == 1 && proven[0].as_bytes().starts_with(b"Hash="), "ours alone: {proven:?}");
}

/// Nor as trailers, which gRPC's clients never send, and some servers put with the headers.
#[tokio::test(flavor = "multi_thread")]
async fn a_remote_callers_claims_do_not_pass_as_trailers() {
    let pki = TestPki::new();
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |mut call: Call| {
        let sent = sent.clone();
        async move {
            let trailers = call.request.body_mut().trailers().await.expect("whole");
            sent.send(trailers.unwrap_or_default()).expect("the test listens");
            call.echo().await;
        }
    });
    let front = Front::start(&pki, &upstream);
    let stream = front.handshake(pki.client_config()).await.expect("accepted");
    let mut pending = Caller::over(stream).await.begin(post(HOOK)).await;
    pending.message.send_trailers(claiming().headers().clone()).expect("open");
    let arrived = within_limit(seen.recv()).await.expect("the call");
    for name in CLAIMS {
        assert_eq!(arrived.get(*name), None, "{name}");
    }
    assert_eq!(arrived["x-tenant"], "one");
}

/// On a unix socket the caller is our own user, such as an Envoy that has seen a certificate.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_local_caller_tells_passes() {
    let (upstream, mut seen) = telling();
    let bridge = Bridge::plaintext(upstream.address()).start();
    assert_eq!(bridge.caller().await.call(claiming(), "").await.code(), 0);
    let arrived = within_limit(seen.recv()).await.expect("the call");
    for name in CLAIMS {
        assert_eq!(arrived.headers().get_all(*name).iter().count(), 2, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hops_are_counted_and_a_loop_ends() {
    let (upstream, mut seen) = telling();
    let near = Bridge::plaintext(upstream.address()).start();
    let far = Bridge::plaintext(&format!("unix:{}", near.socket().display())).start();
    assert_eq!(far.caller().await.hook().await.code(), 0);
    let arrived = within_limit(seen.recv()).await.expect("the call");
    assert_eq!(arrived.headers()["egext-bridge-hops"], "2");

    // A bridge whose upstream is itself, by another name of its socket.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let other_name = directory.path().join("loop.sock");
    let looped = Bridge::plaintext(&format!("unix:{}", other_name.display())).start();
    std::os::unix::fs::symlink(looped.socket(), &other_name).expect("a link");
    let answer = looped.caller().await.hook().await;
    assert_eq!(answer.code(), Code::FailedPrecondition as i32, "{answer:?}");
    assert!(answer.words().contains("`egext-bridge-hops`"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_hops_that_is_none_does_not_begin_again() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        read(call.request.body_mut()).await;
        call.reply(bytes::Bytes::new());
    });
    let bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    for (hops, code) in [("0", 0), ("3", 0), ("4", 9), ("70000", 9), ("-1", 9), ("", 9), ("many", 9)] {
        let mut request = post(HOOK);
        request.headers_mut().insert("egext-bridge-hops", HeaderValue::from_static(hops));
        assert_eq!(caller.call(request, "").await.code(), code, "{hops}");
    }
}

/// RFC 9113 section 3.2.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_did_not_ask_for_h2_is_not_served() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let front = Front::start(&pki, &upstream);
    let mut config = pki.client_config();
    config.alpn_protocols.clear();
    let mut stream = front.handshake(config).await.expect("TLS itself is fine");
    let mut first = [0; 9];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut first);
    // Ended, with or without a word.
    assert!(!matches!(within_limit(read).await, Ok(1..)), "it was greeted");
    assert_eq!(upstream.calls(), 0);
}

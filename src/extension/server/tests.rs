use std::sync::Mutex;

use bytes::Bytes;
use egext_test_support::TestPki;
use http::{Request, Uri};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::Code;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Answer;
use tonic_health::pb::health_client::HealthClient;
use tower::service_fn;

use super::*;
use crate::extension::{Hook, Object, TranslateRequest, TranslateResponse, call};

/// The client half of a connection, as a gRPC service.
async fn client(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> impl GrpcService<Body, ResponseBody = hyper::body::Incoming, Error = hyper::Error, Future: Send> + Clone
{
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    service_fn(move |request: Request<Body>| sender.clone().send_request(request))
}

fn origin() -> Uri {
    Uri::from_static("http://localhost")
}

#[tokio::test]
async fn every_hook_comes_back_unchanged_over_a_unix_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("server.sock");
    let listener = UnixListenerStream::new(UnixListener::bind(&path).expect("a new path"));
    tokio::spawn(Server::new(PassThrough::new()).serve(listener, std::future::pending()));
    let client = client(UnixStream::connect(&path).await.expect("listening")).await;

    for hook in Hook::ALL.iter().copied().filter(|hook| *hook != Hook::Translation) {
        // Larger than gRPC's own limit of 4 MiB, and no protobuf at all.
        let object = Object::from(Bytes::from(vec![0xff; 5 << 20]));
        let answer = call(client.clone(), origin(), hook, object.clone()).await;
        assert!(answer.expect("OK") == object, "{hook}");
    }
    let list = |letter: &str| (0..3).map(|n| Bytes::from(format!("{letter}{n}"))).collect::<Vec<_>>();
    let request =
        TranslateRequest { clusters: list("c"), secrets: list("s"), listeners: list("l"), routes: list("r") };
    let answer = call(client, origin(), Hook::Translation, request.clone()).await.expect("OK");
    assert_eq!(answer, TranslateResponse::from(request));
}

#[tokio::test]
async fn what_is_too_large_or_unknown_is_refused() {
    let (near, far) = tokio::io::duplex(4096);
    let service = PassThrough::new().with_message_limit(1000);
    let connections = tokio_stream::iter([Ok(far)]).chain(tokio_stream::pending());
    tokio::spawn(Server::new(service).serve(connections, std::future::pending()));
    let mut client = client(near).await;

    let large = Object::from(Bytes::from(vec![0; 1001]));
    let status = call(client.clone(), origin(), Hook::Route, large).await.expect_err("too large");
    assert_eq!(status.code(), Code::OutOfRange);

    let path = format!("http://localhost/{SERVICE}/PostNothingModify");
    let request = Request::post(path).body(Body::empty()).expect("a request");
    let response = client.call(request).await.expect("an answer");
    assert_eq!(response.headers()["grpc-status"], (Code::Unimplemented as i32).to_string());
}

#[tokio::test]
async fn the_caller_is_seen_and_a_failed_handshake_is_the_failing_clients_alone() {
    let pki = TestPki::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = PassThrough::new().with_observer({
        let seen = Arc::clone(&seen);
        move |call| {
            seen.lock().expect("not poisoned").push((call.hook, call.client_name().map(str::to_owned)));
        }
    });
    let server = Server::new(service).with_tls(Arc::new(pki.mtls_config()));
    tokio::spawn(server.serve(TcpListenerStream::new(listener), std::future::pending()));

    // One that says nothing, and one that speaks no TLS.
    let _silent = TcpStream::connect(address).await.expect("listening");
    let mut plaintext = TcpStream::connect(address).await.expect("listening");
    tokio::io::AsyncWriteExt::write_all(&mut plaintext, b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");

    let stream = TcpStream::connect(address).await.expect("listening");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(pki.client_config()));
    let client = client(connector.connect(name, stream).await.expect("a good handshake")).await;
    let object = Object::from(Bytes::from_static(b"virtual host"));
    assert_eq!(call(client, origin(), Hook::VirtualHost, object.clone()).await.expect("OK"), object);
    let seen = seen.lock().expect("not poisoned");
    assert_eq!(*seen, [(Hook::VirtualHost, Some("egext client".to_owned()))]);
}

#[tokio::test]
async fn a_client_that_never_finishes_its_handshake_is_let_go() {
    let (mut near, far) = tokio::io::duplex(4096);
    let connections = tokio_stream::iter([Ok(far)]).chain(tokio_stream::pending());
    let server = Server::new(PassThrough::new())
        .with_tls(Arc::new(TestPki::new().tls_config()))
        .with_handshake_limit(Duration::from_millis(1));
    tokio::spawn(server.serve(connections, std::future::pending()));
    let read = tokio::io::AsyncReadExt::read(&mut near, &mut [0]).await;
    assert_eq!(read.expect("closed"), 0);
}

#[tokio::test]
async fn a_client_that_never_begins_http2_is_let_go() {
    let limit = Duration::from_millis(20);
    for begun in [&b""[..], &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"[..]] {
        let (mut near, far) = tokio::io::duplex(4096);
        let connections = tokio_stream::iter([Ok(far)]).chain(tokio_stream::pending());
        let server = Server::new(PassThrough::new()).with_handshake_limit(limit);
        tokio::spawn(server.serve(connections, std::future::pending()));
        tokio::io::AsyncWriteExt::write_all(&mut near, begun).await.expect("room");
        let mut answer = Vec::new();
        let closed = tokio::io::AsyncReadExt::read_to_end(&mut near, &mut answer);
        tokio::time::timeout(egext_test_support::LIMIT, closed).await.expect("in time").expect("closed");
    }
}

#[tokio::test]
async fn stopping_tells_those_who_watch_and_ends() {
    let (near, far) = tokio::io::duplex(4096);
    let connections = tokio_stream::iter([Ok(far)]).chain(tokio_stream::pending());
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let serving = tokio::spawn(Server::new(PassThrough::new()).serve(connections, shutdown));
    let mut health = HealthClient::with_origin(client(near).await, origin());

    let request = HealthCheckRequest { service: SERVICE.to_owned() };
    let mut watch = health.watch(request).await.expect("OK").into_inner();
    let first = watch.message().await.expect("OK").expect("a message");
    assert_eq!(first.status(), Answer::Serving);

    drop(stop);
    let last = watch.message().await.expect("OK").expect("a message");
    assert_eq!(last.status(), Answer::NotServing);
    assert_eq!(watch.message().await.expect("OK"), None);
    serving.await.expect("no panic").expect("a good end");
}

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::Connected;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

use super::SERVICE;
use super::service::{PassThrough, Peer};
use crate::net::{ACCEPT_PAUSE, Admission, CallerLimits, Gate, descriptor_limit};
use crate::report::log::Tally;

/// A [`PassThrough`] service and gRPC health, on any kind of connection.
///
/// Dropping the future of [`Server::serve`] ends the listening, not the connections that stand: end its
/// `shutdown` for that, and wait.
#[derive(Clone, Debug)]
pub struct Server {
    service: PassThrough,
    tls: Option<Arc<ServerConfig>>,
    handshake_limit: Duration,
}

impl Server {
    /// A plaintext server of `service`.
    pub fn new(service: PassThrough) -> Self {
        Self { service, tls: None, handshake_limit: CallerLimits::default().handshake }
    }

    /// Speaks TLS on every connection. `config` has to offer `h2` by ALPN: most gRPC clients insist on it.
    #[must_use]
    pub fn with_tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// How long a client may take for its TLS handshake.
    #[must_use]
    pub fn with_handshake_limit(mut self, limit: Duration) -> Self {
        self.handshake_limit = limit;
        self
    }

    /// Serves `connections` until they end or `shutdown` does, then lets the calls under way finish.
    ///
    /// `connections` is what a listener accepts, such as `TcpListenerStream`. Neither a failed handshake
    /// nor an error among them stops the server.
    ///
    /// # Errors
    /// When the HTTP/2 server ends by itself, which no client can bring about.
    pub async fn serve<S>(
        self,
        connections: impl Stream<Item = io::Result<S>>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (reporter, health) = health_reporter();
        reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
        let (ready, incoming) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel::<Infallible>();

        let limits = CallerLimits::default();
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(limits.ping_after))
            .http2_keepalive_timeout(Some(limits.ping_limit))
            .add_service(health)
            .add_service(self.service)
            .serve_with_incoming_shutdown(
                ReceiverStream::new(incoming).map(Ok::<_, Infallible>),
                // Ends when the other half is dropped: nothing is ever sent.
                async { drop(stopped.await) },
            );
        let accepting = async {
            tokio::select! {
                () = Entrance::new(self.tls, self.handshake_limit, ready).accept(connections) => (),
                () = shutdown => (),
            }
            end_watches(reporter).await;
            drop(stop);
        };
        let mut serving = Box::pin(serving);
        tokio::select! {
            served = &mut serving => served,
            () = accepting => serving.await,
        }
    }
}

/// Brings connections to where HTTP/2 can begin, all of them at the same time.
struct Entrance<S> {
    tls: Option<Arc<ServerConfig>>,
    limit: Duration,
    ready: mpsc::Sender<Connection<S>>,
    gate: Gate,
    failures: Tally,
    refusals: Tally,
    handshakes: Tally,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Entrance<S> {
    fn new(tls: Option<Arc<ServerConfig>>, limit: Duration, ready: mpsc::Sender<Connection<S>>) -> Arc<Self> {
        Arc::new(Self {
            tls,
            limit,
            ready,
            gate: Gate::new(descriptor_limit()),
            failures: Tally::new("cannot accept a connection"),
            refusals: Tally::new("a connection was closed: too many are open"),
            handshakes: Tally::new("TLS handshake failed"),
        })
    }

    async fn accept(self: Arc<Self>, connections: impl Stream<Item = io::Result<S>>) {
        tokio::select! {
            () = Arc::clone(&self).accept_all(connections) => {}
            never = self.failures.sum_up() => match never {},
            never = self.refusals.sum_up() => match never {},
            never = self.handshakes.sum_up() => match never {},
        }
        for tally in [&self.failures, &self.refusals, &self.handshakes] {
            tally.tell();
        }
    }

    async fn accept_all(self: Arc<Self>, connections: impl Stream<Item = io::Result<S>>) {
        let mut connections = std::pin::pin!(connections);
        let mut handshakes = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = connections.next() => accepted,
                Some(ended) = handshakes.join_next() => {
                    ended.expect("nothing cancels a handshake");
                    continue;
                }
            };
            match accepted {
                None => break,
                // The address is not known here, and each counts as every other.
                Some(Ok(stream)) => match self.gate.admit(None) {
                    Ok(admission) => drop(handshakes.spawn(Arc::clone(&self).secure(stream, admission))),
                    Err(refused) => self.refusals.note(refused),
                },
                Some(Err(error)) => {
                    // Out of file descriptors, most likely: the next try would fail at once and for ever.
                    self.failures.note(error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        while let Some(ended) = handshakes.join_next().await {
            ended.expect("nothing cancels a handshake");
        }
    }

    async fn secure(self: Arc<Self>, stream: S, admission: Admission) {
        let stream = match self.tls.clone() {
            None => Secured::Plaintext(stream),
            Some(tls) => {
                let handshake = timeout(self.limit, TlsAcceptor::from(tls).accept(stream));
                let handshake = tokio::select! {
                    handshake = handshake => handshake,
                    () = admission.closed() => return self.refusals.note("it proved nothing"),
                };
                match handshake {
                    Ok(Ok(stream)) => Secured::Tls(Box::new(stream)),
                    Ok(Err(error)) => return self.handshakes.note(error),
                    Err(_) => return self.handshakes.note("it took too long"),
                }
            }
        };
        admission.prove();
        // Fails only while the server stops.
        let _ = self.ready.send(Connection { stream, _admission: admission }).await;
    }
}

/// Ends the health service's streams, each with a last NOT_SERVING. A client that watches would otherwise
/// keep its connection, and so the server, from ending.
async fn end_watches(mut reporter: HealthReporter) {
    for service in ["", SERVICE] {
        reporter.set_service_status(service, ServingStatus::NotServing).await;
        reporter.clear_service_status(service).await;
    }
}

/// A connection on which HTTP/2 can begin.
struct Connection<S> {
    stream: Secured<S>,
    _admission: Admission,
}

enum Secured<S> {
    Plaintext(S),
    Tls(Box<TlsStream<S>>),
}

impl<S> Connected for Connection<S> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let certificate = match &self.stream {
            Secured::Plaintext(_) => None,
            Secured::Tls(stream) => stream.get_ref().1.peer_certificates().and_then(<[_]>::first),
        };
        Peer { certificate: certificate.map(|certificate| Arc::new(certificate.clone())) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_read(cx, buffer),
            Secured::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_write(cx, octets),
            Secured::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_write_vectored(cx, octets),
            Secured::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, octets),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Secured::Plaintext(stream) => stream.is_write_vectored(),
            Secured::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_flush(cx),
            Secured::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Secured::Plaintext(stream) => Pin::new(stream).poll_shutdown(cx),
            Secured::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
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

    use super::super::{Hook, Object, TranslateRequest, TranslateResponse, call};
    use super::*;

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
        let request = TranslateRequest {
            clusters: list("c"),
            secrets: list("s"),
            listeners: list("l"),
            routes: list("r"),
        };
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
            move |call| seen.lock().expect("not poisoned").push((call.hook, call.client_name()))
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
}

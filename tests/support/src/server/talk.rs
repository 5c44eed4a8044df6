use std::convert::Infallible;
use std::io::{self, Cursor};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, join, sink, split};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::channel;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::ServiceExt as _;

use super::drip::{drip, pour};
use super::manner::{Answer, Conduct, Words};
use super::raw::answer_raw;
use super::record::{Record, Watched};

/// A connection, with whatever is spoken on it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Lets the connection be cut, not closed, when it is dropped.
    fn cut_on_drop(&self);
}

impl Stream for TcpStream {
    fn cut_on_drop(&self) {
        self.set_zero_linger().expect("a TCP socket");
    }
}

impl Stream for UnixStream {
    // There is no RST on a unix socket: closed with unread octets is the nearest thing.
    fn cut_on_drop(&self) {}
}

impl Stream for TlsStream<Box<dyn Stream>> {
    fn cut_on_drop(&self) {
        self.get_ref().0.cut_on_drop();
    }
}

/// Conducts one connection from its beginning to its end.
pub(super) async fn talk(
    stream: Box<dyn Stream>,
    tls: Option<TlsAcceptor>,
    conduct: Conduct,
    record: Arc<Record>,
) {
    let stream = match tls {
        None => stream,
        // What went wrong is the client's to say: that is what the tests are about.
        Some(acceptor) => match acceptor.accept(stream).await {
            Err(_) => return,
            Ok(stream) => {
                let session = stream.get_ref().1;
                record.change(|seen| {
                    seen.server_names.push(session.server_name().map(str::to_owned));
                    seen.client_certificates += usize::from(session.peer_certificates().is_some());
                });
                Box::new(stream)
            }
        },
    };
    // Clients go away when they have seen enough, in the middle of anything: errors end the conversation.
    let _ = match conduct {
        Conduct::Close => close(stream).await,
        Conduct::Drip(octets) => drip(stream, octets).await,
        Conduct::GoAway => go_away(stream).await,
        Conduct::Hang => drain(stream).await,
        Conduct::Http2(answer) => http2(stream, answer, record).await,
        Conduct::Http2AfterPreface(answer) => match wait_for_preface(stream).await {
            Ok(stream) => http2(stream, answer, record).await,
            Err(error) => Err(error),
        },
        Conduct::Http2IfSilent(answer) => http2_if_silent(stream, answer, record).await,
        Conduct::Pour(octets) => flood(stream, octets, &record).await,
        Conduct::Raw(answer) => answer_raw(stream, &answer, &record).await,
        Conduct::Reset => reset(stream).await,
        Conduct::Say(words) => say(stream, words).await,
    };
}

/// Ends our side in good order, and waits for the client to end its side: a socket that is closed with
/// unread octets would be reset.
async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.shutdown().await?;
    drain(stream).await
}

async fn drain(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    tokio::io::copy(&mut stream, &mut sink()).await.map(drop)
}

/// Waits for the client to speak: one that is cut sooner may or may not notice while it still connects.
async fn reset(mut stream: Box<dyn Stream>) -> io::Result<()> {
    stream.read_u8().await?;
    stream.cut_on_drop();
    Ok(())
}

async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, words: Words) -> io::Result<()> {
    stream.read_u8().await?;
    match words {
        // A fatal alert in a record of its own (RFC 8446 section 5.1).
        Words::Alert(description) => stream.write_all(&[21, 3, 3, 0, 2, 2, description]).await?,
        // A warning, as RFC 5246 section 7.2.1 has it.
        Words::CloseNotify => {
            stream.write_all(&[21, 3, 3, 0, 2, 1, 0]).await?;
            return drain(stream).await;
        }
        Words::Octets(octets) => stream.write_all(octets).await?,
        Words::Text(text) => stream.write_all(text.as_bytes()).await?,
    }
    close(stream).await
}

async fn flood(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    octets: &[u8],
    record: &Record,
) -> io::Result<()> {
    stream.read_u8().await?;
    pour(&mut stream, &octets.repeat(1024), None, record).await
}

async fn http2_if_silent(mut stream: Box<dyn Stream>, answer: Answer, record: Arc<Record>) -> io::Result<()> {
    if timeout(Duration::from_millis(50), stream.read_u8()).await.is_ok() {
        stream.cut_on_drop();
        return Ok(());
    }
    http2(stream, answer, record).await
}

async fn wait_for_preface(stream: Box<dyn Stream>) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin> {
    let (mut reader, writer) = split(stream);
    let mut preface = [0; PREFACE.len()];
    reader.read_exact(&mut preface).await?;
    // Hyper wants to see it as well.
    Ok(join(Cursor::new(preface).chain(reader), writer))
}

/// SETTINGS, and GOAWAY with no error and no stream accepted (RFC 9113 sections 6.5 and 6.8).
async fn go_away(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
    stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await?;
    close(stream).await
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: Answer,
    record: Arc<Record>,
) -> io::Result<()> {
    let (cut, orders) = (Arc::new(Notify::new()), Arc::clone(&record));
    let service = service_fn(|request: Request<Incoming>| {
        record.change(|seen| {
            seen.paths.push(request.uri().path().to_owned());
            seen.headers.push(request.headers().clone());
        });
        respond(request, answer, Arc::clone(&record), Arc::clone(&cut))
    });
    let mut connection =
        pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
    let gracefully = async {
        tokio::select! {
            served = &mut connection => return served,
            () = orders.says_goodbye() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    tokio::select! {
        served = gracefully => served.map_err(io::Error::other),
        () = cut.notified() => Ok(()),
        () = orders.is_cut() => Ok(()),
    }
}

/// The error resets the stream.
async fn respond(
    request: Request<Incoming>,
    answer: Answer,
    record: Arc<Record>,
    cut: Arc<Notify>,
) -> Result<Response<Body>, io::Error> {
    match answer {
        Answer::Health => Ok(health(request, record).await),
        Answer::Html => Ok(response("text/html", "<h1>It works!</h1>")),
        Answer::Late(delay) => {
            sleep(delay).await;
            Ok(health(request, record).await)
        }
        Answer::Cut => {
            cut.notify_one();
            std::future::pending().await
        }
        Answer::Long(length) => {
            let announced = u32::try_from(length).expect("a short test").to_be_bytes();
            let message = [&[0], &announced[..], &vec![0; length]].concat();
            Ok(response("application/grpc", message))
        }
        Answer::Never => std::future::pending().await,
        Answer::ResetStream => Err(io::Error::other("reset by the test")),
        Answer::Status(code) => Ok(Status::new(code, "says the test server").into_http()),
        Answer::StatusFirst(code, requests) if record.read(|seen| seen.paths.len()) <= requests => {
            Ok(Status::new(code, "says the test server").into_http())
        }
        Answer::StatusFirst(..) => Ok(health(request, record).await),
        Answer::WithoutStatus => Ok(response("application/grpc", "")),
    }
}

async fn health(request: Request<Incoming>, record: Arc<Record>) -> Response<Body> {
    if !request.uri().path().starts_with("/grpc.health.v1.Health/") {
        return Status::new(Code::Unimplemented, "only health is served here").into_http();
    }
    if record.watched == Watched::Badly && request.uri().path().ends_with("/Watch") {
        return response("application/grpc", b"\0\0\0\0\x02\xff\xff".as_slice());
    }
    let server = HealthServer::new(ServingOrNot(record))
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let answered: Result<_, Infallible> = server.oneshot(request).await;
    answered.unwrap_or_else(|never| match never {})
}

fn response(content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// The health service: knows the server as a whole and the extension service.
struct ServingOrNot(Arc<Record>);

#[tonic::async_trait]
impl Health for ServingOrNot {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        match status(&request.get_ref().service, self.0.serving()) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("unknown service")),
            status => Ok(tonic::Response::new(HealthCheckResponse { status: status.into() })),
        }
    }

    async fn watch(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        let watched = self.0.watched;
        if watched == Watched::Never {
            return Err(Status::unimplemented("this server is not watched"));
        }
        let service = request.into_inner().service;
        let (sender, receiver) = channel(1);
        let mut health = self.0.health();
        tokio::spawn(async move {
            loop {
                let serving = *health.borrow_and_update();
                let status = status(&service, serving != (watched == Watched::Falsely));
                let message = HealthCheckResponse { status: status.into() };
                if sender.send(Ok(message)).await.is_err()
                    || watched == Watched::Once
                    || health.changed().await.is_err()
                {
                    return;
                }
            }
        });
        Ok(tonic::Response::new(ReceiverStream::new(receiver)))
    }
}

/// `serving` is about the server as a whole.
fn status(service: &str, serving: bool) -> ServingStatus {
    match service {
        "" if !serving => ServingStatus::NotServing,
        "" | EXTENSION_SERVICE => ServingStatus::Serving,
        _ => ServingStatus::ServiceUnknown,
    }
}

const EXTENSION_SERVICE: &str = "envoygateway.extension.EnvoyGatewayExtension";

/// RFC 9113 section 3.4.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

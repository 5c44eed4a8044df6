//! Workload APIs of SPIFFE that answer as they are told, on a unix socket.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

use crate::TestPki;
use crate::pki::{certificates, key};

/// One thing that a Workload API does in a call.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends these octets again and again, until the call ends.
    Flood(Vec<u8>),
    /// Sends a message.
    Message(Vec<u8>),
    /// Sends octets that are no message.
    Octets(Vec<u8>),
    /// Ends the call with a status of gRPC.
    Status(u32, &'static str),
}

/// A Workload API on a unix socket. Stops when dropped.
#[derive(Debug)]
pub struct TestWorkloadApi {
    directory: TempDir,
    calls: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl TestWorkloadApi {
    /// One that does the same in each call, and then keeps it open.
    pub fn new(acts: impl Into<Vec<Act>>) -> Self {
        Self::with_calls([acts.into()])
    }

    /// One that does this in the first call and in each that follows; the last of them is repeated.
    pub fn with_calls(acts: impl Into<Vec<Vec<Act>>>) -> Self {
        let acts: Vec<_> = acts.into();
        let directory = tempfile::Builder::new().prefix("egext-").tempdir().expect("a temporary directory");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let inside = runtime.enter();
        let listener = UnixListener::bind(directory.path().join("agent.sock")).expect("a new path");
        drop(inside);
        let (calls, (stop, stopped)) = (Arc::default(), oneshot::channel());
        let seen = Arc::clone(&calls);
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(&listener, Arc::new(acts), seen) => {}
                    // Sent or dropped: both mean the end.
                    _ = stopped => {}
                }
            });
            drop(runtime);
        });
        Self { directory, calls, running: Some((stop, thread)) }
    }

    /// The value of `SPIFFE_ENDPOINT_SOCKET`.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The path of each request that it got, and its header `workload.spiffe.io`.
    pub fn calls(&self) -> Vec<(String, Option<String>)> {
        let header = |headers: &HeaderMap| {
            let value = headers.get("workload.spiffe.io").map(HeaderValue::as_bytes);
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let calls = self.calls.lock().expect("not poisoned");
        calls.iter().map(|(path, headers)| (path.clone(), header(headers))).collect()
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }
}

impl Drop for TestWorkloadApi {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            // Fails when the thread is gone; the join says why.
            let _ = stop.send(());
            if let Err(panic) = thread.join()
                && !thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// A part of an answer.
type Sent = Result<Frame<Bytes>, io::Error>;

type Calls = Arc<Mutex<Vec<(String, HeaderMap)>>>;

async fn serve(listener: &UnixListener, acts: Arc<Vec<Vec<Act>>>, calls: Calls) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (acts, calls) = (Arc::clone(&acts), Arc::clone(&calls));
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let number = {
                    let mut calls = calls.lock().expect("not poisoned");
                    calls.push((request.uri().path().to_owned(), request.headers().clone()));
                    calls.len()
                };
                let acts = acts[number.min(acts.len()) - 1].clone();
                async { Ok::<_, Infallible>(answer(acts)) }
            });
            let builder = http2::Builder::new(TokioExecutor::new());
            // Clients go away when they have seen enough.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(acts: Vec<Act>) -> Response<StreamBody<ReceiverStream<Sent>>> {
    let (sender, frames) = channel(1);
    tokio::spawn(async move {
        // Fails when the client has gone.
        let _ = perform(acts, &sender).await;
    });
    let mut response = Response::new(StreamBody::new(ReceiverStream::new(frames)));
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

/// `None` when the client has gone.
async fn perform(acts: Vec<Act>, sender: &Sender<Sent>) -> Option<()> {
    for act in acts {
        match act {
            Act::Flood(octets) => loop {
                sender.send(Ok(Frame::data(octets.clone().into()))).await.ok()?;
            },
            Act::Message(message) => {
                let length = u32::try_from(message.len()).expect("a short test").to_be_bytes();
                let framed = [&[0], &length[..], &message].concat();
                sender.send(Ok(Frame::data(framed.into()))).await.ok()?;
            }
            Act::Octets(octets) => sender.send(Ok(Frame::data(octets.into()))).await.ok()?,
            Act::Status(code, text) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", code.into());
                trailers.insert("grpc-message", HeaderValue::from_static(text));
                return sender.send(Ok(Frame::trailers(trailers))).await.ok();
            }
        }
    }
    sender.closed().await;
    Some(())
}

/// What a Workload API says of one identity: `X509SVID` of SPIFFE's `workload.proto`.
#[derive(Clone, Debug, Default)]
pub struct TestSvid {
    /// `spiffe_id`
    pub id: String,
    /// `x509_svid`: certificates in DER, one behind the other.
    pub chain: Vec<u8>,
    /// `x509_svid_key`: PKCS#8 in DER.
    pub key: Vec<u8>,
    /// `bundle`: certificates in DER, one behind the other.
    pub bundle: Vec<u8>,
    /// `hint`
    pub hint: String,
}

impl TestSvid {
    /// The client of a set, and its CA.
    pub fn of_client(pki: &TestPki, id: &str) -> Self {
        let (chain, key) = (concatenated(&pki.client_certificate()), key(&pki.client_key()));
        let key = key.secret_der().to_vec();
        Self { id: id.to_owned(), chain, key, bundle: Self::bundle_of(pki), hint: String::new() }
    }

    /// The CA of a set.
    pub fn bundle_of(pki: &TestPki) -> Vec<u8> {
        concatenated(&pki.ca())
    }

    /// A message with these identities, and with the bundles of other trust domains.
    pub fn response(svids: &[Self], federated: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut message = Vec::new();
        for svid in svids {
            let fields =
                [svid.id.as_bytes(), &svid.chain, &svid.key, &svid.bundle, svid.hint.as_bytes()].into_iter();
            let octets = fields.zip(1..).flat_map(|(octets, number)| field(number, octets));
            message.extend(field(1, &octets.collect::<Vec<_>>()));
        }
        for (domain, bundle) in federated {
            message.extend(field(3, &[field(1, domain.as_bytes()), field(2, bundle)].concat()));
        }
        message
    }
}

/// The certificates of a file in DER, one behind the other.
fn concatenated(path: &Path) -> Vec<u8> {
    certificates(path).iter().flat_map(|der| der.to_vec()).collect()
}

/// A field whose value has a length, as Protocol Buffers write it.
fn field(number: u8, octets: &[u8]) -> Vec<u8> {
    let (mut field, mut length) = (vec![number << 3 | 2], octets.len());
    while length > 0x7f {
        field.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).expect("seven bits"));
    field.extend(octets);
    field
}

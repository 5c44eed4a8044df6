mod target;

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::descriptors::cause_of_resolver;
use super::frame::{FRAME_HEADER, is_settings};
use super::stream::Stream;
use super::tls::{ClientTls, H2};
use super::witness::Witness;
use super::{Address, Fault, FaultKind, ReadAhead, Stage};
use crate::host::Host;

pub(super) use target::to_server_name;
pub use target::{Alpn, Target, TargetError};

/// What became of an attempt to connect: facts of every stage that was reached, and the outcome.
#[derive(Debug)]
pub struct Dialed {
    /// What was learned on the way.
    pub trace: Trace,
    /// The connection with the bytes that were read from it already, or what ended the attempt.
    pub outcome: Result<(Stream, Bytes), Fault>,
}

/// Facts of the stages that were reached. Durations are of each stage alone.
#[derive(Debug, Default)]
pub struct Trace {
    /// The addresses of the host, and how long it took to find them.
    pub resolved: Option<(Vec<SocketAddr>, Duration)>,
    /// The addresses that took no connection, and why.
    pub failed: Vec<(SocketAddr, String)>,
    /// The address that answered (`None` for a unix socket), and how long that took.
    pub connected: Option<(Option<SocketAddr>, Duration)>,
    /// What the handshake agreed on, and how long it took.
    pub handshake: Option<(Agreed, Duration)>,
    /// How long the server's first frame took after that; `None` while it has not come.
    pub first_frame: Option<Duration>,
    /// What was seen of the server, also in a failed handshake; `None` in plaintext.
    pub witness: Option<Arc<Witness>>,
}

/// What a TLS handshake agreed on, by the names of the standards.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// Such as `TLS 1.3`.
    pub version: String,
    /// Such as `X25519MLKEM768`; empty where TLS 1.2 does not say.
    pub key_exchange: String,
    /// Such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// Whether `h2` was agreed on by ALPN.
    pub alpn: bool,
}

/// Connects up to the server's first HTTP/2 frame, and gives up at `deadline`.
///
/// In TLS 1.3 our side of the handshake is complete before the server has judged our certificate. Its
/// first HTTP/2 frame is read before anything is written: a write can fail first and lose the alert. A server that
/// waits for our preface instead gets it after `GRACE`, or soon after it sent a session ticket, as servers do
/// when they have judged. The outcome then has no bytes, and the verdict falls in [`super::open`].
pub async fn dial(target: &Target, deadline: Instant) -> Dialed {
    dial_telling(target, deadline, &|_| ()).await
}

/// The same, and `begins` gets each stage when it begins.
pub(crate) async fn dial_telling(
    target: &Target,
    deadline: Instant,
    begins: &(dyn Fn(Stage) + Sync),
) -> Dialed {
    let mut trace = Trace::default();
    let outcome = attempt(target, deadline, &mut trace, begins).await;
    Dialed { trace, outcome }
}

async fn attempt(
    target: &Target,
    deadline: Instant,
    trace: &mut Trace,
    begins: &(dyn Fn(Stage) + Sync),
) -> Result<(Stream, Bytes), Fault> {
    let mut stream = match &target.address {
        Address::Unix(path) => {
            begins(Stage::Connect);
            let stream = connect_unix(path, deadline, trace).await?;
            match &target.tls {
                None => Stream::from(stream),
                Some((tls, name)) => {
                    begins(Stage::Tls);
                    Stream::UnixTls(Box::new(handshake(tls, name.clone(), stream, deadline, trace).await?))
                }
            }
        }
        Address::Tcp { host, port, .. } => {
            begins(Stage::Resolve);
            let addresses = resolve(host, *port, &target.placed, deadline, trace).await?;
            begins(Stage::Connect);
            let stream = connect_tcp(&addresses, deadline, trace).await?;
            match &target.tls {
                None => Stream::from(stream),
                Some((tls, name)) => {
                    begins(Stage::Tls);
                    let stream = handshake(tls, name.clone(), stream, deadline, trace).await?;
                    Stream::Tls(Box::new(stream.into()))
                }
            }
        }
    };
    if target.alpn == Alpn::Required && trace.handshake.as_ref().is_some_and(|(agreed, _)| !agreed.alpn) {
        return Err(Fault::new(Stage::Alpn, FaultKind::AlpnMissing));
    }
    begins(Stage::Http2);
    let begin = Instant::now();
    let first = first_frame(&mut stream, deadline, trace).await?;
    trace.first_frame = Some(begin.elapsed()).filter(|_| !first.is_empty());
    Ok((stream, first))
}

async fn resolve(
    host: &Host,
    port: u16,
    placed: &[SocketAddr],
    deadline: Instant,
    trace: &mut Trace,
) -> Result<Vec<SocketAddr>, Fault> {
    let begin = Instant::now();
    let addresses = match host {
        _ if !placed.is_empty() => placed.to_vec(),
        Host::Ip(address) => vec![SocketAddr::new(*address, port)],
        Host::Name(name) => timeout_at(deadline, tokio::net::lookup_host((name.as_str(), port)))
            .await
            .map_err(|_| Fault::timeout(Stage::Resolve))?
            .map_err(|error| Fault::io(Stage::Resolve, cause_of_resolver(error)))?
            .collect(),
    };
    if addresses.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(Fault::io(Stage::Resolve, error));
    }
    trace.resolved = Some((addresses.clone(), begin.elapsed()));
    Ok(addresses)
}

/// Tries one address after the other. Each gets a share of the time that is left, so that an address that never
/// answers does not hide one that does.
async fn connect_tcp(
    addresses: &[SocketAddr],
    deadline: Instant,
    trace: &mut Trace,
) -> Result<TcpStream, Fault> {
    let begin = Instant::now();
    let mut fault = Fault::timeout(Stage::Connect);
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                prepare(&stream).map_err(|error| Fault::io(Stage::Connect, error))?;
                trace.connected = Some((Some(*address), begin.elapsed()));
                return Ok(stream);
            }
            Ok(Err(error)) => fault = Fault::io(Stage::Connect, error),
            Err(_) => fault = Fault::timeout(Stage::Connect),
        }
        trace.failed.push((*address, fault.kind.to_string()));
    }
    Err(fault)
}

async fn connect_unix(path: &Path, deadline: Instant, trace: &mut Trace) -> Result<UnixStream, Fault> {
    let begin = Instant::now();
    let stream = timeout_at(deadline, UnixStream::connect(path))
        .await
        .map_err(|_| Fault::timeout(Stage::Connect))?
        .map_err(|error| Fault::io(Stage::Connect, told_apart(path, error)))?;
    trace.connected = Some((None, begin.elapsed()));
    Ok(stream)
}

/// The kernel refuses a connection to any file; only a socket's refusal means that no process listens.
fn told_apart(path: &Path, error: io::Error) -> io::Error {
    let is_refusal = error.kind() == io::ErrorKind::ConnectionRefused;
    match path.metadata() {
        Ok(found) if is_refusal && !found.file_type().is_socket() => {
            io::Error::new(io::ErrorKind::InvalidInput, "the file is not a socket")
        }
        _ => error,
    }
}

/// Small messages are sent at once, and a peer that disappeared is noticed even while nothing is sent.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(2 * KEEPALIVE))?;
    Ok(())
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &ClientTls,
    name: ServerName<'static>,
    stream: S,
    deadline: Instant,
    trace: &mut Trace,
) -> Result<TlsStream<ReadAhead<S>>, Fault> {
    let begin = Instant::now();
    let (config, witness) = tls.connection();
    let stream = tls.reading(stream, &witness).opening();
    trace.witness = Some(witness);
    let mut stream = timeout_at(deadline, TlsConnector::from(config).connect(name, stream))
        .await
        .map_err(|_| Fault::timeout(Stage::Tls))?
        .map_err(|error| Fault::io(Stage::Tls, error))?;
    stream.get_mut().0.opened();
    trace.handshake = Some((agreed(stream.get_ref().1), begin.elapsed()));
    Ok(stream)
}

fn agreed(connection: &rustls::ClientConnection) -> Agreed {
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => TLS13.to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        other => format!("{other:?}"),
    };
    Agreed {
        version,
        key_exchange: connection
            .negotiated_key_exchange_group()
            .map_or_else(String::new, |group| format!("{:?}", group.name())),
        cipher_suite: connection
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
        alpn: connection.alpn_protocol() == Some(H2),
    }
}

async fn first_frame(stream: &mut Stream, deadline: Instant, trace: &Trace) -> Result<Bytes, Fault> {
    let mut first = BytesMut::with_capacity(FRAME_HEADER);
    let mut patience = deadline.min(Instant::now() + GRACE);
    let mut judged = pin!(judged(trace));
    let mut is_judged = false;
    while first.len() < FRAME_HEADER {
        let read = tokio::select! {
            biased;
            read = timeout_at(patience, stream.read_buf(&mut first)) => read,
            () = &mut judged, if !is_judged => {
                is_judged = true;
                if first.is_empty() {
                    patience = patience.min(Instant::now() + courtesy(trace));
                }
                continue;
            }
        };
        match read {
            Err(_) if first.is_empty() => return Ok(Bytes::new()),
            Ok(Ok(0)) if first.is_empty() => return Err(Fault::new(Stage::Http2, FaultKind::Closed)),
            Err(_) | Ok(Ok(0)) => return Err(unexpected(&first)),
            // The length of a SETTINGS frame begins with a zero: what does not is no HTTP/2, and the rest
            // of it may never come.
            Ok(Ok(_)) if first[0] != 0 => return Err(unexpected(&first)),
            Ok(Ok(_)) => patience = deadline,
            Ok(Err(error)) => return Err(Fault::io(Stage::Http2, error)),
        }
    }
    if !is_settings(&first) {
        return Err(unexpected(&first));
    }
    Ok(first.freeze())
}

/// Waits until the server has judged our certificate, as far as that can be seen. In plaintext there is none, and in
/// TLS 1.2 the handshake ends with the verdict.
async fn judged(trace: &Trace) {
    let is_later = trace.handshake.as_ref().is_some_and(|(agreed, _)| agreed.version == TLS13);
    if let Some(witness) = trace.witness.as_ref().filter(|_| is_later) {
        witness.ticket().await;
    }
}

/// How long a server that has judged may take to speak first, or to close: some do that after the handshake.
fn courtesy(trace: &Trace) -> Duration {
    let connected = trace.connected.map_or(Duration::ZERO, |(_, took)| took);
    COURTESY + 2 * connected
}

fn unexpected(first: &[u8]) -> Fault {
    Fault::new(Stage::Http2, FaultKind::Unexpected(first.to_vec()))
}

/// How long a server may wait for our preface before we send it unasked, while it may not have judged our certificate.
const GRACE: Duration = Duration::from_millis(250);

/// The same when it has, and on top of the time on the way.
const COURTESY: Duration = Duration::from_millis(10);

const TLS13: &str = "TLS 1.3";

/// After how much silence the peer is asked whether the connection still works.
const KEEPALIVE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;

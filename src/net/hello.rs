use std::time::Duration;

use rustls::ClientConnection;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

use super::stream::Stream;
use super::{Address, ClientTls, Fault, FaultKind, Stage, Target, Trace};

/// The same fault, or what is behind it where a second connection can tell.
///
/// A TLS server that gets plaintext usually closes without an answer (Go, C-core, Node, OpenSSL), as a failing server
/// does. But it answers a TLS hello in TLS. And if an answer to a hello cannot be read, TLS does not report
/// whether it was plaintext or a malformed message.
pub async fn explain(target: &Target, trace: &Trace, fault: Fault, deadline: Instant) -> Fault {
    let Fault { stage, kind } = fault;
    match (stage, kind) {
        (Stage::Http2, kind @ (FaultKind::Closed | FaultKind::Io(_))) if target.tls().is_none() => {
            let kind = match answer(target.address(), trace, deadline).await {
                Some(first) if is_tls(&first) => FaultKind::SpeaksTls,
                _ => kind,
            };
            Fault::new(stage, kind)
        }
        (Stage::Tls, FaultKind::Tls(error @ rustls::Error::InvalidMessage(_))) => {
            let kind = match answer(target.address(), trace, deadline).await {
                Some(first) if is_tls(&first) => FaultKind::Corrupt(error),
                Some(first) => FaultKind::Unexpected(first),
                None => FaultKind::Tls(error),
            };
            Fault::new(stage, kind)
        }
        (stage, kind) => Fault::new(stage, kind),
    }
}

/// Does it begin with a record of version 3.x (RFC 8446 section 5.1)?
fn is_tls(first: &[u8]) -> bool {
    matches!(first, [0x14..=0x17, 3, ..])
}

/// How the server's answer to a TLS hello begins. `None`: nothing was learned, and the first fault stands as it is.
async fn answer(address: &Address, trace: &Trace, deadline: Instant) -> Option<Vec<u8>> {
    let deadline = deadline.min(Instant::now() + LIMIT);
    let first = timeout_at(deadline, ask(address, trace)).await.ok()?.ok()?;
    (first.len() > 1).then_some(first)
}

async fn ask(address: &Address, trace: &Trace) -> std::io::Result<Vec<u8>> {
    let mut stream: Stream = match (address, &trace.connected) {
        (Address::Unix(path), _) => UnixStream::connect(path).await?.into(),
        (Address::Tcp { .. }, Some((Some(peer), _))) => TcpStream::connect(peer).await?.into(),
        (Address::Tcp { .. }, _) => return Ok(Vec::new()),
    };
    stream.write_all(&hello(address)?).await?;
    let mut first = Vec::with_capacity(SHOWN);
    let mut stream = stream.take(SHOWN as u64);
    while first.len() < 2 && stream.read_buf(&mut first).await? > 0 {}
    Ok(first)
}

fn hello(address: &Address) -> std::io::Result<Vec<u8>> {
    let name = match address {
        Address::Tcp { host, .. } => super::dial::to_server_name(host).map_err(std::io::Error::other)?,
        Address::Unix(_) => ServerName::try_from("localhost").map_err(std::io::Error::other)?,
    };
    let (config, _) = ClientTls::trusting_no_ca().connection();
    let mut connection = ClientConnection::new(config, name).map_err(std::io::Error::other)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}

/// How much of an answer is shown.
const SHOWN: usize = 24;

/// A TLS server answers within a round trip; a busy one takes longer.
const LIMIT: Duration = Duration::from_secs(5);

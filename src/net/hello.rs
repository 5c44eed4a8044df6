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
/// A TLS server that gets plaintext mostly closes without a word (Go, C-core, Node, OpenSSL), which looks like a
/// server in trouble. It answers a TLS hello in TLS.
pub async fn explain(target: &Target, trace: &Trace, fault: Fault, deadline: Instant) -> Fault {
    let went_away = matches!(fault.kind, FaultKind::Closed | FaultKind::Io(_)) && fault.stage == Stage::Http2;
    if went_away && target.tls().is_none() && speaks_tls(target.address(), trace, deadline).await {
        return Fault::new(Stage::Http2, FaultKind::SpeaksTls);
    }
    fault
}

async fn speaks_tls(address: &Address, trace: &Trace, deadline: Instant) -> bool {
    let deadline = deadline.min(Instant::now() + LIMIT);
    matches!(timeout_at(deadline, ask(address, trace)).await, Ok(Ok(true)))
}

/// An error means that nothing was learned, and the first fault stands as it is.
async fn ask(address: &Address, trace: &Trace) -> std::io::Result<bool> {
    let mut stream = match (address, &trace.connected) {
        (Address::Unix(path), _) => Stream::Unix(UnixStream::connect(path).await?),
        (Address::Tcp { .. }, Some((Some(peer), _))) => Stream::Tcp(TcpStream::connect(peer).await?),
        (Address::Tcp { .. }, _) => return Ok(false),
    };
    stream.write_all(&hello(address)?).await?;
    let mut record = [0; 2];
    stream.read_exact(&mut record).await?;
    // An alert or a handshake record, of version 3.x (RFC 8446 section 5.1).
    Ok(matches!(record, [0x15 | 0x16, 3]))
}

fn hello(address: &Address) -> std::io::Result<Vec<u8>> {
    let name = match address {
        Address::Tcp { host, .. } => super::dial::to_server_name(host).map_err(std::io::Error::other)?,
        Address::Unix(_) => ServerName::try_from("localhost").map_err(std::io::Error::other)?,
    };
    let (config, _) = ClientTls::trusting_nobody().connection();
    let mut connection = ClientConnection::new(config, name).map_err(std::io::Error::other)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}

/// A TLS server answers within a round trip; a busy one takes longer.
const LIMIT: Duration = Duration::from_secs(5);

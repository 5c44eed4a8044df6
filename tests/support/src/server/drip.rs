//! Servers that never stop talking, quickly or one octet at a time.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::sleep;

use super::record::Record;

/// Says the octets, and then the last one again and again, when the client has begun. Each is a message of its own.
pub(super) async fn drip(mut stream: impl AsyncRead + AsyncWrite + Unpin, octets: &[u8]) -> io::Result<()> {
    stream.read_u8().await?;
    let last = octets.last().copied().unwrap_or_default();
    for octet in octets.iter().copied().chain(std::iter::repeat(last)) {
        stream.write_all(&[octet]).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Says the same again and again, as quickly as it can be sent, until the client has gone.
pub(super) async fn pour(
    stream: &mut (impl AsyncWrite + Unpin),
    octets: &[u8],
    pause: Option<Duration>,
    record: &Record,
) -> io::Result<()> {
    loop {
        stream.write_all(octets).await?;
        record.change(|seen| seen.poured += octets.len());
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }
}

pub(super) const PAUSE: Duration = Duration::from_millis(10);

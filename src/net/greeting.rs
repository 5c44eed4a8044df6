//! A TLS hello with a name that our TLS would not send, and how a server answers it.
//!
//! Envoy Gateway's TLS (advancedtls v1.0.0) puts `host:port` into SNI. rustls sends host names only, so its hello is made
//! with a host name of the same length, which is replaced before the hello is sent. The handshake cannot go on after that,
//! and need not: a server decides about the name before it answers.

use std::io;
use std::net::SocketAddr;

use rustls::{AlertDescription, ClientConnection};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::ClientTls;

/// How a server answered a hello.
#[derive(Debug)]
pub(crate) enum Greeting {
    /// It goes on with the handshake.
    Accepted,
    /// By a fatal alert.
    Alert(AlertDescription),
    /// It closed the connection without an answer, or with one that is no TLS.
    Closed,
    /// It did not answer in time.
    Silent,
    /// The hello did not reach it.
    Unsent(io::Error),
}

/// What a hello has in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hello<'a> {
    /// What Envoy Gateway offers, and this as the server's name, whatever it is.
    Gateway(&'a str),
    /// What Envoy Gateway offers, and what our TLS sends to a server of this name: nothing if it is an IP address.
    Named(&'a ServerName<'static>),
    /// What other clients of ours offer and send.
    Ours(&'a ServerName<'static>),
}

/// Says hello, and waits for the beginning of an answer.
pub(crate) async fn greet(peer: SocketAddr, hello: Hello<'_>, deadline: Instant) -> Greeting {
    let client = ClientTls::trusting_no_ca();
    let hello = match hello {
        Hello::Gateway(name) => of_gateway(name),
        Hello::Named(name) => hello_of(&client.offering_as_go(), name.clone()),
        Hello::Ours(name) => hello_of(&client, name.clone()),
    };
    let hello = match hello {
        Ok(hello) => hello,
        Err(error) => return Greeting::Unsent(error),
    };
    let mut stream = match timeout_at(deadline, TcpStream::connect(peer)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Greeting::Unsent(error),
        Err(_) => return Greeting::Unsent(io::ErrorKind::TimedOut.into()),
    };
    let answer = async {
        stream.write_all(&hello).await?;
        answer(&mut stream).await
    };
    match timeout_at(deadline, answer).await {
        Ok(answer) => answer.unwrap_or(Greeting::Closed),
        Err(_) => Greeting::Silent,
    }
}

/// Warnings come before the answer, and Go ignores them in this place.
async fn answer(stream: &mut TcpStream) -> io::Result<Greeting> {
    for _ in 0..MOST_WARNINGS {
        let mut header = [0; RECORD_HEADER];
        stream.read_exact(&mut header).await?;
        match header {
            [HANDSHAKE, 3, ..] => return Ok(Greeting::Accepted),
            [ALERT, 3, _, 0, 2] => {}
            _ => break,
        }
        let (level, description) = (stream.read_u8().await?, stream.read_u8().await?);
        if level != WARNING || description == u8::from(AlertDescription::CloseNotify) {
            return Ok(Greeting::Alert(description.into()));
        }
    }
    Ok(Greeting::Closed)
}

fn of_gateway(name: &str) -> io::Result<Vec<u8>> {
    let stand_in = stand_in(name.len());
    let client = ClientTls::trusting_no_ca().offering_as_go();
    let mut hello = hello_of(&client, ServerName::try_from(stand_in.clone()).map_err(io::Error::other)?)?;
    // A host name (type 0) with its length before it (RFC 6066 section 3), which nothing else looks like.
    let [high, low] = u16::try_from(name.len()).map_err(io::Error::other)?.to_be_bytes();
    let entry = [&[0, high, low], stand_in.as_bytes()].concat();
    let place = hello.windows(entry.len()).position(|octets| octets == entry);
    let end = place.ok_or_else(|| io::Error::other("the hello has no name"))? + entry.len();
    hello[end - name.len()..end].copy_from_slice(name.as_bytes());
    Ok(hello)
}

fn hello_of(client: &ClientTls, name: ServerName<'static>) -> io::Result<Vec<u8>> {
    let (config, _) = client.connection();
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}

/// A host name of this length.
fn stand_in(length: usize) -> String {
    (0..length)
        .map(|index| if index % LABEL == LABEL - 1 && index + 1 < length { '.' } else { 'a' })
        .collect()
}

/// Shorter than the longest label of a host name.
const LABEL: usize = 60;

/// RFC 8446 section 5.1.
const RECORD_HEADER: usize = 5;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// RFC 8446 section 6.
const WARNING: u8 = 1;

/// `unrecognized_name` is one; a server has no reason to send many.
const MOST_WARNINGS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_has_any_name_in_it() {
        for name in ["a:1", "localhost:5005", "[::1]:5005", &format!("{}:65535", "a".repeat(247))] {
            let hello = of_gateway(name).expect(name);
            let entry = [&[0, 0, name.len() as u8], name.as_bytes()].concat();
            assert_eq!(hello.windows(entry.len()).filter(|octets| *octets == entry).count(), 1, "{name}");
        }
        of_gateway(&"a".repeat(254)).expect_err("no host name is so long");
    }
}

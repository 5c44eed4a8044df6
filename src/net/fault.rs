use std::fmt::{self, Display};
use std::io;

/// The layers of a channel, in the order in which they are built.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Layer {
    /// The host name has addresses.
    Resolve,
    /// The port or the socket takes connections.
    Connect,
    /// The handshake succeeds and we trust the server.
    Tls,
    /// The server speaks HTTP/2 on it (RFC 7301).
    Alpn,
    /// The server trusts us.
    Mtls,
    /// The server sent SETTINGS (RFC 9113 section 3.4).
    Http2,
    /// The server answers calls in gRPC.
    Grpc,
    /// The server says that it serves.
    Health,
}

impl Layer {
    /// All of them, from the ground up.
    pub const ALL: [Self; 8] = [
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Alpn,
        Self::Mtls,
        Self::Http2,
        Self::Grpc,
        Self::Health,
    ];

    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Alpn => "alpn",
            Self::Mtls => "mtls",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::Health => "health",
        }
    }
}

impl Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What ended an attempt, and on which layer.
///
/// A peer's fault, so it is data and becomes a finding (`diagnosis`).
#[derive(Debug)]
pub struct Fault {
    /// The layer that was being built.
    pub layer: Layer,
    /// What happened on it.
    pub kind: FaultKind,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum FaultKind {
    /// The handshake agreed on no protocol by ALPN.
    AlpnMissing,
    /// The peer closed the connection in good order, and too early.
    Closed,
    /// The operating system or the peer's reset ended it.
    Io(io::Error),
    /// The peer speaks TLS, and was spoken to in plaintext.
    SpeaksTls,
    /// The limit passed.
    Timeout,
    /// TLS ended it: our verdict on the peer, or the peer's alert.
    Tls(rustls::Error),
    /// The peer's first bytes belong to another protocol.
    Unexpected(Vec<u8>),
}

impl Display for FaultKind {
    /// For the log; a person who asks gets a finding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlpnMissing => f.write_str("no protocol was agreed on by ALPN"),
            Self::Closed => f.write_str("the peer closed the connection"),
            Self::Io(error) => error.fmt(f),
            Self::SpeaksTls => f.write_str("the peer speaks TLS"),
            Self::Timeout => f.write_str("the limit passed"),
            Self::Tls(error) => error.fmt(f),
            Self::Unexpected(_) => f.write_str("the peer speaks another protocol"),
        }
    }
}

impl Fault {
    pub(super) fn new(layer: Layer, kind: FaultKind) -> Self {
        Self { layer, kind }
    }

    pub(crate) fn timeout(layer: Layer) -> Self {
        Self::new(layer, FaultKind::Timeout)
    }

    /// An I/O error, unwrapped to what TLS says where TLS is behind it.
    pub(super) fn io(layer: Layer, error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
        let kind = match tls {
            Some(tls) => FaultKind::Tls(tls),
            None if error.kind() == io::ErrorKind::UnexpectedEof => FaultKind::Closed,
            None => FaultKind::Io(error),
        };
        Self::new(layer, kind)
    }
}

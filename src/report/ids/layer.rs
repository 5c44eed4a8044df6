use std::fmt::{self, Display};

/// The layers of a channel, in the order in which they are built: those of a connection, and what only a probe asks for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The host name has addresses.
    Resolve,
    /// The port or the socket accepts connections.
    Connect,
    /// The handshake succeeds and we trust the server.
    Tls,
    /// The server speaks HTTP/2 on it (RFC 7301).
    Alpn,
    /// The server accepts our certificate.
    Mtls,
    /// The server sent SETTINGS (RFC 9113 section 3.4).
    Http2,
    /// The server answers calls in gRPC.
    Grpc,
    /// The server says that it serves.
    Health,
    /// Envoy Gateway's own TLS could connect to it.
    Gateway,
    /// The server refuses clients that have no certificate of its CA.
    Policy,
}

impl Layer {
    /// All of them, from the ground up.
    pub const ALL: [Self; 10] = [
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Alpn,
        Self::Mtls,
        Self::Http2,
        Self::Grpc,
        Self::Health,
        Self::Gateway,
        Self::Policy,
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
            Self::Gateway => "gateway",
            Self::Policy => "policy",
        }
    }
}

impl Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

use std::fmt::{self, Display};
use std::io;

/// How far a connection has come, in the order of the steps.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// The addresses of the host name are looked up.
    Resolve,
    /// The port or the socket is asked for a connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The protocol that the handshake agreed on (RFC 7301).
    Alpn,
    /// The server's SETTINGS are waited for (RFC 9113 section 3.4).
    Http2,
    /// The connection is open, and carries calls.
    Call,
}

/// What ended an attempt, and at which stage.
///
/// A peer's fault, so it is data and becomes a finding (`diagnosis`).
#[derive(Debug)]
pub struct Fault {
    /// How far it had come.
    pub stage: Stage,
    /// What happened there.
    pub kind: FaultKind,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum FaultKind {
    /// The server selected no protocol by ALPN.
    AlpnMissing,
    /// The peer closed the connection without an error, but too early.
    Closed,
    /// The peer speaks TLS, but one of its messages cannot be read.
    Corrupt(rustls::Error),
    /// The operating system or the peer's reset ended it.
    Io(io::Error),
    /// The limit passed, and the peer did not let us send the whole request (RFC 9113 section 5.2).
    NoWindow {
        /// What it lets a client send at first.
        initial: u32,
    },
    /// The peer speaks TLS, but got plaintext.
    SpeaksTls,
    /// The limit passed.
    Timeout,
    /// TLS ended it: our verdict on the peer, or the peer's alert.
    Tls(rustls::Error),
    /// The peer's first bytes belong to another protocol.
    Unexpected(Vec<u8>),
}

impl Display for FaultKind {
    /// For the log only; a report has a finding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlpnMissing => f.write_str("no protocol was agreed on by ALPN"),
            Self::Closed => f.write_str("the peer closed the connection"),
            Self::Corrupt(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::NoWindow { .. } => f.write_str("the peer gave no window for the request"),
            Self::SpeaksTls => f.write_str("the peer speaks TLS"),
            Self::Timeout => f.write_str("the limit passed"),
            Self::Tls(error) => error.fmt(f),
            Self::Unexpected(_) => f.write_str("the peer speaks another protocol"),
        }
    }
}

impl Fault {
    pub(super) fn new(stage: Stage, kind: FaultKind) -> Self {
        Self { stage, kind }
    }

    pub(crate) fn timeout(stage: Stage) -> Self {
        Self::new(stage, FaultKind::Timeout)
    }

    /// An I/O error, unwrapped to what TLS says where TLS is behind it.
    pub(super) fn io(stage: Stage, error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
        let kind = match tls {
            Some(tls) => FaultKind::Tls(tls),
            None if error.kind() == io::ErrorKind::UnexpectedEof => FaultKind::Closed,
            None => FaultKind::Io(error),
        };
        Self::new(stage, kind)
    }
}

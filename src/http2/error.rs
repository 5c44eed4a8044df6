use std::io;
use std::sync::Arc;

use h2::Reason;

/// Why a stream or its connection has ended before it was complete.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Http2Error {
    /// One stream was ended (RST_STREAM, RFC 9113 section 6.4).
    #[error("the stream was reset: {}", .reason.description())]
    Reset {
        /// Who did it.
        by: Side,
        /// Why.
        reason: Reason,
    },
    /// The connection was ended, or takes no new streams (GOAWAY, RFC 9113 section 6.8).
    #[error("the connection was ended: {}", .reason.description())]
    GoAway {
        /// Who did it.
        by: Side,
        /// Why.
        reason: Reason,
    },
    /// Below HTTP/2.
    #[error("the connection failed")]
    Io(#[source] Arc<io::Error>),
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    /// This program.
    Us,
    /// The other one.
    Peer,
}

impl Http2Error {
    /// Whether the peer says that it has not begun to process the stream (RFC 9113 section 8.7).
    pub(crate) fn is_unprocessed(&self) -> bool {
        match self {
            Self::Reset { by, reason } => *by == Side::Peer && *reason == Reason::REFUSED_STREAM,
            Self::GoAway { by, .. } => *by == Side::Peer,
            Self::Io(_) => false,
        }
    }

    /// Whether it concerns one stream only.
    pub(crate) fn is_reset(&self) -> bool {
        matches!(self, Self::Reset { .. })
    }

    /// Whether the connection was closed, and nothing was wrong.
    pub(super) fn is_good_end(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof && error.get_ref().is_none())
    }

    /// Nothing more can be said on the stream.
    pub(super) fn over() -> Self {
        Self::Reset { by: Side::Us, reason: Reason::STREAM_CLOSED }
    }

    /// A connection that was closed.
    pub(super) fn closed() -> Self {
        io::Error::from(io::ErrorKind::UnexpectedEof).into()
    }
}

impl From<io::Error> for Http2Error {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// What a peer must not do, and what it costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Violation {
    /// The connection (RFC 9113 section 5.4.1).
    Connection(Reason),
    /// The stream (section 5.4.2).
    Stream(u32, Reason),
}

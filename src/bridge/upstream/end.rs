//! How a connection to the upstream ended.

use std::io;

use crate::http2::Farewell;
use crate::net::{Fault, FaultKind};
use crate::report::{Finding, FindingId};

/// How a connection to the upstream ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpstreamEnd {
    /// The server, or something on the way to it, closed or reset it.
    Closed,
    /// The server has said goodbye (GOAWAY): new calls go elsewhere.
    Goaway,
    /// New calls go over a connection with new certificates.
    Replaced,
    /// Nothing more was heard from the server.
    Silent,
}

impl UpstreamEnd {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Goaway => "goaway",
            Self::Replaced => "replaced",
            Self::Silent => "silent",
        }
    }
}

/// A connection that has ended by itself.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) how: UpstreamEnd,
    /// What the server said, or the error.
    pub(super) words: Option<String>,
    pub(super) silence: Option<Finding>,
}

impl Ended {
    pub(super) fn of(upstream: &str, farewell: Option<&Farewell>, fault: Option<&Fault>) -> Self {
        let silence = fault.and_then(|fault| match &fault.kind {
            FaultKind::Io(error) => silence(upstream, error),
            _ => None,
        });
        let how = match (&silence, farewell) {
            (Some(_), _) => UpstreamEnd::Silent,
            (None, Some(_)) => UpstreamEnd::Goaway,
            (None, None) => UpstreamEnd::Closed,
        };
        let words = farewell.map(ToString::to_string).or_else(|| fault.map(|fault| fault.kind.to_string()));
        Self { how, words, silence }
    }
}

/// What `error` is found to be, if it says that nothing was heard from `upstream` for too long: no answer to a PING, or
/// none of its host to TCP.
pub(in crate::bridge) fn silence(upstream: &str, error: &io::Error) -> Option<Finding> {
    (error.kind() == io::ErrorKind::TimedOut).then(|| {
        let message = format!("the connection was cut, because the server is silent: {error}");
        Finding::new(FindingId::BridgeUpstreamSilent, upstream, message).with_hint(
            "restart the server, or what is on the way to it; if it only computes for so long, start the bridge with a \
             longer `--keepalive-timeout`",
        )
    })
}

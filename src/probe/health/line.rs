//! The connection on which calls are made, and another one in its place.

use bytes::Bytes;
use http_body_util::Full;
use tokio::time::Instant;

use crate::net::{self, Fault, Session, Target};

/// A connection for calls.
pub(in crate::probe) enum Line<'a> {
    /// If the server takes no more calls on it, there can be another one.
    Own(&'a mut Session<Full<Bytes>>),
    /// Others make calls on it, too, so it stays.
    Shared(&'a Session<Full<Bytes>>),
}

impl Line<'_> {
    pub(super) fn session(&self) -> &Session<Full<Bytes>> {
        match self {
            Self::Own(session) => session,
            Self::Shared(session) => session,
        }
    }

    /// Connects again. An error without a fault is one that must not be replaced.
    pub(super) async fn renew(&mut self, target: &Target, deadline: Instant) -> Result<(), Option<Fault>> {
        let Self::Own(session) = self else { return Err(None) };
        let (stream, first) = net::dial(target, deadline).await.outcome.map_err(Some)?;
        **session = net::open(stream, first, deadline).await.map_err(Some)?;
        Ok(())
    }
}

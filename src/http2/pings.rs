use std::task::{Context, Poll};

use super::Http2Error;
use super::ping::PingState;
use super::state::{Shared, lock};

/// Asks the peer whether it is there.
#[derive(Debug)]
pub(crate) struct Pings(Shared);

impl Pings {
    pub(super) fn new(shared: &Shared) -> Self {
        Self(Shared::clone(shared))
    }

    /// Sends PING, unless one is under way.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) fn send(&mut self) -> Result<(), Http2Error> {
        let mut state = lock(&self.0);
        if let Some(over) = &state.over {
            return Err(over.clone());
        }
        if state.pings.ask() {
            state.ping(0, PingState::USER);
            state.wake();
        }
        Ok(())
    }

    /// Ready when the peer has answered.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) fn poll_answer(&mut self, context: &Context<'_>) -> Poll<Result<(), Http2Error>> {
        let mut state = lock(&self.0);
        match &state.over {
            Some(over) => Poll::Ready(Err(over.clone())),
            None => state.pings.poll_answer(context).map(Ok),
        }
    }
}

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::UpstreamStatus;
use super::keeper::ATTENDED_PAUSE;

/// The state of the upstream, for a task that waits for it without a call.
#[derive(Debug)]
pub(in crate::bridge) struct Link {
    status: watch::Receiver<UpstreamStatus>,
    wanted: Arc<Notify>,
}

impl Link {
    pub(super) fn new(status: watch::Receiver<UpstreamStatus>, wanted: Arc<Notify>) -> Self {
        Self { status, wanted }
    }

    pub(in crate::bridge) fn is_connected(&self) -> bool {
        self.status.borrow().is_connected()
    }

    /// How many connections there have been.
    pub(in crate::bridge) fn connects(&self) -> u64 {
        self.status.borrow().connects
    }

    /// Waits for a connection, and has attempts made without long pauses, as a call that waits has.
    pub(in crate::bridge) async fn connected(&mut self) {
        loop {
            self.wanted.notify_one();
            // Not at each change of the status: every attempt that fails is one.
            let connected = async { self.status.wait_for(UpstreamStatus::is_connected).await.map(drop) };
            match timeout(ATTENDED_PAUSE, connected).await {
                Ok(Ok(())) => return,
                // The bridge stops.
                Ok(Err(_)) => std::future::pending::<()>().await,
                Err(_) => {}
            }
        }
    }
}

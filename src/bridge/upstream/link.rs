use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

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
        while !self.is_connected() {
            self.wanted.notify_one();
            tokio::select! {
                changed = self.status.changed() => if changed.is_err() {
                    // The bridge stops.
                    std::future::pending::<()>().await;
                },
                () = sleep(ATTENDED_PAUSE) => {}
            }
        }
    }
}

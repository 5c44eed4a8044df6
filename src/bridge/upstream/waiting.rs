use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::status::{HeldCalls, UpstreamStatus};
use crate::report::Finding;

/// The calls that wait for a connection: how many, and since when. Each has a task, which its caller's connection ends,
/// its header fields and what it has received of its message; HTTP/2's limits on the callers bound these.
#[derive(Debug)]
pub(super) struct Waiting {
    row: Mutex<Row>,
    status: watch::Sender<UpstreamStatus>,
    clock: fn() -> OffsetDateTime,
}

/// From the first call that waits to the moment in which none does.
#[derive(Debug, Default)]
struct Row {
    calls: usize,
    since: Option<Instant>,
    /// It has been logged that they wait.
    is_told: bool,
    /// How many went on, with a connection.
    released: u64,
    /// How many were answered by the bridge, or abandoned by their caller.
    ended: u64,
}

/// One of them. It no longer waits when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    waiting: Arc<Waiting>,
    is_released: bool,
}

impl Waiting {
    pub(super) fn new(status: watch::Sender<UpstreamStatus>, clock: fn() -> OffsetDateTime) -> Arc<Self> {
        Arc::new(Self { row: Mutex::default(), status, clock })
    }

    /// Does any call wait?
    pub(super) fn are_any(&self) -> bool {
        self.row().calls > 0
    }

    /// Begins to wait; `None` if too many calls do so already.
    pub(super) fn join(self: &Arc<Self>) -> Option<Turn> {
        let mut row = self.row();
        if row.calls >= MOST_WAITING {
            return None;
        }
        row.calls += 1;
        row.since.get_or_insert_with(Instant::now);
        self.publish(row.calls);
        Some(Turn { waiting: Arc::clone(self), is_released: false })
    }

    fn leave(&self, is_released: bool) {
        let mut row = self.row();
        row.calls -= 1;
        match is_released {
            true => row.released += 1,
            false => row.ended += 1,
        }
        self.publish(row.calls);
        if row.calls == 0 {
            let ended = std::mem::take(&mut *row);
            if ended.is_told {
                let seconds = ended.since.map(|since| since.elapsed().as_secs());
                let (released, others) = (ended.released, ended.ended);
                info!(released, others, seconds, "no call waits for the upstream any longer");
            }
        }
    }

    /// Below the lock, so that the numbers are published in their order.
    fn publish(&self, calls: usize) {
        self.status.send_modify(|status| {
            let since = status.held.map(|held| held.since);
            status.held =
                (calls > 0).then(|| HeldCalls { calls, since: since.unwrap_or_else(|| (self.clock)()) });
        });
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// When it is to be logged that calls wait; `None` if it has been.
    pub(super) fn told_at(&self, after: Duration) -> Option<Instant> {
        let row = self.waiting.row();
        row.since.filter(|_| !row.is_told).map(|since| since + after)
    }

    /// Logs that calls wait, once for a row of them.
    pub(super) fn tell(&self, upstream: &str, cause: Option<&Finding>) {
        let mut row = self.waiting.row();
        if std::mem::replace(&mut row.is_told, true) {
            return;
        }
        let seconds = row.since.map(|since| since.elapsed().as_secs());
        let (id, cause) = (cause.map(|cause| cause.id.name()), cause.map(|cause| cause.message.as_str()));
        warn!(upstream, calls = row.calls, seconds, id, cause, "calls wait until the upstream is back");
    }

    /// There is a connection.
    pub(super) fn release(mut self) {
        self.is_released = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.waiting.leave(self.is_released);
    }
}

/// For all callers together: four with as many calls as one may have. Envoy Gateway makes one at a time.
pub(super) const MOST_WAITING: usize = 4096;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::bridge::metrics::HookTally;

/// What becomes of Envoy Gateway's hook calls.
pub(super) struct Hooks(watch::Receiver<HookTally>);

/// What became of a marker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// The server has answered the hooks of a new translation.
    Answered,
    /// The bridge had to answer a hook again.
    Failed,
    /// There was no call.
    Nothing,
}

impl Hooks {
    pub(super) fn new(tally: watch::Receiver<HookTally>) -> Self {
        Self(tally)
    }

    pub(super) fn tally(&mut self) -> HookTally {
        *self.0.borrow_and_update()
    }

    /// Waits until more calls have failed than these.
    pub(super) async fn fail(&mut self, failed: u64) {
        if self.0.wait_for(|tally| tally.failed > failed).await.is_err() {
            stopping().await;
        }
    }

    /// Waits until no call has ended for a while: the translation that has failed is over.
    pub(super) async fn settle(&mut self) {
        self.0.mark_unchanged();
        while let Ok(changed) = timeout(SETTLED, self.0.changed()).await {
            if changed.is_err() {
                stopping().await;
            }
        }
    }

    /// Waits until the hooks of a new translation are answered, since the tally was `mark`.
    pub(super) async fn effect(&mut self, mark: HookTally, until: Instant) -> Effect {
        loop {
            let tally = self.tally();
            let (effect, quiet) = if tally.failed > mark.failed {
                (Effect::Failed, Some(SETTLED))
            } else if tally.served > mark.served {
                (Effect::Answered, Some(QUIET))
            } else {
                (Effect::Nothing, None)
            };
            let end = quiet.map_or(until, |quiet| until.min(Instant::now() + quiet));
            match timeout_at(end, self.0.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => stopping().await,
                // Quiet, or there are hooks without end because files change all the time.
                Err(_) => return effect,
            }
        }
    }
}

/// The bridge ends, and this task with it.
async fn stopping() {
    std::future::pending::<()>().await;
}

/// No hook call has ended for so long: the translation that has failed is over. EG's longest pause between two tries of
/// a hook is half a second.
const SETTLED: Duration = Duration::from_millis(600);

/// No hook call has ended for so long: the new translation is over. Its hooks follow each other at once.
const QUIET: Duration = Duration::from_secs(1);

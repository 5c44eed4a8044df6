use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;

use crate::report::Finding;

/// What `--resync` has done, for pages and metrics.
#[derive(Clone, Debug, Default)]
pub struct ResyncStatus {
    /// Where markers are written.
    pub directories: Vec<PathBuf>,
    /// Since when Envoy Gateway has to be made to translate again, if it has to.
    pub needed_since: Option<OffsetDateTime>,
    /// The last attempts, oldest first.
    pub attempts: VecDeque<ResyncAttempt>,
    /// How many attempts Envoy Gateway has answered with a translation.
    pub done: u64,
    /// How many were in vain.
    pub failed: u64,
}

/// One attempt in one directory.
#[derive(Clone, Debug)]
pub struct ResyncAttempt {
    /// When it began.
    pub at: OffsetDateTime,
    /// Where.
    pub directory: PathBuf,
    /// How it ended.
    pub outcome: ResyncOutcome,
    /// From the beginning to the outcome.
    pub took: Duration,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum ResyncOutcome {
    /// The server answered the hooks of a new translation.
    Done,
    /// The bridge had to answer hooks of it itself again: there will be another attempt.
    Interrupted,
    /// No marker could be written, or it had no effect.
    Failed(Finding),
}

impl ResyncStatus {
    pub(super) fn add(&mut self, attempt: ResyncAttempt) {
        match attempt.outcome {
            ResyncOutcome::Done => self.done += 1,
            ResyncOutcome::Interrupted | ResyncOutcome::Failed(_) => self.failed += 1,
        }
        if self.attempts.len() == MOST_ATTEMPTS {
            self.attempts.pop_front();
        }
        self.attempts.push_back(attempt);
    }
}

/// What a person reads on a page.
const MOST_ATTEMPTS: usize = 10;

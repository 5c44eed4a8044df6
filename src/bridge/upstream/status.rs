use std::time::Duration;

use time::OffsetDateTime;

use super::UpstreamEnd;
use crate::report::{Finding, FindingId};

/// Whether calls can reach the upstream.
#[derive(Clone, Debug)]
pub enum UpstreamState {
    /// The first attempts since the start, or since a connection ended.
    Connecting,
    /// There is a connection.
    Connected,
    /// The first attempts have failed, or only the operator can remove the cause. Attempts go on.
    Failing {
        /// Why the last attempt failed.
        cause: Finding,
    },
}

/// The connection to the upstream, as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpstreamStatus {
    /// Whether calls can reach it.
    pub state: UpstreamState,
    /// Since when it has been in this state.
    pub since: OffsetDateTime,
    /// Since when there has been no connection; `None` while there is one.
    pub unreachable_since: Option<OffsetDateTime>,
    /// The calls that wait for a connection.
    pub held: Option<HeldCalls>,
    /// How many attempts to connect have succeeded.
    pub connects: u64,
    /// How many have failed, for each cause.
    pub failures: Vec<(FindingId, u64)>,
    /// How many connections have ended, for each way.
    pub ends: Vec<(UpstreamEnd, u64)>,
    /// The last different causes, oldest first.
    pub causes: Vec<PastCause>,
}

/// Calls that wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeldCalls {
    /// How many there are.
    pub calls: usize,
    /// Since when there has been at least one.
    pub since: OffsetDateTime,
}

/// Why attempts have failed, or a connection was lost.
#[derive(Clone, Debug)]
pub struct PastCause {
    /// When it was seen first, of several times in a row.
    pub first: OffsetDateTime,
    /// And last.
    pub last: OffsetDateTime,
    /// How many times in a row.
    pub times: u64,
    /// What was found.
    pub cause: Finding,
}

impl UpstreamStatus {
    /// Before the first attempt.
    pub(in crate::bridge) fn new(now: OffsetDateTime) -> Self {
        Self {
            state: UpstreamState::Connecting,
            since: now,
            unreachable_since: Some(now),
            held: None,
            connects: 0,
            failures: Vec::new(),
            ends: Vec::new(),
            causes: Vec::new(),
        }
    }

    /// True when a call would be passed on.
    pub fn is_connected(&self) -> bool {
        matches!(self.state, UpstreamState::Connected)
    }

    /// How long it has been in this state.
    pub fn age(&self, now: OffsetDateTime) -> Duration {
        // A clock that was set back gives no age.
        (now - self.since).try_into().unwrap_or_default()
    }

    /// An attempt has failed.
    pub(super) fn count(&mut self, cause: &Finding, now: OffsetDateTime) {
        match self.failures.iter_mut().find(|(id, _)| *id == cause.id) {
            Some((_, times)) => *times += 1,
            None => self.failures.push((cause.id, 1)),
        }
        self.note(cause, now);
    }

    /// A connection has ended.
    pub(super) fn count_end(&mut self, end: UpstreamEnd) {
        match self.ends.iter_mut().find(|(known, _)| *known == end) {
            Some((_, times)) => *times += 1,
            None => self.ends.push((end, 1)),
        }
    }

    /// Why there is no connection.
    pub(super) fn note(&mut self, cause: &Finding, now: OffsetDateTime) {
        match self.causes.last_mut() {
            Some(known) if known.cause.message == cause.message => {
                (known.last, known.times) = (now, known.times + 1);
            }
            _ => {
                if self.causes.len() == MOST_CAUSES {
                    self.causes.remove(0);
                }
                self.causes.push(PastCause { first: now, last: now, times: 1, cause: cause.clone() });
            }
        }
    }
}

/// As many as a person reads.
const MOST_CAUSES: usize = 5;

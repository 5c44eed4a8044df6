use std::convert::Infallible;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::Code;
use tracing::warn;

use super::DEFAULT_CONNECT_WAIT;
use super::end::{Ended, UpstreamEnd};
use super::status::{UpstreamState, UpstreamStatus};
use crate::bridge::answer::Answer;
use crate::bridge::connection_name::ConnectionName;
use crate::net::Channel;
use crate::report::{Finding, FindingId};

/// What the calls have to know. Who is told when it changes is decided for each change: a thousand calls that wait are
/// not woken for news that none of them needs.
#[derive(Clone, Debug)]
pub(super) struct Published {
    channel: Option<Channel>,
    /// Since when there has been no connection of any use.
    lost: Instant,
    /// When the attempt under way has begun.
    pub(super) attempt: Option<Instant>,
    /// How many attempts have failed.
    pub(super) failures: u64,
    /// Why the last one did.
    pub(super) cause: Option<Finding>,
    /// Why there is no connection, before an attempt has failed.
    pub(super) absence: Absence,
}

/// Why there is no connection, if no attempt has told since.
#[derive(Clone, Debug)]
pub(super) enum Absence {
    /// There has not been one.
    First,
    /// The last one has ended.
    Ended,
    /// It was cut, because nothing more was heard from the server.
    Silent(Finding),
}

impl Absence {
    /// What a call is told that waited in vain.
    pub(super) fn answer(&self, upstream: &str) -> Answer {
        let message = match self {
            Self::First => format!("there is no connection to `{upstream}` yet"),
            Self::Ended => format!("the connection to `{upstream}` ended, and there is no new one yet"),
            Self::Silent(finding) => return Answer::of_finding(finding),
        };
        Answer::new(Code::Unavailable, message)
    }
}

impl Published {
    /// The connection, if it stands.
    pub(super) fn open_channel(&self) -> Option<Channel> {
        self.channel.as_ref().filter(|channel| !channel.is_closed()).cloned()
    }

    /// Since when there has been no connection, for a call that came at `begin`: it may be the first one to notice that
    /// the connection has ended.
    pub(super) fn lost(&self, begin: Instant) -> Instant {
        if self.channel.is_some() { begin } else { self.lost }
    }

    /// The cause, if the operator has to remove it.
    pub(super) fn is_permanent(&self) -> bool {
        self.cause.as_ref().is_some_and(|cause| !cause.id.entry().may_pass)
    }

    /// True if connections end as soon as they begin.
    pub(super) fn is_unstable(&self) -> bool {
        self.cause.as_ref().is_some_and(|cause| cause.id == FindingId::BridgeUpstreamUnstable)
    }
}

/// Where the keeper of the connection publishes what happens to it: for the calls, and for people.
#[derive(Debug)]
pub(super) struct Board {
    calls: watch::Sender<Published>,
    status: watch::Sender<UpstreamStatus>,
    /// How long the upstream is [`UpstreamState::Connecting`].
    patience: Duration,
    /// Calls wait longer than that.
    holds_calls: bool,
    clock: fn() -> OffsetDateTime,
}

impl Board {
    /// `connect_wait` is how long calls wait; `None` for without end.
    pub(super) fn new(
        status: watch::Sender<UpstreamStatus>,
        connect_wait: Option<Duration>,
        clock: fn() -> OffsetDateTime,
    ) -> (Self, watch::Receiver<Published>) {
        let published = Published {
            channel: None,
            lost: Instant::now(),
            attempt: None,
            failures: 0,
            cause: None,
            absence: Absence::First,
        };
        let (calls, seen) = watch::channel(published);
        // Calls that are held longer do not change what is true: the upstream fails.
        let patience = connect_wait.unwrap_or(DEFAULT_CONNECT_WAIT).min(DEFAULT_CONNECT_WAIT);
        let holds_calls = connect_wait.is_none_or(|wait| wait > patience);
        (Self { calls, status, patience, holds_calls, clock }, seen)
    }

    pub(super) fn last_cause(&self) -> Option<FindingId> {
        self.calls.borrow().cause.as_ref().map(|cause| cause.id)
    }

    pub(super) fn attempt_begins(&self) {
        self.calls.send_if_modified(|calls| {
            calls.attempt = Some(Instant::now());
            false
        });
    }

    /// An attempt has failed. Logs the cause if it is a new one.
    pub(super) fn failed(&self, cause: Finding) {
        if self.last_cause_differs(&cause) {
            warn!(upstream = cause.subject, id = %cause.id, hint = cause.hint, "{}", cause.message);
        }
        self.status.send_modify(|status| status.count(&cause, (self.clock)()));
        self.calls.send_modify(|calls| {
            calls.attempt = None;
            calls.failures += 1;
            calls.cause = Some(cause);
        });
        self.judge();
    }

    fn last_cause_differs(&self, cause: &Finding) -> bool {
        self.calls.borrow().cause.as_ref().is_none_or(|known| known.message != cause.message)
    }

    /// The last connection that was made.
    pub(super) fn name(&self) -> ConnectionName {
        ConnectionName::Upstream(self.status.borrow().connects)
    }

    /// Gives a new connection to the calls.
    pub(super) fn opened(&self, channel: &Channel) {
        self.calls.send_modify(|calls| {
            calls.attempt = None;
            calls.channel = Some(channel.clone());
        });
        self.status.send_modify(|status| status.connects += 1);
    }

    /// Gives the calls that begin now another connection, in place of one that stands.
    pub(super) fn replaced(&self, channel: &Channel) {
        self.calls.send_modify(|calls| calls.channel = Some(channel.clone()));
        self.status.send_modify(|status| {
            status.connects += 1;
            status.count_end(UpstreamEnd::Replaced);
        });
    }

    /// A connection whose place another one has taken, or to which the server has said goodbye, was cut because the server is
    /// silent.
    pub(super) fn drained_in_silence(&self) {
        self.status.send_modify(|status| status.count_end(UpstreamEnd::Silent));
    }

    /// The new connection is taken for a good one.
    pub(super) fn connected(&self) {
        self.calls.send_if_modified(|calls| {
            calls.cause = None;
            false
        });
        self.enter(UpstreamState::Connected);
    }

    /// The connection has ended. `unstable` says so if it was the last of several that were of no use: then this is
    /// no new beginning.
    pub(super) fn ended(&self, ended: &Ended, unstable: Option<&Finding>) {
        self.calls.send_modify(|calls| {
            calls.channel = None;
            calls.absence = ended.silence.clone().map_or(Absence::Ended, Absence::Silent);
            match unstable {
                Some(cause) => {
                    calls.failures += 1;
                    calls.cause = Some(cause.clone());
                }
                None => calls.lost = Instant::now(),
            }
        });
        self.status.send_modify(|status| {
            status.count_end(ended.how);
            if let Some(cause) = unstable {
                status.count(cause, (self.clock)());
            }
        });
        self.judge();
        // Behind the beginning of this outage, to which it belongs.
        if let Some(silence) = &ended.silence {
            self.status.send_modify(|status| status.note(silence, (self.clock)()));
        }
    }

    /// Decides, while there is no connection, whether the upstream is connecting or failing.
    fn judge(&self) {
        let state = {
            let calls = self.calls.borrow();
            let is_over =
                calls.is_permanent() || calls.is_unstable() || calls.lost.elapsed() >= self.patience;
            match &calls.cause {
                Some(cause) if is_over => UpstreamState::Failing { cause: cause.clone() },
                _ => UpstreamState::Connecting,
            }
        };
        let is_new = matches!(state, UpstreamState::Failing { .. })
            && matches!(self.status.borrow().state, UpstreamState::Connecting);
        self.enter(state);
        let calls = self.calls.borrow();
        // Otherwise the line with the cause has just said as much, or a line about calls that wait will.
        if let Some(cause) = calls.cause.as_ref().filter(|_| is_new && !self.holds_calls)
            && !calls.is_permanent()
            && !calls.is_unstable()
        {
            let seconds = calls.lost.elapsed().as_secs();
            warn!(upstream = cause.subject, seconds, "calls fail at once until there is a connection");
        }
    }

    fn enter(&self, state: UpstreamState) {
        let now = (self.clock)();
        self.status.send_if_modified(|status| {
            let is_same_kind = std::mem::discriminant(&status.state) == std::mem::discriminant(&state);
            if !is_same_kind {
                status.since = now;
            }
            let is_news = !is_same_kind || changed_cause(&status.state, &state);
            status.state = state;
            let unreachable = (!status.is_connected()).then(|| status.unreachable_since.unwrap_or(now));
            status.unreachable_since = unreachable;
            is_news
        });
    }

    /// Lets the upstream fail when the patience with it has ended, also while an attempt is under way.
    pub(super) async fn watch_patience(&self) -> Infallible {
        let mut calls = self.calls.subscribe();
        loop {
            let end = {
                let calls = calls.borrow_and_update();
                let is_open = calls.channel.is_some();
                (!is_open && calls.cause.is_some()).then(|| calls.lost + self.patience)
            };
            let changed = match end {
                Some(end) if end > Instant::now() => tokio::select! {
                    changed = calls.changed() => changed,
                    () = sleep_until(end) => {
                        self.judge();
                        calls.changed().await
                    }
                },
                _ => calls.changed().await,
            };
            // The sender is ours.
            debug_assert!(changed.is_ok());
        }
    }
}

fn changed_cause(before: &UpstreamState, after: &UpstreamState) -> bool {
    match (before, after) {
        (UpstreamState::Failing { cause: before }, UpstreamState::Failing { cause: after }) => {
            before.message != after.message
        }
        _ => false,
    }
}

//! One connection to the upstream, made again whenever it ends.
//!
//! A task owns it (`keeper`); calls get it from a watch channel. Since the start, or since the last connection ended, the
//! upstream is *connecting*: calls wait, and all of them together no longer than the connect-wait, because it is
//! counted from the same moment for all. Then it is *failing*: attempts go on, and calls are answered at once with the
//! last cause. So a server that hangs costs Envoy Gateway one connect-wait in all: it makes its calls one after the
//! other, each with three retries.
//!
//! A call that comes while the upstream fails makes the task try again at once, and waits for this attempt, but only
//! for a moment: a server that is back is found, and no stale cause is told.
//!
//! Answers while the upstream fails do not tell the client to refrain from its retries (`grpc-retry-pushback-ms`, gRPC
//! proposal A6), although EG's log would have the error 0.7 s earlier for each hook. A retry costs nothing here, it may
//! find the server up, and EG does not ask again after the error. The default connect-wait has room for the retries:
//! 6 s, and seven hooks with 0.73 s of EG's own pauses each, are less than two connect-waits.

mod board;
mod end;
mod keeper;
mod link;
mod status;
mod waiting;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tonic::Code;

pub use end::UpstreamEnd;
pub(super) use end::silence;
pub use status::{HeldCalls, PastCause, UpstreamState, UpstreamStatus};

use self::board::{Board, Published};
use self::keeper::Keeper;
pub(super) use self::keeper::Renewal;
pub(super) use self::link::Link;
use self::waiting::{MOST_WAITING, Turn, Waiting};
use super::BridgePlan;
use super::answer::Answer;
use super::deadline::Deadline;
use super::phase::{Lifecycle, Watched};
use super::pulse::Heart;
use crate::net::{Channel, LONGEST};

/// The way to the upstream.
#[derive(Debug)]
pub(super) struct Upstream {
    address: String,
    state: watch::Receiver<Published>,
    status: watch::Receiver<UpstreamStatus>,
    phase: Watched,
    wanted: Arc<Notify>,
    waiting: Arc<Waiting>,
    connect_wait: Duration,
    answered: Arc<AtomicBool>,
}

/// The task that keeps the connection. It ends when this is dropped, or by a fault of its own.
pub(super) type Keeping = JoinSet<Infallible>;

/// A call that wants a connection.
struct Seeker<'a> {
    path: &'a str,
    deadline: Option<&'a Deadline>,
    /// When it came.
    begin: Instant,
    /// How many attempts had failed by then.
    failures: u64,
}

impl Upstream {
    /// Starts to connect.
    pub(super) fn start(
        plan: &BridgePlan,
        status: watch::Sender<UpstreamStatus>,
        phase: Watched,
        (mut heart, renewal): (Heart, Renewal),
    ) -> (Self, Keeping) {
        let wanted = Arc::new(Notify::new());
        let answered = Arc::new(AtomicBool::new(false));
        let waiting = Waiting::new(status.clone(), plan.clock);
        let seen = status.subscribe();
        let (board, state) = Board::new(status, plan.connect_wait, plan.clock);
        let board = Arc::new(board);
        let keeper = Keeper::new(
            plan,
            Arc::clone(&board),
            Arc::clone(&wanted),
            Arc::clone(&waiting),
            Arc::clone(&answered),
            renewal,
        );
        let mut keeping = Keeping::new();
        keeping.spawn(async move {
            tokio::select! {
                never = keeper.keep() => never,
                never = heart.beat() => never,
                never = board.watch_patience() => never,
            }
        });
        let address = plan.upstream.address().to_string();
        let connect_wait = plan.connect_wait.unwrap_or(LONGEST).min(LONGEST);
        (Self { address, state, status: seen, phase, wanted, waiting, connect_wait, answered }, keeping)
    }

    /// Its state, for a task without a call.
    pub(super) fn link(&self) -> Link {
        Link::new(self.status.clone(), Arc::clone(&self.wanted))
    }

    /// Its address, for messages.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// How long a call is sent again that a server refuses, though it is connected.
    pub(super) fn refused_until(&self) -> Instant {
        Instant::now() + self.short_wait()
    }

    /// Do calls wait longer than it takes to be sure that the upstream fails?
    pub(super) fn holds_calls(&self) -> bool {
        self.connect_wait > DEFAULT_CONNECT_WAIT
    }

    /// The connection, if it stands.
    pub(super) fn channel_at_once(&self) -> Option<Channel> {
        self.state.borrow().open_channel()
    }

    /// A call was answered.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// The connection, or why there is none. `path` is that of the call, `deadline` that of its caller.
    pub(super) async fn channel(&self, deadline: Option<&Deadline>, path: &str) -> Result<Channel, Answer> {
        let mut state = self.state.clone();
        let mut phase = self.phase.clone();
        let failures = state.borrow_and_update().failures;
        let seeker = Seeker { path, deadline, begin: Instant::now(), failures };
        self.wanted.notify_one();
        let mut turn = None;
        loop {
            let (end, is_held) = {
                let state = state.borrow_and_update();
                if let Some(channel) = state.open_channel() {
                    turn.into_iter().for_each(Turn::release);
                    return Ok(channel);
                }
                let (end, is_held) = self.end_of_wait(&state, &seeker);
                if Instant::now() >= end {
                    return Err(self.no_channel(&state, &seeker));
                }
                (end, is_held)
            };
            if is_held && turn.is_none() {
                turn = Some(self.waiting.join().ok_or_else(|| self.too_many())?);
            }
            let told_at = turn.as_ref().and_then(|turn| turn.told_at(DEFAULT_CONNECT_WAIT));
            let wake = told_at.map_or(end, |at| at.min(end));
            tokio::select! {
                changed = state.changed() => if changed.is_err() { return Err(Answer::stopping()) },
                changed = phase.changed() => if changed.is_err() { return Err(Answer::stopping()) },
                () = sleep_until(wake) => {
                    let late = turn.as_ref().filter(|_| told_at.is_some_and(|at| at <= Instant::now()));
                    if let Some(turn) = late {
                        turn.tell(&self.address, state.borrow().cause.as_ref());
                    }
                }
            }
        }
    }

    /// When the call is to be answered without a connection, and whether it waits for more than one attempt.
    fn end_of_wait(&self, state: &Published, call: &Seeker<'_>) -> (Instant, bool) {
        let is_health = call.path.starts_with(HEALTH);
        let is_stopping = *self.phase.borrow() != Lifecycle::Serving;
        let wait = match is_stopping {
            // The caller tries again, and reaches the bridge that comes after this one.
            true if self.holds_calls() => Duration::ZERO,
            _ if is_health || is_stopping => self.short_wait(),
            _ => self.connect_wait,
        };
        let wait_ends = state.lost(call.begin) + wait;
        let is_told_at_once = is_health || state.is_permanent() || state.is_unstable() && !self.holds_calls();
        let end = match &state.cause {
            None => wait_ends,
            Some(_) if is_told_at_once => fresh_from(state, call),
            Some(_) => wait_ends.max(fresh_from(state, call)),
        };
        let is_held = !is_told_at_once && wait_ends > Instant::now();
        (call.deadline.map_or(end, |deadline| end.min(deadline.last_word())), is_held)
    }

    fn short_wait(&self) -> Duration {
        self.connect_wait.min(DEFAULT_CONNECT_WAIT)
    }

    fn no_channel(&self, state: &Published, call: &Seeker<'_>) -> Answer {
        let now = Instant::now();
        let is_stopping = *self.phase.borrow() != Lifecycle::Serving;
        if is_stopping && now < state.lost(call.begin) + self.connect_wait && !state.is_permanent() {
            return Answer::stopping();
        }
        if let Some(cause) = &state.cause {
            return Answer::of_finding(cause);
        }
        // No attempt has failed yet: the first one is still under way.
        match call.deadline.filter(|deadline| deadline.last_word() <= now) {
            Some(deadline) => deadline.answer_unconnected(call.path, &self.address),
            None => state.absence.answer(&self.address),
        }
    }

    fn too_many(&self) -> Answer {
        let message = format!("{MOST_WAITING} calls wait for a connection to `{}` already", self.address);
        Answer::new(Code::Unavailable, message)
    }
}

/// When the last cause may be told to the call: an attempt has failed since it came, or does not end soon.
fn fresh_from(state: &Published, call: &Seeker<'_>) -> Instant {
    if state.failures > call.failures || state.attempt.is_none() && state.is_unstable() {
        return call.begin;
    }
    call.begin.min(state.attempt.unwrap_or(call.begin)) + GRACE
}

/// How long calls wait for a connection if nothing else was asked for. It is also how long health checks wait at most,
/// how long an upstream is connecting before it is failing, and after how long it is logged that calls wait.
pub const DEFAULT_CONNECT_WAIT: Duration = Duration::from_secs(6);

/// How long the attempt of a call that finds the upstream failing may take before it is told the cause that was known.
/// A refused connection needs a millisecond, and mutual TLS in one region a few times ten.
const GRACE: Duration = Duration::from_millis(150);

/// The paths of health checks.
const HEALTH: &str = "/grpc.health.v1.Health/";

#[cfg(test)]
mod tests;

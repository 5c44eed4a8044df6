use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::http2::Pings;
use crate::net::{CallerLimits, LONGEST, deadline};

/// What time demands of a caller's connection. It has one timer, which rings for the earliest of all.
pub(super) struct Clock {
    timer: Pin<Box<Sleep>>,
    pings: Pings,
    limits: CallerLimits,
    /// When the caller is asked again, or when its answer must have come.
    ping: Instant,
    is_asked: bool,
    /// When to look whether there are calls.
    look: Option<Instant>,
    /// At how many looks in a row there were none.
    idle: u32,
    old: Option<Instant>,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    /// The caller does not answer.
    Gone,
    /// To look whether there are calls: see [`Clock::is_idle`].
    Look,
    /// The connection has lasted long enough.
    Old,
}

impl Clock {
    pub(super) fn new(pings: Pings, limits: CallerLimits) -> Self {
        let ping = deadline(limits.ping_after);
        let look = limits.idle.map(|idle| deadline(idle / LOOKS));
        let old = limits.age.and_then(|age| Instant::now().checked_add(about(age)));
        let first = earliest(ping, look, old);
        Self { timer: Box::pin(sleep_until(first)), pings, limits, ping, is_asked: false, look, idle: 0, old }
    }

    /// What is due next. A wake-up of the connection costs one look at the timer, which it does not set again.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Due> {
        loop {
            if self.is_asked && self.pings.poll_answer(context).is_ready() {
                // With an error the connection itself has the better reason for its end.
                self.is_asked = false;
                self.ping = deadline(self.limits.ping_after);
                self.set();
            }
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let due = self.due(now);
            self.set();
            if let Some(due) = due {
                return Poll::Ready(due);
            }
        }
    }

    /// Whether there were no calls for long enough. It is asked once for each [`Due::Look`].
    pub(super) fn is_idle(&mut self, has_calls: bool) -> bool {
        self.idle = if has_calls { 0 } else { self.idle + 1 };
        self.idle >= LOOKS
    }

    /// The connection is coming to its end already.
    pub(super) fn leave(&mut self) {
        (self.look, self.old) = (None, None);
        self.set();
    }

    fn due(&mut self, now: Instant) -> Option<Due> {
        if self.old.is_some_and(|old| old <= now) {
            self.old = None;
            return Some(Due::Old);
        }
        if self.look.is_some_and(|look| look <= now) {
            self.look = self.limits.idle.map(|idle| deadline(idle / LOOKS));
            return Some(Due::Look);
        }
        if self.ping > now {
            return None;
        }
        if self.is_asked {
            self.ping = deadline(LONGEST);
            return Some(Due::Gone);
        }
        // Fails if the connection has ended.
        self.is_asked = self.pings.send().is_ok();
        self.ping = deadline(if self.is_asked { self.limits.ping_limit } else { self.limits.ping_after });
        None
    }

    fn set(&mut self) {
        self.timer.as_mut().reset(earliest(self.ping, self.look, self.old));
    }
}

fn earliest(ping: Instant, look: Option<Instant>, old: Option<Instant>) -> Instant {
    look.into_iter().chain(old).fold(ping, Instant::min)
}

/// A tenth more or less, so that connections that began together do not end together.
fn about(age: Duration) -> Duration {
    (age - age / 10) + (age / 5).mul_f64(fastrand::f64())
}

/// In the time after which a connection is idle. So it is closed a quarter of that time too late at most, and a call
/// needs no instant of its own.
const LOOKS: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        let age = Duration::from_secs(1000);
        let ages: Vec<_> = (0..1000).map(|_| about(age)).collect();
        assert!(ages.iter().all(|age| (900..=1100).contains(&age.as_secs())));
        assert!(ages.iter().any(|age| age.as_secs() < 950) && ages.iter().any(|age| age.as_secs() > 1050));
    }
}

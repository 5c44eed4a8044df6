//! Pauses between attempts: each twice as long as the one before, up to a limit.

use std::time::Duration;

/// The pauses of one row of attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with a pause of `first`; none is longer than `last`.
    pub(crate) const fn new(first: Duration, last: Duration) -> Self {
        Self { first, last, next: first }
    }

    /// The pause before the next attempt, in full: see [`jittered`].
    pub(crate) fn advance(&mut self) -> Duration {
        let pause = self.next;
        self.next = self.last.min(pause * 2);
        pause
    }

    /// An attempt has succeeded: the next failure is the first of a new row.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Between half of `pause` and all of it, so that several processes that failed together do not try again together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(300));
        let mut pauses = || std::array::from_fn(|_| backoff.advance().as_millis());
        assert_eq!(pauses(), [50, 100, 200, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.advance(), Duration::from_millis(50));
    }

    #[test]
    fn a_jittered_pause_is_half_of_it_at_least_and_never_longer() {
        let pause = Duration::from_millis(100);
        let jittered: Vec<_> = (0..1000).map(|_| jittered(pause)).collect();
        assert!(jittered.iter().all(|it| (pause / 2..=pause).contains(it)));
        assert!(jittered.iter().any(|it| *it != jittered[0]), "it is no jitter");
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The calls on one connection to a server.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    in_flight: AtomicU64,
    answered: AtomicU64,
    given_up: AtomicU64,
}

/// What is known of them at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    /// How many have begun, and not ended for the server.
    pub(super) in_flight: u64,
    /// How many the server has begun to answer.
    pub(super) answered: u64,
    /// How many have ended without the end of its answer: their time was over, or their callers have gone.
    pub(super) given_up: u64,
}

impl Traffic {
    pub(super) fn activity(&self) -> Activity {
        Activity {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            answered: self.answered.load(Ordering::Relaxed),
            given_up: self.given_up.load(Ordering::Relaxed),
        }
    }
}

/// A call that is in flight on its connection. Dropped when the server has nothing more to do with it.
#[derive(Debug)]
pub(crate) struct Carried(Arc<Traffic>);

impl Carried {
    pub(super) fn new(traffic: &Arc<Traffic>) -> Self {
        traffic.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(traffic))
    }

    /// The head of the answer has come.
    pub(crate) fn answered(&self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// No more is waited for, though the answer has no end yet.
    pub(crate) fn give_up(self) {
        self.0.given_up.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

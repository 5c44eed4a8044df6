use std::time::Duration;

use super::{Layer, ProbePlan};
use crate::net::Address;
use crate::report::Finding;

/// What is going on while targets are probed.
#[derive(Clone, Debug)]
pub enum News {
    /// A target has its result.
    Done {
        /// Which one.
        address: Address,
    },
    /// The next layer of a target is looked at.
    Layer {
        /// The target.
        address: Address,
        /// The first of the layers that are looked at next.
        layer: Layer,
    },
    /// A target is probed again.
    Waiting(Waiting),
}

/// A target is not healthy, for another cause than was told before, and is probed again.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The target.
    pub address: Address,
    /// Why it is not healthy.
    pub cause: Finding,
    /// How long attempts go on.
    pub left: Duration,
}

impl ProbePlan {
    /// `news` is not asked if no one wants to know.
    pub(super) fn tell(&self, news: impl FnOnce() -> News) {
        if let Some(sender) = &self.news {
            // A receiver that has gone needs no news.
            let _ = sender.send(news());
        }
    }
}

use std::sync::Arc;

use super::metrics::{MethodCalls, Metrics};

/// Reads what a bridge does while it runs. Cheap to clone; reading does not delay calls.
#[derive(Clone, Debug)]
pub struct Observer {
    pub(super) metrics: Arc<Metrics>,
}

/// What a bridge does, at one moment.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Its calls, by method.
    pub calls: Vec<MethodCalls>,
}

impl Observer {
    /// What it does now.
    pub fn overview(&self) -> Overview {
        Overview { calls: self.metrics.read() }
    }
}

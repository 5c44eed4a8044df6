use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::watch;

use super::metrics::{MethodCalls, Metrics};
use super::phase::{Lifecycle, Watched};
use super::resync::ResyncStatus;
use super::upstream::UpstreamStatus;
use crate::net::{Address, Counters, Crowd};
use crate::pki::CredentialsStatus;

/// Reads what a bridge does while it runs. Cheap to clone; reading does not delay calls.
#[derive(Clone, Debug)]
pub struct Observer {
    pub(super) listen: Address,
    pub(super) upstream_address: Address,
    pub(super) started: OffsetDateTime,
    pub(super) phase: Watched,
    pub(super) upstream: watch::Receiver<UpstreamStatus>,
    pub(super) credentials: watch::Receiver<CredentialsStatus>,
    pub(super) resync: watch::Receiver<ResyncStatus>,
    pub(super) callers: Counters,
    pub(super) metrics: Arc<Metrics>,
}

/// What a bridge does, at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overview {
    /// Where it listens.
    pub listen: Address,
    /// Where its calls go.
    pub upstream_address: Address,
    /// When it began to listen.
    pub started: OffsetDateTime,
    /// It has been told to stop: it takes no new callers.
    pub is_stopping: bool,
    /// The connection to the upstream.
    pub upstream: UpstreamStatus,
    /// Its certificates.
    pub credentials: CredentialsStatus,
    /// How Envoy Gateway was made to translate again.
    pub resync: ResyncStatus,
    /// The connections of its callers.
    pub callers: Crowd,
    /// Its calls, by method.
    pub calls: Vec<MethodCalls>,
}

impl Observer {
    /// What it does now.
    pub fn overview(&self) -> Overview {
        Overview {
            listen: self.listen.clone(),
            upstream_address: self.upstream_address.clone(),
            started: self.started,
            is_stopping: *self.phase.borrow() != Lifecycle::Serving,
            upstream: self.upstream.borrow().clone(),
            resync: self.resync.borrow().clone(),
            credentials: self.credentials.borrow().clone(),
            callers: self.callers.read(),
            calls: self.metrics.read(),
        }
    }
}

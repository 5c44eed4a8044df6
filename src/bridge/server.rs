use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use http::uri::Authority;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::info;

use super::BridgePlan;
use super::alarms::Alarms;
use super::calls::Calls;
use super::connection::LAST_ANSWERS;
use super::credentials::{Credentials, Keeper, Noted, Reload};
use super::died::Died;
use super::front::Front;
use super::hooks::Hooks;
use super::metrics::Metrics;
use super::overview::Observer;
use super::phase::{Lifecycle, Watched};
use super::pulse::{Heart, Hearts, Pulse};
use super::request::NextHop;
use super::resync::{Resync, ResyncStatus};
use super::surroundings::Surroundings;
use super::upstream::{Keeping, Renewal, Upstream, UpstreamStatus};
use crate::diagnosis::CALLERS;
use crate::net::{Address, BindError, Bound, Capacity, Entrance, Inherited, Listener, raise_limit};
use crate::pki::CredentialsStatus;

/// A bridge that listens.
#[derive(Debug)]
pub struct Bridge {
    plan: BridgePlan,
    listener: Listener,
    shortage: Option<Shortage>,
    started: OffsetDateTime,
    order: watch::Sender<Lifecycle>,
    upstream: watch::Sender<UpstreamStatus>,
    entrance: Entrance,
    metrics: Arc<Metrics>,
    pulse: Pulse,
    hearts: Hearts,
    reload: Reload,
    credentials: Noted,
    resync: watch::Sender<ResyncStatus>,
}

/// The process may have too few descriptors for the connections of the plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shortage {
    /// How many connections the bridge serves at most.
    pub connections: usize,
    /// How many the plan allows.
    pub planned: usize,
    /// How many descriptors the process may have.
    pub descriptors: usize,
    /// How many descriptors are enough for the plan.
    pub enough: usize,
}

/// How a bridge ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Drained {
    /// Every call finished.
    All,
    /// The time to drain had passed, or a second signal came: the other calls were cut.
    Cut,
}

impl Bridge {
    /// Listens at the plan's address.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(plan: BridgePlan) -> Result<Self, BindError> {
        Self::bind_with(plan, &mut Vec::new()).await
    }

    /// The same with one of `sockets`, if one of them listens at the plan's address. That one is taken out.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind_with(plan: BridgePlan, sockets: &mut Vec<Inherited>) -> Result<Self, BindError> {
        let listener = Listener::bind_with(&plan.listen, &plan.socket, sockets).await?;
        let upstream = plan.upstream.address();
        if listener.is_at(upstream).await {
            return Err(BindError::Loop { address: plan.listen, upstream: upstream.clone() });
        }
        let (pulse, hearts) = Pulse::new();
        let status = plan.credentials.as_ref().map_or_else(CredentialsStatus::none, Credentials::status);
        let (planned, descriptors) = (plan.callers.connections, raise_limit());
        let capacity = Capacity::new(planned, descriptors);
        let started = (plan.clock)();
        Ok(Self {
            started,
            order: watch::Sender::new(Lifecycle::Serving),
            upstream: watch::Sender::new(UpstreamStatus::new(started)),
            entrance: Entrance::new(capacity, CALLERS),
            metrics: Arc::new(Metrics::new()),
            shortage: Shortage::of(capacity, planned, descriptors),
            plan,
            listener,
            pulse,
            hearts,
            reload: Reload::default(),
            credentials: Arc::new(watch::Sender::new(status)),
            resync: watch::Sender::default(),
        })
    }

    /// Whether the process may have too few descriptors for as many connections as the plan allows.
    pub fn shortage(&self) -> Option<Shortage> {
        self.shortage
    }

    /// For a watchdog: asks the bridge, while it runs, whether it still does its work.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Where it listens. If port 0 was asked for, this has the port that the system chose.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<Address> {
        self.listener.address(self.plan.listen.transport())
    }

    /// Reads what it does while it runs.
    ///
    /// # Errors
    /// When the operating system does not say where it listens.
    pub fn observer(&self) -> io::Result<Observer> {
        Ok(Observer {
            listen: self.address()?,
            upstream_address: self.plan.upstream.address().clone(),
            started: self.started,
            phase: self.order.subscribe(),
            upstream: self.upstream.subscribe(),
            credentials: self.credentials.subscribe(),
            resync: self.resync.subscribe(),
            callers: self.entrance.counters(),
            metrics: Arc::clone(&self.metrics),
        })
    }

    /// Makes it load its certificates again.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// What is known of its certificates, now and later.
    pub fn credentials(&self) -> watch::Receiver<CredentialsStatus> {
        self.credentials.subscribe()
    }

    /// The connection to the upstream, as it is and as it will be.
    pub fn upstream(&self) -> watch::Receiver<UpstreamStatus> {
        self.upstream.subscribe()
    }

    /// Serves until `stop` is notified, then lets the calls in progress finish. A second
    /// notification cuts them.
    ///
    /// # Errors
    /// When a task of the bridge ends because of a bug. The bridge could not do its work without this task.
    pub async fn run(self, stop: &Notify) -> Result<Drained, Died> {
        let Self {
            mut plan,
            listener,
            order,
            upstream,
            entrance,
            metrics,
            hearts,
            reload,
            credentials,
            resync,
            ..
        } = self;
        let phase = order.subscribe();
        let (server, client) = (watch::Sender::new(plan.server.take()), watch::Sender::new(None));
        let (shown, renewed) = (server.subscribe(), client.subscribe());
        let renewal = Renewal { renewed, noted: Arc::clone(&credentials) };
        let tied = (hearts.upstream, renewal);
        let (calls, mut keeping) = calls(&plan, upstream, phase.clone(), metrics, tied, resync);
        match plan.credentials.take() {
            Some(loaded) => {
                let keeper = Keeper::new(loaded, server, client, (credentials, reload), plan.clock);
                keeping.spawn(keeper.keep())
            }
            None => keeping.spawn(reload.refused(credentials, plan.clock)),
        };
        let noise = Arc::clone(entrance.noise());
        let told = Arc::clone(&noise);
        keeping.spawn(async move { told.sum_up().await });
        let (drain, limits) = (plan.drain_timeout, plan.callers);
        let callers = AtomicU64::default();
        let front = Front { calls, server: shown, drain, limits, phase, entrance, callers };
        let mut connections = JoinSet::new();
        tokio::select! {
            died = front.accept(&listener, hearts.front, &mut connections) => return Err(died),
            died = failed(&mut keeping) => return Err(died),
            () = stop.notified() => {}
        }
        // From here on new callers are refused, and do not wait in a queue that is not served.
        drop(listener);
        order.send_replace(Lifecycle::Draining);
        info!("stopping: the calls under way come to their end");
        let ended = tokio::select! {
            ended = timeout(plan.drain_timeout, all(&mut connections)) => ended.ok(),
            died = failed(&mut keeping) => return Err(died),
            () = stop.notified() => None,
        };
        noise.tell();
        if let Some(ended) = ended {
            return ended.map(|()| Drained::All);
        }
        order.send_replace(Lifecycle::Cutting);
        // Every call that is left loses its upstream, and gets a status that says why.
        keeping.shutdown().await;
        match timeout(LAST_ANSWERS, all(&mut connections)).await {
            Ok(Err(died)) => Err(died),
            // A caller that does not read gets no answer, and no more time.
            Ok(Ok(())) | Err(_) => Ok(Drained::Cut),
        }
    }
}

impl Shortage {
    fn of(capacity: Capacity, planned: usize, descriptors: usize) -> Option<Self> {
        let Capacity { connections, bound } = capacity;
        let shortage = Self { connections, planned, descriptors, enough: Capacity::descriptors_for(planned) };
        (bound == Bound::Descriptors).then_some(shortage)
    }
}

/// Waits until the task that keeps the upstream fails.
async fn failed(keeping: &mut Keeping) -> Died {
    match keeping.join_next().await {
        Some(Ok(never)) => match never {},
        Some(Err(error)) => error.into(),
        None => std::future::pending().await,
    }
}

async fn all(connections: &mut JoinSet<()>) -> Result<(), Died> {
    while let Some(ended) = connections.join_next().await {
        ended?;
    }
    Ok(())
}

fn calls(
    plan: &BridgePlan,
    status: watch::Sender<UpstreamStatus>,
    phase: Watched,
    metrics: Arc<Metrics>,
    tied: (Heart, Renewal),
    resync: watch::Sender<ResyncStatus>,
) -> (Arc<Calls>, Keeping) {
    let is_secure = plan.upstream.tls().is_some();
    let authority = Authority::try_from(plan.upstream.address().authority())
        .expect("host and port of an address are a valid authority");
    let (upstream, mut keeping) = Upstream::start(plan, status, phase.clone(), tied);
    let resync = Resync::new(plan, metrics.hooks(), upstream.link(), resync);
    let hooks = Hooks::new(plan.connect_wait.is_some(), resync.is_some());
    if let Some(resync) = resync {
        keeping.spawn(resync.run());
    }
    let alarms = Alarms::default();
    keeping.spawn(alarms.clone().run());
    let route = NextHop { is_secure, authority };
    (Calls::new(Surroundings { upstream, hooks, phase, alarms }, route, plan.call_timeout, metrics), keeping)
}

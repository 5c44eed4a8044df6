//! One connection to the upstream, made again whenever it ends.
//!
//! A task owns it; calls get it from a watch channel. A call that finds none makes the task connect at once,
//! and waits. The limit of this wait is shared by a burst of calls, because Envoy Gateway makes its calls one
//! after the other, each with retries, and would otherwise wait many times before it logs what is wrong.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic::Code;
use tracing::{info, warn};

use super::BridgePlan;
use super::answer::Answer;
use super::deadline::Deadline;
use super::pulse::Heart;
use crate::backoff::{Backoff, jittered};
use crate::diagnosis::{Context, Speaker, diagnose};
use crate::host::Host;
use crate::net::{self, Address, Channel, Cut, Stage, Target, Trace};
use crate::pki::Certificate;
use crate::report::{Finding, FindingId};
use crate::shell::shell_word;

/// The way to the upstream.
#[derive(Debug)]
pub(super) struct Upstream {
    address: String,
    state: watch::Receiver<Published>,
    wanted: Arc<Notify>,
    connect_wait: Duration,
    patience: Mutex<Option<Patience>>,
    answered: Arc<AtomicBool>,
}

/// The task that keeps the connection. It ends when this is dropped, or by a fault of its own.
pub(super) type Keeping = JoinSet<Infallible>;

/// What the keeper publishes.
#[derive(Clone, Debug, Default)]
struct Published {
    channel: Option<Channel>,
    /// How many attempts have failed.
    failures: u64,
    /// Why the last one did.
    cause: Option<Finding>,
}

/// How long a burst of calls has been waiting.
#[derive(Clone, Copy, Debug)]
struct Patience {
    begin: Instant,
    last: Instant,
}

impl Upstream {
    /// Starts to connect.
    pub(super) fn start(plan: &BridgePlan, mut heart: Heart, renewal: Renewal) -> (Self, Keeping) {
        let (publish, state) = watch::channel(Published::default());
        let wanted = Arc::new(Notify::new());
        let answered = Arc::new(AtomicBool::new(false));
        let connect_wait = plan.connect_wait.min(net::LONGEST);
        let keeper = Keeper {
            target: plan.upstream.clone(),
            own: plan.own.clone(),
            directory: plan.directory.clone(),
            searched: plan.searched,
            limit: connect_wait.mul_f64(ATTEMPT_SHARE),
            clock: plan.clock,
            publish,
            wanted: Arc::clone(&wanted),
            answered: Arc::clone(&answered),
            connections: Vec::new(),
            renewal,
            drain: plan.drain_timeout.min(net::LONGEST),
            retired: JoinSet::new(),
            useless: 0,
            told_plaintext: false,
        };
        let mut keeping = Keeping::new();
        keeping.spawn(async move {
            tokio::select! {
                never = keeper.keep() => never,
                never = heart.beat() => never,
            }
        });
        let address = plan.upstream.address().to_string();
        (Self { address, state, wanted, connect_wait, patience: Mutex::new(None), answered }, keeping)
    }

    /// When a call that begins now stops waiting for a connection: every call gets an attempt of its own,
    /// however late in the burst it comes.
    pub(super) fn give_up(&self) -> Instant {
        Instant::now() + self.connect_wait
    }

    /// Its address, for messages.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The connection, if it stands.
    pub(super) fn channel_at_once(&self) -> Option<Channel> {
        open_channel(&self.state.borrow())
    }

    /// The connection, or why there is none. `path` is that of the call.
    pub(super) async fn channel(
        &self,
        give_up: Instant,
        deadline: Option<&Deadline>,
        path: &str,
    ) -> Result<Channel, Answer> {
        let mut state = self.state.clone();
        let failures_before = state.borrow_and_update().failures;
        let patient_until = self.patient_until();
        let end = deadline.map_or(give_up, |deadline| give_up.min(deadline.last_word()));
        self.wanted.notify_one();
        loop {
            let changed = timeout_at(end, state.changed()).await;
            let now = state.borrow_and_update();
            if let Some(channel) = open_channel(&now) {
                return Ok(channel);
            }
            let cause = now.cause.as_ref();
            match changed {
                Err(_) => {
                    return Err(cause.map_or_else(|| self.unexplained(deadline, path), Answer::of_finding));
                }
                Ok(Err(_)) => return Err(Answer::stopping()),
                Ok(Ok(())) => {}
            }
            let fresh = cause.filter(|_| now.failures > failures_before);
            if let Some(cause) = fresh
                && (!cause.id.entry().may_pass || Instant::now() >= patient_until)
            {
                return Err(Answer::of_finding(cause));
            }
        }
    }

    /// The wait is over and no attempt has failed: one is under way, or connections end as soon as they begin.
    fn unexplained(&self, deadline: Option<&Deadline>, path: &str) -> Answer {
        match deadline.filter(|deadline| deadline.last_word() <= Instant::now()) {
            Some(deadline) => deadline.answer_unconnected(path, &self.address),
            None => Answer::new(Code::Unavailable, format!("no connection to `{}` lasted", self.address)),
        }
    }

    /// A call was answered: a call that waits from now on begins a new burst.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
        *self.patience() = None;
    }

    /// The end of the burst's patience. A call long after the last one begins a new burst.
    fn patient_until(&self) -> Instant {
        let now = Instant::now();
        let mut patience = self.patience();
        let begin = match *patience {
            Some(burst) if now < burst.last + 2 * self.connect_wait => burst.begin,
            _ => now,
        };
        *patience = Some(Patience { begin, last: now });
        begin + self.connect_wait
    }

    fn patience(&self) -> MutexGuard<'_, Option<Patience>> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_channel(state: &Published) -> Option<Channel> {
    state.channel.as_ref().filter(|channel| !channel.is_closed()).cloned()
}

/// Keeps the connection.
struct Keeper {
    target: Target,
    own: Option<Certificate>,
    directory: PathBuf,
    searched: bool,
    limit: Duration,
    clock: fn() -> OffsetDateTime,
    publish: watch::Sender<Published>,
    wanted: Arc<Notify>,
    /// A call was answered since this was last false.
    answered: Arc<AtomicBool>,
    /// The connections, also those to which the server has said goodbye: they end with us, and so do the calls on
    /// them.
    connections: Vec<Cut>,
    /// New certificates.
    renewal: Renewal,
    /// How long calls may go on on a connection that was replaced.
    drain: Duration,
    /// Those connections.
    retired: JoinSet<()>,
    /// How many connections in a row were of no use: they ended soon, without an answer to any call.
    useless: u32,
    /// It has been told that calls leave this machine in plaintext.
    told_plaintext: bool,
}

impl Keeper {
    async fn keep(mut self) -> Infallible {
        let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
        self.warn_of_plaintext(&Trace::default());
        loop {
            let begin = Instant::now();
            self.take_renewed();
            match self.connect().await {
                Ok(channel) => {
                    self.connections.retain(|connection| !connection.is_gone());
                    self.connections.push(channel.cut());
                    self.hold(channel).await;
                    if self.useless == 0 {
                        backoff.reset();
                    }
                }
                Err(cause) => self.failed(cause),
            }
            self.rest(begin, backoff.advance()).await;
        }
    }

    async fn connect(&mut self) -> Result<Channel, Finding> {
        let deadline = Instant::now() + self.limit;
        let dialed = net::dial(&self.target, deadline).await;
        self.warn_of_plaintext(&dialed.trace);
        let outcome = match dialed.outcome {
            Ok((stream, first)) => net::open_channel(stream, first, deadline).await,
            Err(fault) => Err(fault),
        };
        let fault = match outcome {
            Ok(channel) => return Ok(channel),
            // It costs the server a connection, and one answer is enough.
            Err(fault) if self.last_cause() == Some(FindingId::ProbeHttp2Closed) => fault,
            Err(fault) => net::explain(&self.target, &dialed.trace, fault, deadline).await,
        };
        let context = Context {
            target: &self.target,
            trace: &dialed.trace,
            own: self.own.as_ref(),
            limit: self.limit,
            now: (self.clock)(),
            directory: &self.directory,
            searched: self.searched,
            speaker: Speaker::Bridge,
        };
        Err(diagnose(&context, &fault))
    }

    /// Once: what EG sends has keys in it. A name is judged by its addresses, which the first attempt finds out.
    fn warn_of_plaintext(&mut self, trace: &Trace) {
        if self.target.tls().is_some() || self.told_plaintext {
            return;
        }
        let addresses = match (self.target.address(), &trace.resolved) {
            (Address::Tcp { host: Host::Ip(ip), .. }, _) => vec![*ip],
            (_, Some((addresses, _))) => addresses.iter().map(SocketAddr::ip).collect(),
            (_, None) => return,
        };
        let Some(outside) = addresses.into_iter().find(|ip| !net::is_of_this_machine(*ip)) else { return };
        self.told_plaintext = true;
        let (upstream, id) = (self.target.address(), FindingId::BridgeUpstreamPlaintext);
        let tls = shell_word(&format!("tls://{}", upstream.authority())).into_owned();
        let hint = format!("let the server speak TLS, and start the bridge with `--upstream {tls}`");
        warn!(%upstream, %id, hint, "calls go to another machine ({outside}) in plaintext");
    }

    fn last_cause(&self) -> Option<FindingId> {
        self.publish.borrow().cause.as_ref().map(|cause| cause.id)
    }

    /// Gives the connection to the calls, until it ends.
    async fn hold(&mut self, channel: Channel) {
        self.answered.store(false, Ordering::Relaxed);
        self.publish.send_modify(|state| (state.channel, state.cause) = (Some(channel.clone()), None));
        let begin = Instant::now();
        if self.useless >= TOLD_USELESS {
            // It has been told that they end at once. The news is one that does not.
            tokio::select! {
                () = channel.closed() => {}
                () = sleep(STABLE) => {}
            }
        }
        let is_silent = self.useless >= TOLD_USELESS && channel.is_closed();
        let mut channel = channel;
        if !is_silent {
            info!(upstream = %self.target.address(), "connected");
            channel = self.until_closed(channel).await;
        }
        self.publish.send_modify(|state| state.channel = None);
        let cause = channel.fault(Stage::Call).map(|fault| fault.kind.to_string());
        if !is_silent {
            info!(upstream = %self.target.address(), cause, "connection ended");
        }
        let was_useful = begin.elapsed() > STABLE || self.answered.load(Ordering::Relaxed);
        self.useless = if was_useful { 0 } else { self.useless.saturating_add(1) };
        if self.useless == TOLD_USELESS {
            warn!(upstream = %self.target.address(), cause, "connections end as soon as they begin");
        }
    }

    /// Logs a cause when it is a new one, and tells those who wait.
    fn failed(&self, cause: Finding) {
        self.publish.send_modify(|state| {
            if state.cause.as_ref().is_none_or(|known| known.message != cause.message) {
                warn!(upstream = cause.subject, id = %cause.id, hint = cause.hint, "{}", cause.message);
            }
            state.failures += 1;
            state.cause = Some(cause);
        });
    }

    /// Waits for the pause to end or for a call that wants the connection, but never without any pause.
    async fn rest(&self, begin: Instant, pause: Duration) {
        // A server that accepts connections and closes them at once is not tried again for every call.
        let least = if self.useless >= TOLD_USELESS { pause.min(ATTENDED_PAUSE) } else { LEAST_PAUSE };
        sleep_until(begin + least).await;
        // Every call that waits has its own receiver, in addition to the one that stays.
        let attended = self.publish.receiver_count() > 1;
        let pause = if attended { pause.min(ATTENDED_PAUSE) } else { pause };
        tokio::select! {
            () = sleep(jittered(pause)) => {}
            () = self.wanted.notified() => {}
        }
    }
}

mod renewal;

pub(super) use renewal::Renewal;

/// An attempt's part of the connect-wait: one that begins just after a call came has failed, and has a cause,
/// before that call gives up.
const ATTEMPT_SHARE: f64 = 0.9;

/// Between attempts: short at first, because a restarting server is soon back.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// While calls wait: they would rather not miss a server that is up again.
const ATTENDED_PAUSE: Duration = Duration::from_millis(250);

/// Between the beginnings of two attempts, however many calls want one.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// A connection that lasted so long was a good one.
const STABLE: Duration = Duration::from_secs(1);

/// After so many useless connections in a row there is a line that says so, and then none for each.
const TOLD_USELESS: u32 = 2;

#[cfg(test)]
mod tests;

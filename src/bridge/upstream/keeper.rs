mod renewal;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

pub(in crate::bridge) use self::renewal::Renewal;
use super::board::Board;
use super::end::{Ended, UpstreamEnd, silence};
use super::waiting::Waiting;
use crate::backoff::{Backoff, jittered};
use crate::bridge::BridgePlan;
use crate::diagnosis::{Context, Speaker, diagnose};
use crate::host::Host;
use crate::net::{self, Address, Channel, ChannelPlan, Cut, Stage, Target, Trace};
use crate::pki::Certificate;
use crate::report::{Finding, FindingId};
use crate::shell::shell_word;

/// Makes the connection, and makes it again when it ends.
pub(super) struct Keeper {
    target: Target,
    own: Option<Certificate>,
    directory: PathBuf,
    searched: bool,
    /// Of an attempt.
    limit: Duration,
    /// Of a connection.
    channel: ChannelPlan,
    clock: fn() -> OffsetDateTime,
    board: Arc<Board>,
    wanted: Arc<Notify>,
    waiting: Arc<Waiting>,
    /// A call was answered since this was last false.
    answered: Arc<AtomicBool>,
    /// The connections, also those to which the server has said goodbye: they end with us, and so do the calls on
    /// them.
    connections: Vec<Cut>,
    /// New certificates.
    renewal: Renewal,
    /// How long calls may go on on a connection that was replaced.
    drain: Duration,
    /// Those connections, and others to which calls are not sent any more.
    retired: JoinSet<()>,
    /// How many connections in a row were of no use: they ended soon, without an answer to any call.
    useless: u32,
    /// There was a good connection over TLS.
    spoke_tls: bool,
    /// It has been told that calls leave this machine in plaintext.
    told_plaintext: bool,
}

impl Keeper {
    pub(super) fn new(
        plan: &BridgePlan,
        board: Arc<Board>,
        wanted: Arc<Notify>,
        waiting: Arc<Waiting>,
        answered: Arc<AtomicBool>,
        renewal: Renewal,
    ) -> Self {
        // An attempt that begins just after a call came has failed, and has a cause, before that call gives up.
        let limit = plan.connect_wait.map_or(LONGEST_ATTEMPT, |wait| LONGEST_ATTEMPT.min(wait.mul_f64(0.9)));
        Self {
            target: plan.upstream.clone(),
            own: plan.own.clone(),
            directory: plan.directory.clone(),
            searched: plan.searched,
            limit,
            channel: ChannelPlan { metadata: plan.callers.metadata, keepalive: plan.keepalive },
            clock: plan.clock,
            board,
            wanted,
            waiting,
            answered,
            connections: Vec::new(),
            renewal,
            drain: plan.drain_timeout.min(net::LONGEST),
            retired: JoinSet::new(),
            useless: 0,
            spoke_tls: false,
            told_plaintext: false,
        }
    }

    pub(super) async fn keep(mut self) -> Infallible {
        let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
        self.warn_of_plaintext(&Trace::default());
        loop {
            let begin = Instant::now();
            self.take_renewed();
            self.board.attempt_begins();
            match self.connect().await {
                Ok(channel) => {
                    self.connections.retain(|connection| !connection.is_gone());
                    self.connections.push(channel.cut());
                    self.hold(channel).await;
                    if self.useless == 0 {
                        backoff.reset();
                    }
                }
                Err(cause) => self.board.failed(cause),
            }
            self.rest(begin, backoff.advance()).await;
        }
    }

    async fn connect(&mut self) -> Result<Channel, Finding> {
        let deadline = Instant::now() + self.limit;
        let dialed = net::dial(&self.target, deadline).await;
        self.warn_of_plaintext(&dialed.trace);
        let outcome = match dialed.outcome {
            Ok((stream, first)) => net::open_channel(stream, first, &self.channel, deadline).await,
            Err(fault) => Err(fault),
        };
        let fault = match outcome {
            Ok(channel) => return Ok(channel),
            // It costs the server a connection, and one answer is enough.
            Err(fault) if self.board.last_cause() == Some(FindingId::ProbeHttp2Closed) => fault,
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
            spoke_tls: self.spoke_tls,
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

    /// Gives the connection to the calls, until it ends.
    async fn hold(&mut self, mut channel: Channel) {
        self.answered.store(false, Ordering::Relaxed);
        self.board.opened(&channel);
        let begin = Instant::now();
        if self.useless >= TOLD_USELESS {
            // It has been told that they end at once. The news is one that does not.
            tokio::select! {
                () = channel.closed() => {}
                () = sleep(STABLE) => {}
            }
        }
        let is_untold = self.useless >= TOLD_USELESS && channel.is_closed();
        if !is_untold {
            self.spoke_tls |= self.target.tls().is_some();
            self.board.connected();
            info!(connection = %self.board.name(), upstream = %self.target.address(), "connected");
            channel = self.until_closed(channel).await;
        }
        let farewell = channel.said().explained(LEAST_PAUSE).await;
        let fault = channel.fault(Stage::Call);
        let ended = Ended::of(&self.target.address().to_string(), farewell.as_ref(), fault.as_ref());
        if !is_untold {
            self.tell(&ended);
        }
        if ended.how == UpstreamEnd::Goaway {
            self.watch_draining(&channel);
        }
        let was_useful = begin.elapsed() > STABLE || self.answered.load(Ordering::Relaxed);
        self.useless = if was_useful { 0 } else { self.useless.saturating_add(1) };
        let unstable = (self.useless >= TOLD_USELESS).then(|| self.unstable(ended.words.as_deref()));
        if let Some(found) = unstable.as_ref().filter(|_| self.useless == TOLD_USELESS) {
            warn!(upstream = found.subject, id = %found.id, hint = found.hint, "{}", found.message);
        }
        self.board.ended(&ended, unstable.as_ref());
    }

    /// Calls go on on the connection that was the last one until now. If the server is silent then, it is not said to new calls.
    fn watch_draining(&mut self, channel: &Channel) {
        let (connection, upstream) = (self.board.name(), self.target.address().to_string());
        let (draining, board) = (channel.draining(), Arc::clone(&self.board));
        while self.retired.try_join_next().is_some() {}
        self.retired.spawn(async move {
            let error = draining.over().await;
            let Some(finding) = error.and_then(|error| silence(&upstream, &error)) else { return };
            board.drained_in_silence();
            let Finding { id, message, .. } = finding;
            info!(%connection, upstream, %id, "new calls went elsewhere, then {message}");
        });
    }

    fn tell(&self, ended: &Ended) {
        let (connection, upstream) = (self.board.name(), self.target.address());
        match &ended.silence {
            Some(Finding { id, hint, message, .. }) => {
                warn!(%connection, %upstream, %id, hint, "{message}");
            }
            None => info!(%connection, %upstream, cause = ended.words, "connection ended"),
        }
    }

    fn unstable(&self, cause: Option<&str>) -> Finding {
        let subject = self.target.address().to_string();
        let found =
            Finding::new(FindingId::BridgeUpstreamUnstable, subject, "connections end as soon as they begin");
        let found = found.with_hint("the log of the server may say why it ends them");
        match cause {
            Some(cause) => found.with_evidence("last", cause),
            None => found,
        }
    }

    /// Waits for the pause to end or for a call that wants the connection, but never without any pause.
    async fn rest(&mut self, begin: Instant, pause: Duration) {
        // A server that accepts connections and closes them at once is not tried again for every call.
        let least = if self.useless >= TOLD_USELESS { pause.min(ATTENDED_PAUSE) } else { LEAST_PAUSE };
        sleep_until(begin + least).await;
        let pause = if self.waiting.are_any() { pause.min(ATTENDED_PAUSE) } else { pause };
        tokio::select! {
            () = sleep(jittered(pause)) => {}
            () = self.wanted.notified() => {}
            // They may be what the server was missing.
            () = self.renewal.renewed() => {}
        }
    }
}

/// Long enough for a server at the other end of the world, with a packet lost on the way (TCP sends again after 1 s and
/// 3 s). Short, because a server that is back is found by the next attempt only.
const LONGEST_ATTEMPT: Duration = Duration::from_millis(3_500);

/// Between attempts: short at first, because a restarting server is soon back.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
pub(super) const LAST_PAUSE: Duration = Duration::from_secs(5);

/// While calls wait: they would rather not miss a server that is up again.
pub(super) const ATTENDED_PAUSE: Duration = Duration::from_millis(250);

/// Between the beginnings of two attempts, however many calls want one.
pub(super) const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// A connection that lasted so long was a good one.
const STABLE: Duration = Duration::from_secs(1);

/// After so many useless connections in a row there is a line that says so, and then none for each.
const TOLD_USELESS: u32 = 2;

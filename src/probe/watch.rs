//! Targets that are looked at as long as someone wants to know how they are.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::attempt::{Client, Others, Reached};
use super::health::{self, Heard, Line, Watcher};
use super::room::{at_once, has_room_to_keep};
use super::{FIRST_PAUSE, HealthStatus, Layer, ProbePlan, Reply, TargetOutcome};
use crate::backoff::{Backoff, jittered};
use crate::net::{self, Address, Session, Target, Trace};
use crate::report::FindingId;

/// Something that was seen while targets are watched.
#[derive(Clone, Debug)]
pub enum Sight {
    /// A target will be asked for its health again and again, because its server does not say it by itself.
    Polled {
        /// The target.
        address: Address,
        /// What the server answered `Health/Watch` with: the name of a gRPC status, or what is wrong.
        answer: String,
    },
    /// How a target is, also if it was so before.
    State {
        /// Its number, over all plans.
        index: usize,
        /// The result.
        outcome: Box<TargetOutcome>,
    },
}

/// What a target has come to, as far as it counts as a change if that is different.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// The words count for what a server says of its health. Those of other findings may differ each time, such as by a
    /// port.
    findings: Vec<(FindingId, Option<String>)>,
    health: Option<String>,
    skips_error: bool,
}

impl Condition {
    /// That of a target.
    pub fn of(outcome: &TargetOutcome) -> Self {
        let is_of_health = |id: FindingId| id.entry().layer == Some(Layer::Health);
        let findings = outcome
            .findings
            .iter()
            .map(|finding| (finding.id, Some(finding.message.clone()).filter(|_| is_of_health(finding.id))));
        let health = outcome.passed().find(|passed| passed.layer == Layer::Health);
        Self {
            findings: findings.collect(),
            health: health.map(|passed| passed.detail.clone()),
            skips_error: outcome.skips_error(),
        }
    }
}

/// Watches the targets of all plans at once, until `sights` has no receiver any more.
///
/// Each target has a connection, on which `Health/Watch` tells of changes. Each `interval` one call of `Check` shows that
/// the server is still there, and how it is if it does not know `Watch`. Servers count PINGs and end a connection that has
/// more than one in five minutes (see `net::keepalive`); they do not count calls, and a call shows more.
///
/// A connection that ends is made again, and every layer is looked at anew.
pub async fn watch(
    plans: Vec<ProbePlan>,
    interval: Duration,
    now: fn() -> OffsetDateTime,
    sights: Sender<Sight>,
) {
    let targets = plans.iter().map(|plan| plan.targets.len()).sum();
    let keeps = has_room_to_keep(targets);
    let room = Arc::new(Semaphore::new(at_once(targets)));
    let mut running = JoinSet::new();
    let mut index = 0;
    for plan in plans.into_iter().map(Arc::new) {
        for target in plan.targets.iter().cloned() {
            let (plan, room, sights) = (Arc::clone(&plan), Arc::clone(&room), sights.clone());
            let watched = Watched { index, target, plan, interval, now, room, keeps, sights };
            running.spawn(watched.go_on());
            index += 1;
        }
    }
    drop(sights);
    running.join_all().await;
}

/// One target.
struct Watched {
    index: usize,
    target: Target,
    plan: Arc<ProbePlan>,
    interval: Duration,
    now: fn() -> OffsetDateTime,
    room: Arc<Semaphore>,
    /// Are calls made on one connection, as long as it stands?
    keeps: bool,
    sights: Sender<Sight>,
}

/// A connection on which calls are made.
struct Kept {
    session: Session<Full<Bytes>>,
    trace: Trace,
    /// What is known of it without a call.
    channel: TargetOutcome,
    /// What other clients find; `None` until the target is healthy.
    others: Option<Others>,
    replies: Vec<Reply>,
}

impl Kept {
    /// When no new connection of this kind can be made any more: the end of the first certificate that expires, the server's
    /// or our own.
    fn expires(&self) -> Option<OffsetDateTime> {
        let facts = &self.channel.facts;
        let leaves = facts.presented.first().into_iter().chain(&facts.sent);
        leaves.map(|leaf| leaf.not_after).min()
    }

    /// Does the server allow so many calls at a time?
    fn allows(&self, calls: usize) -> bool {
        let most = self.session.settings().and_then(|settings| settings.max_concurrent_streams);
        most.is_none_or(|most| most as usize >= calls)
    }
}

/// The receiver of what is seen is gone.
struct Unwanted;

impl Watched {
    async fn go_on(self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
        let (mut attempts, mut was_refused) = (0, false);
        loop {
            attempts += 1;
            let (mut outcome, kept) = self.look().await;
            outcome.attempts = attempts;
            if self.tell(outcome).await.is_err() {
                return;
            }
            match kept {
                None => {}
                Some(_) if !self.keeps => {
                    attempts = 0;
                    drop(kept);
                    sleep(self.interval).await;
                    continue;
                }
                Some(kept) => {
                    attempts = 0;
                    let begin = Instant::now();
                    if self.follow(&kept, &mut was_refused).await.is_err() {
                        return;
                    }
                    // One that ends at once is no better than none.
                    if begin.elapsed() > LAST_PAUSE {
                        backoff.reset();
                    }
                }
            }
            sleep(jittered(backoff.advance())).await;
        }
    }

    fn client(&self) -> Client<'_> {
        let plan = &self.plan;
        Client { plan, own: plan.own.as_ref(), limit: plan.timeout, now: self.now, tells: true }
    }

    /// Every layer, from the ground up, and the connection if calls can be made on it.
    async fn look(&self) -> (TargetOutcome, Option<Kept>) {
        let _turn = self.room.acquire().await.expect("never closed");
        let (client, begin) = (self.client(), Instant::now());
        let mut reached = client.reach(&self.target).await;
        let mut others = None;
        if client.asks_for_others(&self.target, &reached.outcome) {
            drop(reached.session.take());
            let left = self.plan.timeout.saturating_sub(begin.elapsed());
            others = Some(client.as_others(&self.target, &reached.trace, left).await);
            reached = client.reach(&self.target).await;
        }
        let Reached { mut outcome, trace, session } = reached;
        let channel = outcome.before_calls();
        if let Some(others) = others.clone().filter(|_| outcome.is_healthy()) {
            others.judge(&mut outcome);
        }
        let is_cut = is_below_health(&outcome);
        let replies = outcome.replies.clone();
        let kept = session.filter(|_| !is_cut);
        (outcome, kept.map(|session| Kept { session, trace, channel, others, replies }))
    }

    /// Returns when the target must be looked at anew: its connection has ended, or does not work any more, a certificate
    /// has expired, or it has become healthy, and what other clients find is not known. Why a connection ended is not said:
    /// a new one shows whether there is a fault, and a server may replace its connections at any time. Silence is said: it
    /// took the whole limit, and may be over before a new connection shows it.
    async fn follow(&self, kept: &Kept, was_refused: &mut bool) -> Result<(), Unwanted> {
        let (client, calls) = (self.client(), &self.plan.calls);
        let context = client.context(&self.target, &kept.trace);
        let mut statuses = statuses(&kept.replies);
        let can_watch = statuses.len() == calls.services.len() && kept.allows(calls.services.len() + 1);
        let start = || can_watch.then(|| Watcher::start(&context, &kept.session, calls, self.interval));
        let mut watcher = start();
        // What each service said by itself.
        let mut said = vec![None; statuses.len()];
        let mut next = Instant::now() + self.interval;
        loop {
            let heard = tokio::select! {
                biased;
                () = self.sights.closed() => return Err(Unwanted),
                heard = heard(&mut watcher) => Some(heard),
                () = kept.session.closed() => return Ok(()),
                () = sleep_until(next) => None,
            };
            if kept.expires().is_some_and(|end| end < (self.now)()) {
                return Ok(());
            }
            let mut outcome = kept.channel.clone();
            match heard {
                Some(Heard::Refusal(answer)) => {
                    // They are of this call.
                    drop((kept.session.header_faults(), kept.session.ignored()));
                    self.tell_of_refusal(answer, was_refused).await?;
                    next = next.min(Instant::now() + self.interval);
                    continue;
                }
                Some(Heard::Status(service, status)) => {
                    statuses[service] = status;
                    said[service] = Some(status);
                    if let Err(fault) = health::judge(&context, &kept.session, calls, &statuses, &mut outcome)
                    {
                        watcher = None;
                        said.fill(None);
                        self.tell_of_refusal(
                            format!("header fields that cannot be used, {fault}"),
                            was_refused,
                        )
                        .await?;
                        continue;
                    }
                }
                None => {
                    let deadline = net::deadline(self.plan.timeout);
                    let line = Line::Shared(&kept.session);
                    health::check(&context, line, calls, deadline, &mut outcome).await;
                    if is_below_health(&outcome) {
                        if is_silent(&outcome) {
                            client.judge_plaintext(&self.target, &mut outcome);
                            self.tell(outcome).await?;
                        }
                        return Ok(());
                    }
                    let new = self::statuses(&outcome.replies);
                    // A change that is on its way, or a server that contradicts itself: asked anew, it says how it is, and
                    // if it does not, the next look counts.
                    if said.iter().zip(&new).any(|(said, new)| said.is_some_and(|said| said != *new)) {
                        watcher = start();
                        said.fill(None);
                        next = Instant::now() + self.interval.max(self.plan.timeout);
                        continue;
                    }
                    statuses = if new.len() == statuses.len() { new } else { statuses };
                }
            }
            next = Instant::now() + self.interval;
            client.judge_plaintext(&self.target, &mut outcome);
            match &kept.others {
                _ if !client.asks_for_others(&self.target, &outcome) => {}
                Some(others) => others.clone().judge(&mut outcome),
                None => return Ok(()),
            }
            self.tell(outcome).await?;
        }
    }

    /// Once, however often the target is connected to.
    async fn tell_of_refusal(&self, answer: String, was_refused: &mut bool) -> Result<(), Unwanted> {
        if mem::replace(was_refused, true) {
            return Ok(());
        }
        self.send(Sight::Polled { address: self.target.address().clone(), answer }).await
    }

    async fn tell(&self, outcome: TargetOutcome) -> Result<(), Unwanted> {
        self.send(Sight::State { index: self.index, outcome: Box::new(outcome) }).await
    }

    async fn send(&self, sight: Sight) -> Result<(), Unwanted> {
        self.sights.send(sight).await.map_err(|_| Unwanted)
    }
}

async fn heard(watcher: &mut Option<Watcher>) -> Heard {
    match watcher {
        Some(watcher) => watcher.next().await,
        None => std::future::pending().await,
    }
}

/// The call was not answered, or not as it should be.
fn is_below_health(outcome: &TargetOutcome) -> bool {
    outcome.failed_layer().is_some_and(|layer| layer < Layer::Health)
}

/// The call took the whole limit, and nothing came.
fn is_silent(outcome: &TargetOutcome) -> bool {
    outcome.cause().is_some_and(|cause| cause.id == FindingId::ProbeGrpcTimeout)
}

/// What each service said; fewer than there are services if there is no health service.
fn statuses(replies: &[Reply]) -> Vec<HealthStatus> {
    let status = |reply: &Reply| match reply.code {
        Some(NOT_FOUND) => Some(HealthStatus::SERVICE_UNKNOWN),
        _ => reply.status,
    };
    replies.iter().filter_map(status).collect()
}

/// The status of gRPC for a service that the health service does not know.
const NOT_FOUND: u32 = 5;

/// Between attempts at a target that is not there.
const LAST_PAUSE: Duration = Duration::from_secs(5);

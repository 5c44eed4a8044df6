//! Tests the channel to a gRPC server layer by layer.
//!
//! Each layer needs the one below it; the first that fails ends the attempt, and its finding names the
//! cause, not the symptom. Only the server's first HTTP/2 frame shows whether it accepts our client
//! certificate (see [`crate::net::dial`]). The probe calls no hook, because an empty request can crash an
//! extension server: its only calls are those of `grpc.health.v1.Health`, and a server without it is healthy too.

mod attempt;
mod calls;
mod facts;
mod gateway;
mod health;
mod news;
mod outcome;
mod policy;
mod room;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

pub use crate::diagnosis::Speaker;
pub use crate::report::Layer;
pub use calls::{Calls, HealthStatus, Reply, Retry};
pub use facts::Facts;
pub use news::{News, Waiting};
pub use outcome::{LayerOutcome, LayerState, Manager, TargetOutcome};
pub use room::{TooFewDescriptors, enough_for_a_probe};
pub use watch::{Condition, Sight, watch};

use self::attempt::attempt;
use self::room::at_once;
use crate::backoff::{Backoff, jittered};
use crate::net::Target;
use crate::pki::Certificate;
use crate::report::FindingId;
use crate::units::Within;

/// What to probe and for how long.
#[derive(Clone, Debug)]
pub struct ProbePlan {
    /// Probed side by side, reported in this order.
    pub targets: Vec<Target>,
    /// What is asked of them.
    pub calls: Calls,
    /// The certificate that we show.
    pub own: Option<Certificate>,
    /// The directory of our certificates, for commands in hints.
    pub directory: PathBuf,
    /// Was our certificate looked for in that directory?
    pub searched: bool,
    /// To whom the findings are told.
    pub speaker: Speaker,
    /// It is known that the targets speak TLS: what fails before that is not taken for plaintext.
    pub spoke_tls: bool,
    /// Is a certificate of ours that is not valid now a failure, whatever the server says to it?
    pub judges_own: bool,
    /// Certificates that expire within this time are worth a warning; `None` for the last third of their lifetime, at
    /// most 30 days.
    pub within: Option<Within>,
    /// What Envoy Gateway does if it cannot connect, in words: targets with TLS are then looked at as it would. `None`
    /// leaves that layer out.
    pub gateway: Option<String>,
    /// Targets with TLS must refuse clients without a certificate, and with one of another CA; false leaves that layer
    /// out. So does a plan without a certificate of our own.
    pub policy: bool,
    /// Targets in plaintext are meant to be so: one that speaks TLS breaks this policy.
    pub expects_plaintext: bool,
    /// Limit of one attempt.
    pub timeout: Duration,
    /// Make attempts until one succeeds, for this long; the last one is cut short.
    pub wait: Option<Duration>,
    /// Findings that are left out: no target is waited for because of them.
    pub skip: Vec<FindingId>,
    /// What that is waited for.
    pub wait_for: WaitFor,
    /// Gets what is going on.
    pub news: Option<UnboundedSender<News>>,
}

impl ProbePlan {
    /// One attempt of at most five seconds at each target, about the server as a whole.
    pub fn new(targets: Vec<Target>) -> Self {
        Self {
            targets,
            calls: Calls::default(),
            own: None,
            directory: PathBuf::from("certs"),
            searched: false,
            speaker: Speaker::Probe,
            spoke_tls: false,
            judges_own: true,
            within: None,
            gateway: None,
            policy: false,
            expects_plaintext: false,
            timeout: Duration::from_secs(5),
            wait: None,
            skip: Vec::new(),
            wait_for: WaitFor::Health,
            news: None,
        }
    }
}

/// How far a target must come before no further attempt is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WaitFor {
    /// Something accepts connections there; what fails above that is told at once.
    Connection,
    /// All is well.
    Health,
}

impl WaitFor {
    fn is_over(self, outcome: &TargetOutcome) -> bool {
        let above = |layer: Layer| layer > Layer::Connect;
        self == Self::Connection && outcome.failed_layer().is_some_and(above)
    }
}

/// Probes every target of the plan.
///
/// `now` is asked once for each verdict: with a `wait` an attempt can come much later than the call.
pub async fn probe(plan: ProbePlan, now: fn() -> OffsetDateTime) -> Vec<TargetOutcome> {
    let plan = Arc::new(plan);
    let room = Arc::new(Semaphore::new(at_once(plan.targets.len())));
    let mut running = JoinSet::new();
    for (index, target) in plan.targets.iter().cloned().enumerate() {
        let (plan, room) = (Arc::clone(&plan), Arc::clone(&room));
        running.spawn(async move {
            let outcome = until_healthy(&target, &plan, now, &room).await;
            plan.tell(|| News::Done { address: target.address().clone() });
            (index, outcome)
        });
    }
    let mut outcomes = running.join_all().await;
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

async fn until_healthy(
    target: &Target,
    plan: &ProbePlan,
    now: fn() -> OffsetDateTime,
    room: &Semaphore,
) -> TargetOutcome {
    let begin = Instant::now();
    let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
    let mut attempts = 1;
    let mut before = None;
    loop {
        // Not while it waits between attempts: others get their turn.
        let turn = room.acquire().await.expect("never closed");
        let left = plan.wait.map(|wait| wait.saturating_sub(begin.elapsed()));
        let limit = left.map_or(plan.timeout, |left| plan.timeout.min(left));
        // In a box, because there can be many thousands of targets that wait for their turn.
        let mut outcome = Box::pin(attempt(target, plan, limit, now)).await;
        drop(turn);
        let told = before.as_ref().and_then(TargetOutcome::cause).map(|cause| cause.id);
        // "Too late" says less than the attempt before, which had more time.
        if let Some(before) = before.filter(|_| limit < plan.timeout && outcome.is_late) {
            outcome = before;
        }
        outcome.attempts = attempts;
        outcome.skip(&plan.skip);
        let left = plan.wait.unwrap_or_default().saturating_sub(begin.elapsed());
        let is_over = left.is_zero() || plan.wait_for.is_over(&outcome);
        let Some(cause) = outcome.cause().filter(|_| !is_over) else { return outcome };
        if told != Some(cause.id) {
            let address = target.address().clone();
            plan.tell(|| News::Waiting(Waiting { address, cause: cause.clone(), left }));
        }
        // The whole time is used, and the last attempt has enough of it for a verdict.
        if left <= LEAST_LIMIT {
            sleep(left).await;
            return outcome;
        }
        sleep(jittered(backoff.advance()).min(left - LEAST_LIMIT)).await;
        attempts += 1;
        before = Some(outcome);
    }
}

/// Between attempts: short at first, because a server that is just starting needs little.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// The shortest time for an attempt after the first one.
const LEAST_LIMIT: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Alpn;

    #[test]
    fn a_target_that_waits_for_its_turn_needs_little_memory() {
        let address = "unix:/nowhere".parse().expect("an address");
        let target = Target::new(address, None, None, Alpn::Required).expect("plaintext");
        let (plan, room) = (ProbePlan::new(Vec::new()), Semaphore::new(1));
        let waiting = until_healthy(&target, &plan, || OffsetDateTime::UNIX_EPOCH, &room);
        let size = size_of_val(&waiting);
        assert!(size < 4096, "{size}");
    }
}

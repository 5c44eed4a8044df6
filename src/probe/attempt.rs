//! One attempt at one target: the connection, what it proves, one call, and what other clients would find.

use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::outcome::Verdict;
use super::{Facts, Layer, ProbePlan, TargetOutcome, gateway, health, policy};
use crate::diagnosis::{self, Context, Speaker, expiring, untimely_client};
use crate::net::{self, Dialed, Fault, Stream, Target, Trace};
use crate::pki::Certificate;

/// Tries every layer, and gives up after `limit`.
pub(super) async fn attempt(
    target: &Target,
    plan: &ProbePlan,
    limit: Duration,
    now: fn() -> OffsetDateTime,
) -> TargetOutcome {
    let begin = Instant::now();
    let client = Client { plan, own: plan.own.as_ref(), limit, now };
    let Reached { mut outcome, trace } = client.reach(target).await;
    let layers = [(Layer::Gateway, plan.gateway.is_some()), (Layer::Policy, plan.policy)];
    for (layer, _) in layers.iter().filter(|(_, is_asked_for)| !is_asked_for) {
        outcome.leave_out(*layer);
    }
    if plan.expects_plaintext && target.tls().is_none() {
        outcome.expect_plaintext();
    }
    // These have connections of their own, which a server that is not ready need not see. The first connection is over,
    // because some servers have one at a time.
    if target.tls().is_some() && outcome.is_healthy() {
        let context = client.context(target, &trace);
        let client = Client { limit: limit.saturating_sub(begin.elapsed()), ..client };
        let (gateway, policy) = tokio::join!(
            timed(async { gateway::look(&context, plan.gateway.as_deref()?, client.limit).await }),
            timed(async { if plan.policy { policy::look(&context, client).await } else { None } }),
        );
        for (layer, verdict) in [(Layer::Gateway, gateway), (Layer::Policy, policy)] {
            match verdict {
                Some((verdict, took)) => outcome.judge(layer, verdict, took),
                None => outcome.leave_out(layer),
            }
        }
    }
    outcome
}

/// What a layer comes to, and how long that took.
async fn timed(verdict: impl Future<Output = Option<Verdict>>) -> Option<(Verdict, Duration)> {
    let begin = Instant::now();
    verdict.await.map(|verdict| (verdict, begin.elapsed()))
}

/// Who connects, and for how long it tries.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) plan: &'a ProbePlan,
    /// The certificate that it shows.
    pub(super) own: Option<&'a Certificate>,
    pub(super) limit: Duration,
    pub(super) now: fn() -> OffsetDateTime,
}

/// How far it came, and what it saw on the way.
pub(super) struct Reached {
    pub(super) outcome: TargetOutcome,
    trace: Trace,
}

impl<'a> Client<'a> {
    /// Tries every layer of one connection.
    pub(super) async fn reach(self, target: &Target) -> Reached {
        let deadline = net::deadline(self.limit);
        let mut outcome = TargetOutcome::new(target);
        let Dialed { trace, outcome: dialed } = net::dial(target, deadline).await;
        outcome.add_trace(&trace);
        let context = self.context(target, &trace);
        outcome.facts = Facts::of(&trace, context.own, context.now);
        self.call(dialed, &context, deadline, &mut outcome).await;
        Reached { outcome, trace }
    }

    async fn call(
        self,
        dialed: Result<(Stream, Bytes), Fault>,
        context: &Context<'_>,
        deadline: Instant,
        outcome: &mut TargetOutcome,
    ) {
        let begin = Instant::now();
        let opened = match dialed {
            Ok((stream, first)) => net::open(stream, first, deadline).await,
            Err(fault) => Err(fault),
        };
        let session = match opened {
            Ok(session) => session,
            Err(fault) => {
                let fault = net::explain(context.target, context.trace, fault, deadline).await;
                if let Some(finding) =
                    diagnosis::policy::not_plaintext(context, &fault).filter(|_| self.plan.expects_plaintext)
                {
                    return outcome.fail(Layer::Policy, finding);
                }
                return outcome.fault(context, &fault);
            }
        };
        let first_frame = context.trace.first_frame.unwrap_or_else(|| begin.elapsed());
        if context.target.tls().is_some() {
            // It may have been accepted, by a server that did not ask for it or does not look: the next one does.
            if let Some(finding) = untimely_client(context).filter(|_| self.plan.judges_own) {
                return outcome.fail(Layer::Mtls, finding);
            }
            outcome.findings.extend(expiring(context, self.plan.within));
        }
        outcome.pass_greeting(context, first_frame);
        health::check(context, &session, &self.plan.calls, deadline, outcome).await;
    }

    fn context<'b>(self, target: &'b Target, trace: &'b Trace) -> Context<'b>
    where
        'a: 'b,
    {
        Context {
            target,
            trace,
            own: self.own,
            limit: self.limit,
            now: (self.now)(),
            directory: &self.plan.directory,
            searched: self.plan.searched,
            spoke_tls: false,
            speaker: Speaker::Probe,
        }
    }
}

//! One attempt at one target: the connection, what it proves, one call, and what other clients would find.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::health::Line;
use super::outcome::{Verdict, built_at};
use super::{Facts, Layer, News, ProbePlan, TargetOutcome, gateway, health, policy};
use crate::diagnosis::{self, Context, expiring, untimely_client};
use crate::net::{self, Dialed, Fault, Session, Stream, Target, Trace};
use crate::pki::Certificate;

/// Tries every layer, and gives up after `limit`.
pub(super) async fn attempt(
    target: &Target,
    plan: &ProbePlan,
    limit: Duration,
    now: fn() -> OffsetDateTime,
) -> TargetOutcome {
    let begin = Instant::now();
    let client = Client { plan, own: plan.own.as_ref(), limit, now, tells: true };
    let Reached { mut outcome, trace, session } = client.reach(target).await;
    drop(session);
    if client.asks_for_others(target, &outcome) {
        let left = limit.saturating_sub(begin.elapsed());
        client.as_others(target, &trace, left).await.judge(&mut outcome);
        outcome.took = begin.elapsed();
    }
    outcome
}

/// What the layers of other clients come to; `None` for one that is left out.
#[derive(Clone, Debug)]
pub(super) struct Others([(Layer, Option<(Verdict, Duration)>); 2]);

impl Others {
    pub(super) fn judge(self, outcome: &mut TargetOutcome) {
        for (layer, verdict) in self.0 {
            match verdict {
                Some((verdict, took)) => outcome.judge(layer, verdict, took),
                None => outcome.leave_out(layer),
            }
        }
    }
}

/// A healthy server on another continent may need this for one answer.
pub(super) const LEAST_TIME: Duration = Duration::from_millis(200);

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
    /// Does it tell which layer it has come to?
    pub(super) tells: bool,
}

/// How far it came, and what it saw on the way.
pub(super) struct Reached {
    pub(super) outcome: TargetOutcome,
    pub(super) trace: Trace,
    /// The connection, if a call could be made on it.
    pub(super) session: Option<Session<Full<Bytes>>>,
}

impl<'a> Client<'a> {
    /// Tries every layer of one connection.
    pub(super) async fn reach(self, target: &Target) -> Reached {
        let begin = Instant::now();
        let deadline = net::deadline(self.limit);
        let mut outcome = TargetOutcome::new(target);
        let Dialed { trace, outcome: dialed } =
            net::dial_telling(target, deadline, &|stage| self.comes_to(built_at(stage), target)).await;
        outcome.add_trace(&trace);
        let context = self.context(target, &trace);
        outcome.facts = Facts::of(&trace, context.own, context.now);
        let session = self.call(dialed, &context, deadline, &mut outcome).await;
        for (layer, _) in self.of_others().into_iter().filter(|(_, is_asked_for)| !is_asked_for) {
            outcome.leave_out(layer);
        }
        self.judge_plaintext(target, &mut outcome);
        if let Some(hint) = self.lacks_time(&trace) {
            outcome.excuse(&hint);
        }
        outcome.took = begin.elapsed();
        Reached { outcome, trace, session }
    }

    /// What helps if the last layer had so little time that nothing follows from its silence.
    fn lacks_time(&self, trace: &Trace) -> Option<String> {
        let before = [
            trace.resolved.as_ref().map(|(_, took)| *took),
            trace.connected.as_ref().map(|(_, took)| *took),
            trace.handshake.as_ref().map(|(_, took)| *took),
            trace.first_frame,
        ];
        let before: Duration = before.into_iter().flatten().sum();
        if self.limit.saturating_sub(before) >= LEAST_TIME {
            return None;
        }
        let limit = diagnosis::seconds(self.limit);
        let why = match self.limit < LEAST_TIME {
            true => format!("{limit} is too short to tell what is wrong"),
            false => format!("the layers before took {} of the {limit}", diagnosis::seconds(before)),
        };
        let flag = if self.limit < self.plan.timeout { "--wait" } else { "--timeout" };
        Some(format!("{why}: pass a longer `{flag}`"))
    }

    /// Fills in the policy of a target that must be in plaintext.
    pub(super) fn judge_plaintext(&self, target: &Target, outcome: &mut TargetOutcome) {
        if self.plan.expects_plaintext && target.tls().is_none() {
            outcome.expect_plaintext();
        }
    }

    fn comes_to(&self, layer: Layer, target: &Target) {
        if self.tells {
            self.plan.tell(|| News::Layer { address: target.address().clone(), layer });
        }
    }

    fn of_others(&self) -> [(Layer, bool); 2] {
        [(Layer::Gateway, self.plan.gateway.is_some()), (Layer::Policy, self.plan.policy)]
    }

    /// These have connections of their own, which a server that is not ready need not see.
    pub(super) fn asks_for_others(&self, target: &Target, outcome: &TargetOutcome) -> bool {
        let is_any = self.of_others().iter().any(|(_, is_asked_for)| *is_asked_for);
        is_any && target.tls().is_some() && outcome.is_healthy()
    }

    /// Looks at the target as other clients do, for at most `left`. Our own connection must be over, because some servers
    /// have one at a time.
    pub(super) async fn as_others(self, target: &Target, trace: &Trace, left: Duration) -> Others {
        let (context, plan) = (self.context(target, trace), self.plan);
        let [(_, by_gateway), (_, by_policy)] = self.of_others();
        let comes_to = |layer, is_asked_for| {
            if is_asked_for {
                self.comes_to(layer, target);
            }
        };
        comes_to(Layer::Policy, by_policy);
        comes_to(Layer::Gateway, by_gateway);
        let client = Self { limit: left, tells: false, ..self };
        // What has ended is not what takes long.
        let (gateway, policy) = tokio::join!(
            timed(async {
                let verdict = gateway::look(&context, plan.gateway.as_deref()?, left).await;
                comes_to(Layer::Policy, by_policy);
                verdict
            }),
            timed(async {
                let verdict = if by_policy { policy::look(&context, client).await } else { None };
                comes_to(Layer::Gateway, by_gateway);
                verdict
            }),
        );
        Others([(Layer::Gateway, gateway), (Layer::Policy, policy)])
    }

    async fn call(
        self,
        dialed: Result<(Stream, Bytes), Fault>,
        context: &Context<'_>,
        deadline: Instant,
        outcome: &mut TargetOutcome,
    ) -> Option<Session<Full<Bytes>>> {
        let begin = Instant::now();
        let opened = match dialed {
            Ok((stream, first)) => net::open(stream, first, deadline).await,
            Err(fault) => Err(fault),
        };
        let mut session = match opened {
            Ok(session) => session,
            Err(fault) => {
                let fault = net::explain(context.target, context.trace, fault, deadline).await;
                match diagnosis::policy::not_plaintext(context, &fault) {
                    Some(finding) if self.plan.expects_plaintext => outcome.fail(Layer::Policy, finding),
                    _ => outcome.fault(context, &fault),
                }
                return None;
            }
        };
        let first_frame = context.trace.first_frame.unwrap_or_else(|| begin.elapsed());
        if context.target.tls().is_some() {
            // It may have been accepted, by a server that did not ask for it or does not look: the next one does.
            if let Some(finding) = untimely_client(context).filter(|_| self.plan.judges_own) {
                outcome.fail(Layer::Mtls, finding);
                return None;
            }
            outcome.findings.extend(expiring(context, self.plan.within));
            // A client that takes the place of one in Go. The layer `gateway` has its own words.
            let witness = context.trace.witness.as_ref().filter(|_| self.plan.gateway.is_none());
            if witness.is_some_and(|witness| witness.had_too_many_tickets()) {
                outcome.fail(Layer::Http2, diagnosis::gateway::too_many_tickets(context, None));
                return None;
            }
        }
        outcome.pass_greeting(context, first_frame);
        self.comes_to(Layer::Grpc, context.target);
        health::check(context, Line::Own(&mut session), &self.plan.calls, deadline, outcome).await;
        Some(session)
    }

    pub(super) fn context<'b>(self, target: &'b Target, trace: &'b Trace) -> Context<'b>
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
            spoke_tls: self.plan.spoke_tls,
            speaker: self.plan.speaker,
        }
    }
}

//! One attempt at one target: the connection, what it proves, and one call.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::{Facts, Layer, ProbePlan, TargetOutcome, health};
use crate::diagnosis::{Context, Speaker, expiring, untimely_client};
use crate::net::{self, Target};

/// Tries every layer, and gives up after `limit`.
pub(super) async fn attempt(
    target: &Target,
    plan: &ProbePlan,
    limit: Duration,
    now: fn() -> OffsetDateTime,
) -> TargetOutcome {
    let deadline = net::deadline(limit);
    let mut outcome = TargetOutcome::new(target);
    let dialed = net::dial(target, deadline).await;
    let context = Context {
        target,
        trace: &dialed.trace,
        own: plan.own.as_ref(),
        limit,
        now: now(),
        directory: &plan.directory,
        searched: plan.searched,
        spoke_tls: false,
        speaker: Speaker::Probe,
    };
    outcome.add_trace(&dialed.trace);
    outcome.facts = Facts::of(&dialed.trace, context.own, context.now);
    let begin = Instant::now();
    let opened = match dialed.outcome {
        Ok((stream, first)) => net::open(stream, first, deadline).await,
        Err(fault) => Err(fault),
    };
    let session = match opened {
        Ok(session) => session,
        Err(fault) => {
            let fault = net::explain(target, &dialed.trace, fault, deadline).await;
            outcome.fault(&context, &fault);
            return outcome;
        }
    };
    let first_frame = dialed.trace.first_frame.unwrap_or_else(|| begin.elapsed());
    if target.tls().is_some() {
        // It may have been accepted, by a server that did not ask for it or does not look: the next one does.
        if let Some(finding) = untimely_client(&context).filter(|_| plan.judges_own) {
            outcome.fail(Layer::Mtls, finding);
            return outcome;
        }
        outcome.findings.extend(expiring(&context, plan.within));
    }
    outcome.pass_greeting(&context, first_frame);
    health::check(&context, &session, &plan.calls, deadline, &mut outcome).await;
    outcome
}

//! The layers `grpc` and `health`: one call of `grpc.health.v1.Health/Check`.

mod answer;
mod codes;
mod gzip;
mod judge;
mod line;
mod retry;
mod tolerated;
mod watch;

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use tokio::time::{Instant, sleep, timeout_at};

use super::outcome::TargetOutcome;
use super::{Calls, HealthStatus, Layer};
use crate::diagnosis::Context;
use crate::net::{self, Session};
use crate::report::{Finding, FindingId};
use answer::{Answer, request_length};
use judge::{HealthVerdict, Judge};
pub(super) use line::Line;
use retry::{NoStreams, called};
use tolerated::tolerated;
pub(super) use watch::{Heard, Watcher};

/// Asks for the health of each service and fills in the last two layers.
pub(super) async fn check(
    context: &Context<'_>,
    mut line: Line<'_>,
    calls: &Calls,
    deadline: Instant,
    outcome: &mut TargetOutcome,
) {
    let (mut took, mut words) = (Duration::ZERO, String::new());
    let (mut unhealthy, mut repeated) = (Vec::new(), Vec::new());
    for service in &calls.services {
        let deadline = calls.limit.map_or(deadline, net::deadline);
        let begin = Instant::now();
        if let Some(finding) = unsent(context, service, calls) {
            return outcome.fail(Layer::Grpc, finding);
        }
        let calling = timeout_at(deadline, called(context, &mut line, service, calls, deadline)).await;
        outcome.facts.settings = line.session().settings();
        let called = match calling {
            Ok(Ok(called)) => called,
            Ok(Err(NoStreams)) => return outcome.fail(Layer::Grpc, no_streams(context)),
            Err(_) => return outcome.fault(context, &line.session().lateness()),
        };
        let answer = &called.answer;
        outcome.facts.health = answer.health().map(|status| status.to_string());
        took += begin.elapsed();
        words = called.words();
        let judge = Judge { context, answer, service, longest: calls.longest };
        outcome.replies.extend(judge.reply(begin.elapsed()));
        match judge.grpc(line.session()) {
            // Nor has it one for another service.
            HealthVerdict::Absent(finding) => {
                outcome.pass(Layer::Grpc, words, took);
                match judge.unchecked(&calls.services) {
                    Some(unchecked) => {
                        outcome.fail(Layer::Health, unchecked);
                        let is_proxy = finding.id == FindingId::ProbeHealthFromProxy;
                        outcome.findings.extend(is_proxy.then_some(finding));
                    }
                    None => outcome.note(Layer::Health, finding),
                }
                return outcome.findings.extend(called.repeated(context));
            }
            HealthVerdict::Failed(layer, finding) => {
                return outcome.fail(layer, called.with_effect(finding, calls.retry.as_ref(), context));
            }
            HealthVerdict::Serving => {}
            HealthVerdict::Unhealthy(finding) => unhealthy.push(finding),
        }
        repeated.extend(called.repeated(context));
        let odd = tolerated(context, answer);
        // The answers about several services may have the same.
        let odd = odd.filter(|odd| repeated.iter().all(|known: &Finding| known.message != odd.message));
        repeated.extend(odd);
    }
    outcome.pass(Layer::Grpc, words, took);
    conclude(&calls.services, unhealthy, outcome);
    outcome.findings.extend(repeated);
}

/// Fills in the last layer from what servers say by themselves: one status for each service.
///
/// # Errors
/// What is wrong with the header fields of what was said, if grpc-go ends a call for it.
pub(super) fn judge(
    context: &Context<'_>,
    session: &Session<Full<Bytes>>,
    calls: &Calls,
    statuses: &[HealthStatus],
    outcome: &mut TargetOutcome,
) -> Result<(), String> {
    let mut answer = Answer::default();
    (answer.faults, answer.ignored) = (session.header_faults(), session.ignored());
    if let Some(fault) = answer.fault() {
        return Err(printable(&fault.to_string()));
    }
    let mut unhealthy = Vec::new();
    for (service, status) in calls.services.iter().zip(statuses) {
        let judge = Judge { context, answer: &answer, service, longest: calls.longest };
        unhealthy.extend(judge.unhealthy(*status));
        outcome.facts.health = Some(status.to_string());
    }
    outcome.pass(Layer::Grpc, "answers", Duration::ZERO);
    conclude(&calls.services, unhealthy, outcome);
    outcome.findings.extend(tolerated(context, &answer));
    Ok(())
}

/// `unhealthy` is what is wrong with services, in gRPC.
fn conclude(services: &[String], unhealthy: Vec<Finding>, outcome: &mut TargetOutcome) {
    let mut unhealthy = unhealthy.into_iter();
    match unhealthy.next() {
        Some(first) => outcome.fail(Layer::Health, first),
        None => outcome.pass(Layer::Health, serving(services), Duration::ZERO),
    }
    outcome.findings.extend(unhealthy);
}

/// What is said of services that all serve.
fn serving(services: &[String]) -> String {
    let named = |service: &String| match &**service {
        "" => "the server".to_owned(),
        service => format!("`{}`", printable(service)),
    };
    match services {
        [_] => "SERVING".to_owned(),
        services => format!("SERVING: {}", services.iter().map(named).collect::<Vec<_>>().join(", ")),
    }
}

/// A client does not send a request that is longer than its own limit.
fn unsent(context: &Context<'_>, service: &str, calls: &Calls) -> Option<Finding> {
    let length = request_length(service);
    let longest = calls.longest_request.filter(|longest| length > *longest)?;
    let subject = context.target.address().to_string();
    let message = format!("EG does not send the request for `{}`: it is too long", printable(service));
    Some(
        Finding::new(FindingId::ProbeGrpcInvalidMessage, subject, message)
            .with_evidence("expected", format!("at most {longest} bytes"))
            .with_evidence("found", format!("{length} bytes")),
    )
}

/// Returns when it is clear that the server lets us make no call.
async fn takes_no_calls(session: &Session<Full<Bytes>>) {
    // It may raise the number as soon as it is ready.
    sleep(PATIENCE).await;
    if session.settings().and_then(|settings| settings.max_concurrent_streams) != Some(0) {
        std::future::pending::<()>().await;
    }
}

fn no_streams(context: &Context<'_>) -> Finding {
    let subject = context.target.address().to_string();
    Finding::new(FindingId::ProbeGrpcNoStreams, subject, "the server allows no calls on this connection")
        .with_evidence("expected", "SETTINGS_MAX_CONCURRENT_STREAMS of at least 1")
        .with_evidence("found", "SETTINGS_MAX_CONCURRENT_STREAMS 0")
        .with_hint("it may be starting or overloaded: `--wait 60s` tries again; otherwise correct its limit")
}

fn origin(context: &Context<'_>, calls: &Calls, method: &str) -> Uri {
    let scheme = if context.target.tls().is_some() { "https" } else { "http" };
    Uri::builder()
        .scheme(scheme)
        .authority(
            calls
                .authority
                .as_ref()
                .map_or_else(|| context.target.address().authority(), |name| name.as_str().to_owned()),
        )
        .path_and_query(format!("/grpc.health.v1.Health/{method}"))
        .build()
        .expect("an address is a valid authority")
}

/// The beginning of a peer's text, in one line.
fn printable(text: &str) -> String {
    let line = text.chars().take(TEXT_LIMIT).map(|c| if c.is_whitespace() { ' ' } else { c });
    crate::printable::printable(&line.collect::<String>())
}

/// How long a server that allows no calls may take to allow some.
const PATIENCE: Duration = Duration::from_millis(250);

const TEXT_LIMIT: usize = 1000;

//! The layers `grpc` and `health`: one call of `grpc.health.v1.Health/Check`.

use std::sync::{Arc, OnceLock};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Uri};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt as _;

use super::outcome::TargetOutcome;
use super::{Context, diagnose};
use crate::net::{Layer, Session};
use crate::report::{Finding, Id};

type Body = tonic::body::Body;

/// Asks for the health of `service` and fills in the last two layers.
pub(super) async fn check(
    context: &Context<'_>,
    session: &Session<Body>,
    service: &str,
    deadline: Instant,
    outcome: &mut TargetOutcome,
) {
    let begin = Instant::now();
    let head = Arc::new(OnceLock::new());
    let answer = timeout_at(deadline, call(context, session, service, &head)).await;
    let took = begin.elapsed();
    let subject = || context.target.address().to_string();
    let Ok(answer) = answer else {
        let limit = diagnose::seconds(context.limit);
        let message = format!("no answer to the health check within {limit}");
        outcome.fail(Layer::Grpc, Finding::new(Id::ProbeGrpcTimeout, subject(), message));
        return;
    };
    if let Some(finding) = not_grpc(head.get(), subject()) {
        outcome.fail(Layer::Grpc, finding);
        return;
    }
    let status = match answer {
        Ok(serving) => {
            outcome.pass(Layer::Grpc, "answers", took);
            serving_status(serving, service, subject(), outcome);
            return;
        }
        Err(status) => status,
    };
    // Without a head the status is our own client's: the call was cut.
    if head.get().is_none() {
        let finding = match session.fault(Layer::Grpc) {
            Some(fault) => diagnose(context, &fault),
            None => Finding::new(Id::ProbeGrpcClosed, subject(), "the server cut the call"),
        };
        outcome.fail(Layer::Grpc, finding);
        return;
    }
    match status.code() {
        Code::Unimplemented => {
            outcome.pass(Layer::Grpc, "answers", took);
            outcome.note(
                Layer::Health,
                Finding::new(Id::ProbeHealthUnimplemented, subject(), "the server has no health service"),
            );
        }
        Code::NotFound => {
            outcome.pass(Layer::Grpc, "answers", took);
            let message = format!("the server's health service does not know `{service}`");
            outcome.fail(
                Layer::Health,
                Finding::new(Id::ProbeHealthUnknownService, subject(), message)
                    .with_hint("leave `--service` out to ask for the server as a whole"),
            );
        }
        code => outcome.fail(Layer::Grpc, refusal(code, &status, subject())),
    }
}

async fn call(
    context: &Context<'_>,
    session: &Session<Body>,
    service: &str,
    head: &Arc<OnceLock<(StatusCode, HeaderMap)>>,
) -> Result<i32, Status> {
    let head = Arc::clone(head);
    let transport = session.service().map_response(move |response: http::Response<Incoming>| {
        head.get_or_init(|| (response.status(), response.headers().clone()));
        response
    });
    let mut client = HealthClient::with_origin(transport, origin(context));
    let request = HealthCheckRequest { service: service.to_owned() };
    client.check(request).await.map(|response| response.into_inner().status)
}

fn origin(context: &Context<'_>) -> Uri {
    let scheme = if context.target.tls().is_some() { "https" } else { "http" };
    Uri::builder()
        .scheme(scheme)
        .authority(context.target.address().authority())
        .path_and_query("/")
        .build()
        .expect("an address is a valid authority")
}

/// The gRPC protocol asks for status 200 and a content type that begins with `application/grpc`
/// (PROTOCOL-HTTP2.md, Responses).
fn not_grpc(head: Option<&(StatusCode, HeaderMap)>, subject: String) -> Option<Finding> {
    let (status, headers) = head?;
    let content_type =
        headers.get(CONTENT_TYPE).map_or("none", |value| value.to_str().unwrap_or("unreadable"));
    if content_type.starts_with("application/grpc") {
        return None;
    }
    let message = format!("an HTTP/2 server answered with status {}, and not in gRPC", status.as_u16());
    Some(
        Finding::new(Id::ProbeGrpcNotGrpc, subject, message)
            .with_evidence("expected", "content type `application/grpc`")
            .with_evidence("found", format!("content type `{content_type}`")),
    )
}

fn serving_status(serving: i32, service: &str, subject: String, outcome: &mut TargetOutcome) {
    match ServingStatus::try_from(serving) {
        Ok(ServingStatus::Serving) => outcome.pass(Layer::Health, "SERVING", std::time::Duration::ZERO),
        Ok(ServingStatus::ServiceUnknown) => {
            let message = format!("the server's health service does not know `{service}`");
            outcome.fail(Layer::Health, Finding::new(Id::ProbeHealthUnknownService, subject, message));
        }
        other => {
            let name = other.map_or_else(|_| serving.to_string(), |status| status.as_str_name().to_owned());
            let message = format!("the server says {name}");
            let finding = Finding::new(Id::ProbeHealthNotServing, subject, message)
                .with_hint("`--wait 60s` waits until it serves");
            outcome.fail(Layer::Health, finding);
        }
    }
}

fn refusal(code: Code, status: &Status, subject: String) -> Finding {
    let id = REFUSALS.iter().find(|(known, _)| *known == code).map_or(Id::ProbeGrpcStatus, |(_, id)| *id);
    let name = CODE_NAMES.get(code as usize).copied().unwrap_or("UNKNOWN");
    let message = match status.message() {
        "" => format!("the server answered {name}"),
        text => format!("the server answered {name}: {}", printable(text)),
    };
    Finding::new(id, subject, message)
}

/// A peer's text, without what would move the cursor or begin a new line.
fn printable(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

const REFUSALS: &[(Code, Id)] = &[
    (Code::DeadlineExceeded, Id::ProbeGrpcTimeout),
    (Code::PermissionDenied, Id::ProbeGrpcPermissionDenied),
    (Code::Unauthenticated, Id::ProbeGrpcUnauthenticated),
    (Code::Unavailable, Id::ProbeGrpcUnavailable),
];

/// As the gRPC documents write them, by number (statuscodes.md).
const CODE_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

const TEXT_LIMIT: usize = 1000;

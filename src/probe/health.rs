//! The layers `grpc` and `health`: one call of `grpc.health.v1.Health/Check`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt as _;

use super::Context;
use super::outcome::TargetOutcome;
use crate::net::{Fault, Layer, Session};
use crate::pki;
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
    let seen = Arc::new(Seen::default());
    let Ok(answer) = timeout_at(deadline, call(context, session, service, &seen)).await else {
        outcome.fault(context, &Fault::timeout(Layer::Grpc));
        return;
    };
    let took = begin.elapsed();
    let subject = context.target.address().to_string();
    match answer {
        _ if seen.is_not_grpc() => outcome.fail(Layer::Grpc, not_grpc(&seen, subject)),
        Ok(serving) => {
            outcome.pass(Layer::Grpc, "answers", took);
            serving_status(serving, service, subject, outcome);
        }
        // The status is our own client's making: the server's never came.
        Err(_) if !seen.status.load(Ordering::Relaxed) => cut(context, session, &seen, outcome),
        Err(status) => refused(&status, service, subject, took, outcome),
    }
}

/// What came of the response.
#[derive(Debug, Default)]
struct Seen {
    head: OnceLock<(StatusCode, HeaderMap)>,
    /// Whether there was a gRPC status, in the head or in the trailers.
    status: AtomicBool,
}

impl Seen {
    fn note_status(&self, headers: &HeaderMap) {
        if headers.contains_key("grpc-status") {
            self.status.store(true, Ordering::Relaxed);
        }
    }

    fn content_type(&self) -> Option<&str> {
        let (_, headers) = self.head.get()?;
        Some(headers.get(CONTENT_TYPE).map_or("none", |value| value.to_str().unwrap_or("unreadable")))
    }

    /// The gRPC protocol asks for a content type that begins with `application/grpc` (PROTOCOL-HTTP2.md,
    /// Responses).
    fn is_not_grpc(&self) -> bool {
        self.content_type().is_some_and(|found| !found.starts_with("application/grpc"))
    }
}

async fn call(
    context: &Context<'_>,
    session: &Session<Body>,
    service: &str,
    seen: &Arc<Seen>,
) -> Result<i32, Status> {
    let seen = Arc::clone(seen);
    let transport = session.service().map_response(move |response: http::Response<Incoming>| {
        seen.note_status(response.headers());
        seen.head.get_or_init(|| (response.status(), response.headers().clone()));
        response.map(|body| {
            body.map_frame(move |frame| {
                frame.trailers_ref().into_iter().for_each(|trailers| seen.note_status(trailers));
                frame
            })
        })
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

fn not_grpc(seen: &Seen, subject: String) -> Finding {
    let status = seen.head.get().map_or(0, |(status, _)| status.as_u16());
    let message = format!("an HTTP/2 server answered with status {status}, and not in gRPC");
    Finding::new(Id::ProbeGrpcNotGrpc, subject, message)
        .with_evidence("expected", "content type `application/grpc`")
        .with_evidence("found", format!("content type `{}`", seen.content_type().unwrap_or("none")))
}

/// The call ended without a word from the server.
fn cut(context: &Context<'_>, session: &Session<Body>, seen: &Seen, outcome: &mut TargetOutcome) {
    let message = match (session.fault(Layer::Grpc), seen.head.get()) {
        (Some(fault), _) => return outcome.fault(context, &fault),
        (None, Some(_)) => "the server's answer ended without a gRPC status",
        (None, None) => "the server cut the call",
    };
    let subject = context.target.address().to_string();
    outcome.fail(Layer::Grpc, Finding::new(Id::ProbeGrpcClosed, subject, message));
}

fn serving_status(serving: i32, service: &str, subject: String, outcome: &mut TargetOutcome) {
    match ServingStatus::try_from(serving) {
        Ok(ServingStatus::Serving) => outcome.pass(Layer::Health, "SERVING", Duration::ZERO),
        Ok(ServingStatus::ServiceUnknown) => outcome.fail(Layer::Health, unknown_service(service, subject)),
        other => {
            let name = other.map_or_else(|_| serving.to_string(), |status| status.as_str_name().to_owned());
            let message = format!("the server says {name}");
            let finding = Finding::new(Id::ProbeHealthNotServing, subject, message)
                .with_hint("`--wait 60s` waits until it serves");
            outcome.fail(Layer::Health, finding);
        }
    }
}

/// The server answered with an error. Two of them are about health and prove that gRPC works.
fn refused(status: &Status, service: &str, subject: String, took: Duration, outcome: &mut TargetOutcome) {
    match status.code() {
        Code::Unimplemented => {
            outcome.pass(Layer::Grpc, "answers", took);
            let message = "the server has no health service";
            outcome.note(Layer::Health, Finding::new(Id::ProbeHealthUnimplemented, subject, message));
        }
        Code::NotFound => {
            outcome.pass(Layer::Grpc, "answers", took);
            outcome.fail(Layer::Health, unknown_service(service, subject));
        }
        code => outcome.fail(Layer::Grpc, refusal(code, status.message(), subject)),
    }
}

fn unknown_service(service: &str, subject: String) -> Finding {
    let message = format!("the server's health service does not know `{service}`");
    Finding::new(Id::ProbeHealthUnknownService, subject, message)
        .with_hint("leave `--service` out to ask for the server as a whole")
}

fn refusal(code: Code, text: &str, subject: String) -> Finding {
    let id = REFUSALS.iter().find(|(known, _)| *known == code).map_or(Id::ProbeGrpcStatus, |(_, id)| *id);
    let name = CODE_NAMES.get(code as usize).copied().unwrap_or("UNKNOWN");
    let message = match text {
        "" => format!("the server answered {name}"),
        text => format!("the server answered {name}: {}", printable(text)),
    };
    Finding::new(id, subject, message)
}

/// The beginning of a peer's text, in one line.
fn printable(text: &str) -> String {
    let line = text.chars().take(TEXT_LIMIT).map(|c| if c.is_whitespace() { ' ' } else { c });
    pki::printable(&line.collect::<String>())
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

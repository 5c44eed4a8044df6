//! What in an answer breaks a rule that grpc-go does not check, and other clients do.

use http::StatusCode;

use super::answer::Answer;
use super::printable;
use crate::diagnosis::Context;
use crate::report::{Finding, FindingId};

/// Of an answer that is in gRPC.
pub(super) fn tolerated(context: &Context<'_>, answer: &Answer) -> Option<Finding> {
    let mut found: Vec<String> = answer.faults.iter().map(|fault| printable(&fault.to_string())).collect();
    found.extend(answer.wrong_length().map(|claimed| {
        format!("`content-length: {}` before a body of {} bytes", printable(&claimed), answer.body_length())
    }));
    found.extend(answer.ignored.iter().map(ToString::to_string));
    let breaks_http2 = !found.is_empty();
    let status = answer.http_status().filter(|status| *status != StatusCode::OK);
    found.extend(status.map(|status| format!("the HTTP status {}", status.as_u16())));
    if found.is_empty() {
        return None;
    }
    let hint = match breaks_http2 {
        true => "correct the server, or the proxy in front of it, so that it keeps to HTTP/2",
        false => {
            "let the server, or the proxy in front of it, answer with 200: EG before 1.7 and gRPC's C core report the \
                  HTTP status as an error"
        }
    };
    let who = match breaks_http2 {
        true => {
            "Envoy Gateway accepts the answer where it connects itself, `egext bridge` and other clients do not"
        }
        false => "Envoy Gateway accepts the answer, other clients do not",
    };
    let message = format!("{who}: it has {}", found.join(", and "));
    let subject = context.target.address().to_string();
    Some(Finding::new(FindingId::ProbeGrpcTolerated, subject, message).with_hint(hint))
}

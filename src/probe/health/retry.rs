//! A call that is made again when it fails, as Envoy Gateway does it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use super::answer::{Answer, call};
use super::codes::CODES;
use super::origin;
use crate::diagnosis::Context;
use crate::net::Session;
use crate::probe::{Calls, Retry};
use crate::report::Finding;

/// What came of a call in the end.
pub(super) struct Called {
    pub(super) answer: Answer,
    /// How often it was made.
    pub(super) attempts: u32,
    /// The status codes of the attempts before.
    pub(super) before: Vec<String>,
}

/// Makes a call, and again if the plan says so, on the same connection. A pause that ends behind `deadline` is not made.
pub(super) async fn called(
    context: &Context<'_>,
    session: &Session<Full<Bytes>>,
    service: &str,
    calls: &Calls,
    deadline: Instant,
) -> Called {
    let (mut failures, mut before) = (0, Vec::new());
    let mut answer = call(session, origin(context, calls, "Check"), service, calls).await;
    let mut attempts = 1;
    loop {
        let again = calls.retry.as_ref().filter(|retry| attempts < retry.attempts);
        let pause = again.and_then(|retry| {
            failures += 1;
            let pause = pause(retry, &answer, &mut failures).ok()?;
            Some(pause).filter(|pause| Instant::now() + *pause < deadline)
        });
        let Some(pause) = pause else { return Called { answer, attempts, before } };
        sleep(pause).await;
        let next = call(session, origin(context, calls, "Check"), service, calls).await;
        // A server that ends the connection with its answer: a client connects again, and the answer is what we know.
        if next.http_status().is_none() {
            return Called { answer, attempts, before };
        }
        before.push(code(&answer));
        answer = next;
        attempts += 1;
    }
}

impl Called {
    /// What is said of an answer that is one.
    pub(super) fn words(&self) -> String {
        match self.before.is_empty() {
            true => "answers".to_owned(),
            false => format!("answers, at attempt {}, after {}", self.attempts, self.before.join(", ")),
        }
    }
}

/// Why a client does not make a call again.
enum Final {
    /// It does not try this status again.
    Status,
    /// The answer began before its status, so the client may have used it.
    Begun,
    /// The server says so.
    PushedBack,
}

/// How long a client waits before it makes the call again (grpc-go v1.83.0:stream.go:701).
fn pause(retry: &Retry, answer: &Answer, failures: &mut u32) -> Result<Duration, Final> {
    if !retry.codes.contains(&code(answer)) {
        return Err(Final::Status);
    }
    if !answer.is_status_alone() {
        return Err(Final::Begun);
    }
    match answer.text("grpc-retry-pushback-ms").map(|text| text.parse::<u32>()) {
        None => Ok(retry.pause(*failures)),
        Some(Err(_)) => Err(Final::PushedBack),
        Some(Ok(milliseconds)) => {
            *failures = 0;
            Ok(Duration::from_millis(milliseconds.into()))
        }
    }
}

/// With what a client does that makes calls again, if this was the last answer.
pub(super) fn with_effect(finding: Finding, retry: Option<&Retry>, called: &Called) -> Finding {
    match retry.and_then(|retry| effect(retry, called)) {
        Some(effect) => finding.with_evidence("effect", effect),
        None => finding,
    }
}

/// Of an answer with a status that is an error, or one that is too long.
fn effect(retry: &Retry, called: &Called) -> Option<String> {
    let Retry { after_failure, attempts, .. } = retry;
    let code = code(&called.answer);
    if called.answer.too_long {
        return Some(format!(
            "EG ends the call with RESOURCE_EXHAUSTED, and does not try again: {after_failure}"
        ));
    }
    let again = match pause(retry, &called.answer, &mut 1) {
        _ if code.is_empty() => return None,
        Ok(_) => format!("EG makes {attempts} attempts"),
        Err(Final::Status) => format!("EG does not try again after {code}"),
        Err(Final::Begun) => "EG does not try again, because the answer began before its status".to_owned(),
        Err(Final::PushedBack) => {
            "EG does not try again, because the server forbids it (`grpc-retry-pushback-ms`)".to_owned()
        }
    };
    Some(format!("{again}; then {after_failure}"))
}

/// The name of its status; empty if it has none.
fn code(answer: &Answer) -> String {
    let number = answer.status().and_then(Result::ok);
    let row = CODES.iter().find(|(code, _)| answer.is_grpc() && Some(*code as u32) == number);
    row.map_or_else(String::new, |(_, name)| (*name).to_owned())
}

//! A call that is made again when it fails, as Envoy Gateway does it.

use std::time::Duration;

use h2::Reason;
use tokio::time::{Instant, sleep};
use tonic::Code;

use super::answer::{Answer, call};
use super::codes::{CODES, RESET_CODES};
use super::judge::frame;
use super::line::Line;
use super::{origin, takes_no_calls};
use crate::backoff::Backoff;
use crate::diagnosis::{Context, diagnose};
use crate::net::{Fault, Reset};
use crate::probe::{Calls, FIRST_PAUSE, LAST_PAUSE, Retry};
use crate::report::{Finding, FindingId};

/// What came of a call in the end.
pub(super) struct Called {
    pub(super) answer: Answer,
    /// How often it was made.
    attempts: u32,
    /// What the attempts before came to.
    before: Vec<String>,
    /// How the server did not even look at the first attempt.
    unseen: Option<Unseen>,
    /// Why there is no connection for another attempt.
    lost: Option<Fault>,
}

/// The server lets us make no call.
pub(super) struct NoStreams;

/// Makes a call, and again if the plan says so, on the same connection or on another one if that has ended. A pause that ends
/// behind `deadline` is not made.
pub(super) async fn called(
    context: &Context<'_>,
    line: &mut Line<'_>,
    service: &str,
    calls: &Calls,
    deadline: Instant,
) -> Result<Called, NoStreams> {
    let mut attempts = Attempts::default();
    loop {
        let answer = tokio::select! {
            biased;
            answer = call(line.session(), origin(context, calls, "Check"), service, calls) => answer,
            () = takes_no_calls(line.session()) => return Err(NoStreams),
        };
        let unseen = Unseen::of(&answer, line);
        let said = unseen.as_ref().map_or_else(|| code(&answer), Unseen::said);
        let pause = attempts.pause(&answer, unseen, calls).filter(|pause| Instant::now() + *pause < deadline);
        let Some(pause) = pause else { return Ok(attempts.end(answer, None)) };
        sleep(pause).await;
        if needs_connection(&answer, line)
            && let Err(lost) = line.renew(context.target, deadline).await
        {
            return Ok(attempts.end(answer, lost));
        }
        attempts.before.push(said);
    }
}

/// What was done so far.
struct Attempts {
    made: u32,
    /// Those that the plan has made again.
    repeated: u32,
    failures: u32,
    before: Vec<String>,
    unseen: Option<Unseen>,
    /// Between connections that end before a call was made on them.
    connections: Backoff,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            made: 0,
            repeated: 0,
            failures: 0,
            before: Vec::new(),
            unseen: None,
            connections: Backoff::new(FIRST_PAUSE, LAST_PAUSE),
        }
    }
}

impl Attempts {
    /// How long to wait before the next attempt, if there is one (grpc-go v1.83.1:stream.go:701, `shouldRetry`). What the
    /// server has not looked at is made again without regard to the plan: the first attempt once, and at any time what was
    /// not even sent.
    fn pause(&mut self, answer: &Answer, unseen: Option<Unseen>, calls: &Calls) -> Option<Duration> {
        self.made += 1;
        let unseen = unseen.filter(|_| calls.repeats_unseen);
        let again = match unseen {
            Some(Unseen::Sent(_)) if self.made == 1 => Some(Duration::ZERO),
            Some(Unseen::Unsent(_)) => Some(self.connections.advance()),
            Some(Unseen::Sent(_)) | None => None,
        };
        if again.is_some() {
            self.unseen = self.unseen.take().or(unseen);
            return again;
        }
        let retry = calls.retry.as_ref().filter(|retry| self.repeated + 1 < retry.attempts)?;
        self.failures += 1;
        let pause = pause(retry, answer, &mut self.failures).ok()?;
        self.repeated += 1;
        Some(pause)
    }

    fn end(self, answer: Answer, lost: Option<Fault>) -> Called {
        let Self { made: attempts, before, unseen, .. } = self;
        Called { answer, attempts, before, unseen, lost }
    }
}

/// A call that the server has not looked at.
enum Unseen {
    /// It refused it, in these words of HTTP/2.
    Sent(String),
    /// It ended the connection before, in these words if there were any.
    Unsent(Option<String>),
}

impl Unseen {
    /// A call that a GOAWAY ends is above the last stream that the server has looked at; h2 lets the others go on.
    fn of(answer: &Answer, line: &Line<'_>) -> Option<Self> {
        let error = answer.cut.as_ref()?;
        if error.is_canceled() || error.is_closed() {
            let goodbye = line.session().goodbye();
            return Some(Self::Unsent(goodbye.map(|it| frame(it.reset, it.words.as_deref()))));
        }
        let reset = Reset::of(error).filter(|reset| !reset.ours)?;
        let is_unseen = reset.connection || reset.reason() == Reason::REFUSED_STREAM;
        is_unseen.then(|| Self::Sent(frame(reset, Reset::words(error).as_deref())))
    }

    /// In the words of HTTP/2.
    fn said(&self) -> String {
        match self {
            Self::Sent(how) | Self::Unsent(Some(how)) => how.clone(),
            Self::Unsent(None) => "connection closed".to_owned(),
        }
    }
}

/// Does the server take no further call on the connection? It may say so with an answer.
fn needs_connection(answer: &Answer, line: &Line<'_>) -> bool {
    let is_stream = |error| Reset::of(error).is_some_and(|reset| !reset.connection);
    line.session().is_closed() || answer.cut.as_ref().is_some_and(|error| !is_stream(error))
}

impl Called {
    /// What is said of an answer that is one.
    pub(super) fn words(&self) -> String {
        match self.before.is_empty() {
            true => "answers".to_owned(),
            false => format!("answers, at attempt {}, after {}", self.attempts, self.before.join(", ")),
        }
    }

    /// What to know of a server that answers only because the call was made again.
    pub(super) fn repeated(&self, context: &Context<'_>) -> Option<Finding> {
        let subject = context.target.address().to_string();
        let unseen = self.unseen.as_ref()?;
        let message = match unseen {
            Unseen::Sent(_) => REFUSED,
            Unseen::Unsent(_) => ENDED,
        };
        let finding = Finding::new(FindingId::ProbeGrpcRepeated, subject, message);
        Some(finding.with_evidence("found", unseen.said()))
    }

    /// With what a client does that makes calls again, if this was the last answer.
    pub(super) fn with_effect(
        &self,
        finding: Finding,
        retry: Option<&Retry>,
        context: &Context<'_>,
    ) -> Finding {
        let finding = match &self.lost {
            Some(fault) => finding.with_evidence("then", diagnose(context, fault).message),
            None => finding,
        };
        match retry.and_then(|retry| effect(retry, self)) {
            Some(effect) => finding.with_evidence("effect", effect),
            None => finding,
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

/// How long a client waits before it makes the call again.
fn pause(retry: &Retry, answer: &Answer, failures: &mut u32) -> Result<Duration, Final> {
    if !retry.codes.contains(&code(answer)) {
        return Err(Final::Status);
    }
    if answer.head.is_some() && !answer.is_status_alone() {
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

/// The name of its status; of an answer that was cut before it began, the one that grpc-go makes of that. Empty if it has
/// none.
fn code(answer: &Answer) -> String {
    let number = answer.status().and_then(Result::ok);
    let code = match (&answer.head, &answer.cut) {
        (None, Some(error)) => code_of_cut(error),
        _ => CODES.iter().find(|(code, _)| answer.is_grpc() && Some(*code as u32) == number),
    };
    code.map_or_else(String::new, |(_, name)| (*name).to_owned())
}

/// The code of gRPC that grpc-go gives to a call which was cut (`http2ErrConvTab` of v1.83.1:internal/transport/http_util.go).
fn code_of_cut(error: &hyper::Error) -> Option<&'static (Code, &'static str)> {
    let code = match Reset::of(error) {
        Some(reset) if reset.ours => return None,
        Some(reset) if !reset.connection => RESET_CODES
            .iter()
            .find(|(reason, _)| *reason == reset.reason())
            .map_or(Code::Internal, |(_, code)| *code),
        Some(_) | None => Code::Unavailable,
    };
    CODES.iter().find(|(known, _)| *known == code)
}

const REFUSED: &str =
    "the server refused the first call, and EG has an answer because it makes such a call again";

const ENDED: &str =
    "the server ended the connection before the first call, and EG has an answer because it connects again";

//! The limits of a call, and `grpc-timeout`, read and written (PROTOCOL-HTTP2.md, Requests).
//!
//! The caller's limit begins when its call comes. Ours begins when the call has a connection: it is there for servers that
//! do not answer. Whether calls wait for a server, and how long, is decided by the connect-wait alone; otherwise
//! a call that is to be held until the server is back would be ended by the limit of calls.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderValue, StatusCode};
use tokio::time::Instant;
use tonic::Code;

use super::answer::Answer;
use crate::http2::Fields;
use crate::net;

/// What ends a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The caller's.
    pub(super) asked: Option<Deadline>,
    ours: Option<Duration>,
}

/// When a call must be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    limit: Duration,
    /// The flag or header that set it.
    by: &'static str,
}

impl Limits {
    /// Those of a call that has just come.
    ///
    /// # Errors
    /// When the caller's cannot be read: it expects an end that would not come.
    pub(super) fn new(fields: &Fields, ours: Option<Duration>) -> Result<Self, Answer> {
        let asked = asked(fields)?.map(|limit| Deadline::new(limit, "the caller's `grpc-timeout`"));
        Ok(Self { asked, ours })
    }

    /// The earlier end, for a call that has a connection now.
    pub(super) fn connected(&self) -> Option<Deadline> {
        let ours = self.ours.map(|limit| Deadline::new(limit, "`--call-timeout`"));
        [self.asked, ours].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }
}

impl Deadline {
    /// Begins now.
    fn new(limit: Duration, by: &'static str) -> Self {
        Self { at: net::deadline(limit), limit, by }
    }

    /// Tells the upstream how much time is left.
    pub(super) fn pass_on(&self, fields: &mut Fields) {
        let left = self.at.saturating_duration_since(Instant::now());
        fields.set(GRPC_TIMEOUT, HeaderValue::try_from(written(left)).expect("digits and a letter"));
    }

    /// Until when to wait for a connection: the caller must have its answer before its own limit has passed, or it
    /// never learns the cause.
    pub(super) fn last_word(&self) -> Instant {
        self.at - LAST_WORD.min(self.limit / 10)
    }

    /// Whether a call that ends now was ended by its limit. The upstream knows of it too and may be the first to say
    /// so, as a cancellation.
    pub(super) fn has_passed(&self) -> bool {
        Instant::now() + GRAIN >= self.at
    }

    /// A caller's limit has been passed on in smaller units than a user types.
    fn in_words(&self) -> String {
        let millis = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 { format!("{:?}", self.limit) } else { format!("{:?}", Duration::from_millis(millis)) }
    }

    /// `upstream` is its address.
    pub(super) fn answer(&self, path: &str, upstream: &str) -> Answer {
        let Self { by, .. } = self;
        let limit = self.in_words();
        let message = format!("`{path}` was not answered by `{upstream}` within {limit} ({by})");
        Answer::new(Code::DeadlineExceeded, message)
    }

    /// The same for a call that has never got a connection.
    pub(super) fn answer_unconnected(&self, path: &str, upstream: &str) -> Answer {
        let Self { by, .. } = self;
        let limit = self.in_words();
        let message = format!("`{path}` had no connection to `{upstream}` within {limit} ({by})");
        Answer::new(Code::DeadlineExceeded, message)
    }
}

/// How long the caller wants to wait.
fn asked(fields: &Fields) -> Result<Option<Duration>, Answer> {
    let Some(value) = fields.get(&GRPC_TIMEOUT) else { return Ok(None) };
    match value.to_str().ok().and_then(parse) {
        Some(limit) => Ok(Some(limit)),
        None => {
            let value = String::from_utf8_lossy(value.as_bytes());
            let message =
                format!("malformed grpc-timeout: `{value}`, expected 1 to 8 digits and one of `HMSmun`");
            Err(Answer::new(Code::Internal, message).with_http_status(StatusCode::BAD_REQUEST))
        }
    }
}

/// At most eight digits and a unit.
fn parse(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// In the finest unit whose number has eight digits at most. Rounded up: a server must not give up before we do.
fn written(left: Duration) -> String {
    let microseconds = u64::from(left.subsec_nanos().div_ceil(1000));
    let microseconds = left.as_secs().saturating_mul(1_000_000).saturating_add(microseconds);
    let units = [(1, 'u'), (1000, 'm'), (1_000_000, 'S')];
    let in_unit = |(unit, name): (u64, char)| (microseconds.div_ceil(unit), name);
    let (number, unit) = units
        .into_iter()
        .map(in_unit)
        .find(|(number, _)| *number <= EIGHT_DIGITS)
        .unwrap_or((EIGHT_DIGITS, 'S'));
    format!("{number}{unit}")
}

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

const EIGHT_DIGITS: u64 = 99_999_999;

/// How long before its limit a call that waits for a connection gets the cause, if its limit is not shorter than ten
/// times that.
const LAST_WORD: Duration = Duration::from_millis(250);

/// How exactly timers of servers go.
const GRAIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    /// A cause that arrives with the caller's own limit is not seen.
    #[test]
    fn the_wait_for_a_connection_ends_before_the_limit() {
        let begin = Instant::now();
        let last_word = |limit: Duration| {
            let deadline = Deadline { at: begin + limit, limit, by: "a test" };
            deadline.at - deadline.last_word()
        };
        assert_eq!(last_word(Duration::from_secs(1)), Duration::from_millis(100));
        assert_eq!(last_word(Duration::from_secs(3600)), LAST_WORD);
    }

    #[test]
    fn every_unit_is_understood() {
        for (text, expected) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("5S", Duration::from_secs(5)),
            ("100m", Duration::from_millis(100)),
            ("7u", Duration::from_micros(7)),
            ("9n", Duration::from_nanos(9)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ] {
            assert_eq!(parse(text), Some(expected));
        }
    }

    #[test]
    fn garbage_is_refused() {
        for text in ["", "S", "5", "-1S", "123456789S", "5s", "5 S", "5é", "é"] {
            assert_eq!(parse(text), None, "{text}");
            if let Ok(value) = HeaderValue::try_from(text) {
                let mut fields = Fields::default();
                fields.set(GRPC_TIMEOUT, value);
                assert_eq!(asked(&fields).expect_err(text).code(), Code::Internal as i32);
            }
        }
    }

    #[test]
    fn what_is_left_is_rounded_up() {
        for (left, expected) in [
            (Duration::from_nanos(1), "1u"),
            (Duration::from_nanos(1500), "2u"),
            (Duration::from_micros(100_000_001), "100001m"),
            (Duration::from_millis(100_000_001), "100001S"),
        ] {
            assert_eq!(written(left), expected);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [0, 5, 99, 100, 3600, 99_999, 100_000, 99_999_999] {
            let left = Duration::from_secs(seconds);
            assert_eq!(parse(&written(left)), Some(left));
        }
    }
}

//! `grpc-timeout`, read and written (PROTOCOL-HTTP2.md, Requests).

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

/// How long the caller wants to wait. What is no valid timeout is no limit.
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(GRPC_TIMEOUT)?.to_str().ok()?)
}

/// Tells the upstream how much time is left.
pub(super) fn pass_on(headers: &mut HeaderMap, left: Duration) {
    let value = HeaderValue::try_from(written(left)).expect("digits and a letter");
    headers.insert(GRPC_TIMEOUT, value);
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

/// In the finest unit whose number has eight digits at most.
fn written(left: Duration) -> String {
    let units = [(left.as_micros(), "u"), (left.as_millis(), "m"), (left.as_secs().into(), "S")];
    let (number, unit) =
        units.into_iter().find(|(number, _)| *number <= EIGHT_DIGITS).unwrap_or((EIGHT_DIGITS, "S"));
    format!("{number}{unit}")
}

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

const EIGHT_DIGITS: u128 = 99_999_999;

#[cfg(test)]
mod tests {
    use super::*;

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
    fn garbage_is_no_limit() {
        for text in ["", "S", "5", "-1S", "123456789S", "5s", "5 S", "5é", "é"] {
            assert_eq!(parse(text), None, "{text}");
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

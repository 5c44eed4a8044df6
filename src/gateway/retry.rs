//! How often EG repeats a hook call that failed (`service.retry`), by the rules of gRPC.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::releases::STATUS_CODES;
use super::yaml::{Item, KeyValue, Node};
use super::{ConfigurationError, ValueError};
use crate::units::Span;

/// What EG is to do differently than by default.
#[derive(Clone, Debug, Default)]
pub struct Retry {
    /// With the first one.
    pub max_attempts: Option<u32>,
    /// Before the second attempt.
    pub initial_backoff: Option<Span>,
    /// No pause is longer.
    pub max_backoff: Option<Span>,
    /// By which each pause is longer than the one before.
    pub multiplier: Option<Multiplier>,
    /// After which answers there is another attempt.
    pub codes: Vec<StatusCode>,
}

impl Retry {
    /// gRPC refuses other values at every hook. Its own limit of five attempts is not EG's, which raises it to what is
    /// written (v1.4.3:internal/extension/registry/extension_manager.go:306, v1.9.1:internal/extension/grpc.go:110).
    pub(super) fn check(&self) -> Result<(), ConfigurationError> {
        if let Some(attempts) = self.max_attempts
            && attempts < 2
        {
            return Err(ConfigurationError::RetryAttempts { attempts });
        }
        let is_zero = |span: &Span| span.duration().is_zero();
        if [self.initial_backoff, self.max_backoff].iter().flatten().any(is_zero) {
            return Err(ConfigurationError::RetryBackoff);
        }
        Ok(())
    }

    /// The key, if anything is to be different.
    pub(super) fn entry(&self) -> Option<KeyValue> {
        let mut entries = Vec::new();
        if let Some(attempts) = self.max_attempts {
            entries.push(KeyValue::new("maxAttempts", Node::Integer(attempts.into())));
        }
        for (key, backoff) in [("initialBackoff", self.initial_backoff), ("maxBackoff", self.max_backoff)] {
            entries.extend(backoff.map(|backoff| KeyValue::new(key, go(backoff).as_str())));
        }
        if let Some(Multiplier { hundredths }) = self.multiplier {
            let fraction = vec![
                KeyValue::new("numerator", Node::Integer(hundredths.into())),
                KeyValue::new("denominator", Node::Integer(100)),
            ];
            entries.push(KeyValue::new("backoffMultiplier", fraction));
        }
        if !self.codes.is_empty() {
            let codes = self.codes.iter().map(|code| Item { value: code.0.into(), note: "" });
            // v1.9.1:api/v1alpha1/envoygateway_types.go:1013
            let key = KeyValue::new("RetryableStatusCodes", Node::List(codes.collect()));
            entries.push(key.commented(SPELLING));
        }
        (!entries.is_empty()).then(|| KeyValue::new("retry", entries))
    }
}

/// As Go reads a duration, which has no days: the unit is a second if that is exact.
fn go(span: Span) -> String {
    let milliseconds = span.duration().as_millis();
    match milliseconds % 1000 {
        0 => format!("{}s", milliseconds / 1000),
        _ => format!("{milliseconds}ms"),
    }
}

/// A number greater than zero with at most two decimals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Multiplier {
    hundredths: u32,
}

impl FromStr for Multiplier {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = is_number(whole) && whole.len() <= 4 && is_number(decimals) && decimals.len() <= 2;
        let number = || format!("{whole}{decimals:0<2}").parse().ok().filter(|hundredths| *hundredths > 0);
        let hundredths = if fits { number() } else { None };
        hundredths
            .map(|hundredths| Self { hundredths })
            .ok_or_else(|| ValueError::Multiplier { text: text.to_owned() })
    }
}

/// A code of gRPC, as EG writes it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StatusCode(&'static str);

impl Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl FromStr for StatusCode {
    type Err = ValueError;

    /// In upper or lower case, also with dashes.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let name = text.replace('-', "_");
        let found = STATUS_CODES.iter().find(|code| code.eq_ignore_ascii_case(&name));
        found.map(|code| Self(code)).ok_or_else(|| ValueError::StatusCode { text: text.to_owned() })
    }
}

const SPELLING: &str = "With a capital R: EG passes over other spellings of this key.";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_multiplier_is_a_fraction() {
        for (text, hundredths) in [("2", 200), ("1.5", 150), ("0.01", 1), ("9999.99", 999_999)] {
            assert_eq!(text.parse::<Multiplier>().expect(text).hundredths, hundredths);
        }
        for text in ["", "0", "0.00", "-1", "+1", "1.", ".5", "1.234", "10000", "x", "1e3"] {
            text.parse::<Multiplier>().expect_err(text);
        }
    }

    #[test]
    fn a_duration_is_one_of_go() {
        for (typed, written) in [("100ms", "100ms"), ("1s", "1s"), ("1m30s", "90s"), ("1d", "86400s")] {
            assert_eq!(go(typed.parse().expect(typed)), written);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,12}") {
            let _ = text.parse::<Multiplier>();
            let _ = text.parse::<StatusCode>();
        }
    }
}

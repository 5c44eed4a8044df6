use std::fmt::{self, Display};
use std::time::Duration;

/// A duration as Go reads and writes it: `1s`, `250ms`, `1m30s`, `-1s`. In nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GoDuration(pub i64);

impl GoDuration {
    /// As `time.ParseDuration` does; none if that fails.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1.0, rest),
            None => (1.0, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        let mut sum = 0.0;
        while !rest.is_empty() || sum == 0.0 && !text.ends_with(char::is_alphabetic) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, behind) = rest.split_at(end);
            let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(end);
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
            sum += number.parse::<f64>().ok()? * size;
            rest = behind;
        }
        (sum < i64::MAX as f64).then_some(Self((sign * sum) as i64))
    }

    /// One of the standard library's; beyond 292 years it is as long as can be.
    pub fn of(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(nanoseconds) = *self;
        if nanoseconds < 0 {
            f.write_str("-")?;
        }
        let all = nanoseconds.unsigned_abs();
        let below = |unit: u64| (all as f64) / (unit as f64);
        match all {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{all}ns"),
            1_000..1_000_000 => write!(f, "{}µs", below(1_000)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", below(1_000_000)),
            _ => {
                let (minutes, rest) = (all / MINUTE, all % MINUTE);
                let seconds = (rest as f64) / 1e9;
                match (minutes / 60, minutes % 60) {
                    (0, 0) => write!(f, "{seconds}s"),
                    (0, minutes) => write!(f, "{minutes}m{seconds}s"),
                    (hours, minutes) => write!(f, "{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }
}

const MINUTE: u64 = 60_000_000_000;

/// In nanoseconds; the micro sign is there twice in Unicode.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("\u{3bc}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, printed) in [
            ("1s", "1s"),
            ("250ms", "250ms"),
            ("1.5s", "1.5s"),
            (".5s", "500ms"),
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1h1m1s", "1h1m1s"),
            ("1500us", "1.5ms"),
            ("10\u{b5}s", "10\u{b5}s"),
            ("7ns", "7ns"),
            ("-1s", "-1s"),
            ("+2s", "2s"),
            ("0", "0s"),
            ("0s", "0s"),
        ] {
            assert_eq!(GoDuration::parse(text).expect(text).to_string(), printed);
        }
        for text in ["", "1", "s", "1x", "1s2", "-", "1d", ".s", "1..5s", "9999999999h", "one"] {
            assert_eq!(GoDuration::parse(text), None, "{text}");
        }
    }
}

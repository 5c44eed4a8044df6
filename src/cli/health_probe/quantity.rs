use std::fmt::{self, Display};
use std::time::Duration;

/// A duration as Go reads and writes it: `1s`, `250ms`, `1m30s`, `-1s`. In nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GoDuration(pub i64);

impl GoDuration {
    /// As `time.ParseDuration` does; none if that fails.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (is_negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut sum = 0_i128;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, behind) = rest.split_at(end);
            let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(end);
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
            sum += nanoseconds(number, *size)?;
            // Go looks at it here, so that the sum has no room to become too large.
            if sum > i128::from(i64::MIN.unsigned_abs()) {
                return None;
            }
            rest = behind;
        }
        i64::try_from(if is_negative { -sum } else { sum }).ok().map(Self)
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
                // Exact: there are fewer digits than such a number has.
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

/// So many units of this size. None if that is no number.
fn nanoseconds(number: &str, size: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // More digits are less than a nanosecond of the largest unit.
    let fraction = &fraction[..fraction.len().min(MOST_DIGITS)];
    let parts: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(whole.checked_mul(size)? + parts * size / scale)
}

const MOST_DIGITS: usize = 18;

const MINUTE: u64 = 60_000_000_000;

/// In nanoseconds; the micro sign is there twice in Unicode.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
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
            ("1.s", "1s"),
            ("0.0000000009s", "0s"),
            ("2562047h47m16.854775807s", "2562047h47m16.854775807s"),
            ("9223372036854775807ns", "2562047h47m16.854775807s"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(GoDuration::parse(text).expect(text).to_string(), printed);
        }
        for text in [
            "",
            "1",
            "s",
            "1x",
            "1s2",
            "-",
            "1d",
            ".s",
            "1..5s",
            "9999999999h",
            "9223372036854775808ns",
            "one",
            "+",
        ] {
            assert_eq!(GoDuration::parse(text), None, "{text}");
        }
    }
}

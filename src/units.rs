//! Quantities as people type them: durations and sizes.

use std::fmt::{self, Display};
use std::num::IntErrorKind;
use std::str::FromStr;
use std::time::Duration;

use crate::report::Hint;

/// A length of time, typed as `500ms`, `90s`, `15m`, `1h30m`, `12h`, `30d`, `1w` or `5y` (a year is 365 days).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span(Duration);

impl Span {
    /// A span of whole seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of whole milliseconds.
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// A span of whole days.
    pub const fn from_days(days: u64) -> Self {
        Self::from_seconds(days.saturating_mul(SECONDS_PER_DAY))
    }

    /// The same as the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Display for Span {
    /// In the largest unit that is exact, as it would be typed. Weeks are printed as days: of two spans in one text,
    /// such as 30 days and 28, a reader must see which is longer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let (name, unit) = UNITS
            .iter()
            .rev()
            .filter(|(name, _)| *name != WEEK)
            .find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(u128::from(*unit)))
            .unwrap_or(&("s", 1000));
        write!(f, "{}{name}", milliseconds / u128::from(*unit))
    }
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        match sum(text) {
            Some(milliseconds) if milliseconds <= LONGEST => Ok(Self(Duration::from_millis(milliseconds))),
            Some(_) => Err(QuantityError::TooLong),
            None if is_number(text) => Err(QuantityError::NoUnit { number: text.to_owned() }),
            None => Err(QuantityError::Span),
        }
    }
}

/// A number of octets, typed as `512`, `64KiB`, `4MiB` or `1GiB`, or as Kubernetes writes it: `4Mi`, `1000M`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(u64);

impl Size {
    /// A size in octets.
    pub const fn from_octets(octets: u64) -> Self {
        Self(octets)
    }

    /// The size in octets.
    pub const fn octets(self) -> u64 {
        self.0
    }

    /// In the largest power of a thousand that is exact, as Kubernetes writes it: `512`, `1500k`, `1G`.
    pub fn decimal(self) -> String {
        self.in_units(DECIMAL_SIZES)
    }

    fn in_units(self, units: &[(&str, u64)]) -> String {
        let largest = units.iter().rev().find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit));
        let (name, unit) = largest.unwrap_or(&("", 1));
        format!("{}{name}", self.0 / unit)
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_units(SIZES))
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let octets = [SIZES, BINARY_SIZES, DECIMAL_SIZES].into_iter().find_map(|units| quantity(text, units));
        match octets.ok_or(QuantityError::Size)? {
            octets if octets <= LARGEST => Ok(Self(octets)),
            _ => Err(QuantityError::TooLarge),
        }
    }
}

/// The end of something's life, typed as a length of time (`30d`) or as a part of that life (`20%`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Within {
    /// The last so many parts of a hundred.
    Percent(u8),
    /// The last so much time.
    Span(Span),
}

impl Within {
    /// How long the end of a life of this length is.
    pub fn of(self, life: Duration) -> Duration {
        match self {
            Self::Percent(percent) => (life / 100).saturating_mul(u32::from(percent)),
            Self::Span(span) => span.duration(),
        }
    }
}

impl Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Span(span) => span.fmt(f),
        }
    }
}

impl FromStr for Within {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().map(Self::Span).map_err(|error| match error {
                QuantityError::Span => QuantityError::Within,
                error => error,
            });
        };
        let digits = percent.bytes().all(|octet| octet.is_ascii_digit());
        let number = percent.parse().ok().filter(|number| digits && *number <= 100);
        number.map(Self::Percent).ok_or(QuantityError::Within)
    }
}

/// The user typed something that is not a quantity.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// A number that could be seconds as well as days.
    #[error("a duration needs a unit")]
    NoUnit {
        /// As typed.
        number: String,
    },
    /// Not a number, or outside of the numbers that make sense.
    #[error("expected a number from {least} to {most}")]
    NumberRange {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
        /// What to type instead.
        example: u64,
    },
    /// Not a size.
    #[error("expected a size such as `64KiB`, `4MiB`, `4Mi` or `4M`")]
    Size,
    /// Outside of the sizes that make sense.
    #[error("expected a size from {least} to {most}")]
    SizeRange {
        /// The smallest.
        least: Size,
        /// The largest.
        most: Size,
        /// What to type instead.
        example: Size,
    },
    /// Not a duration.
    #[error("expected a duration such as `500ms`, `90s`, `15m`, `1h30m`, `12h`, `30d`, `1w` or `5y`")]
    Span,
    /// Larger than any limit.
    #[error("it is too large: the limit is {}", Size(LARGEST))]
    TooLarge,
    /// Longer than any limit.
    #[error("it is too long: the limit is {}", Span(Duration::from_millis(LONGEST)))]
    TooLong,
    /// Shorter than makes sense.
    #[error("expected a duration of at least {least}")]
    TooShort {
        /// The shortest.
        least: Span,
    },
    /// Neither a duration nor `forever`.
    #[error("expected a duration such as `500ms`, `90s` or `1h`, or `forever`")]
    Wait,
    /// Neither a duration nor a percentage.
    #[error("expected a duration such as `30d` or `12h`, or a percentage such as `20%`")]
    Within,
    /// No time at all.
    #[error("expected a duration greater than zero")]
    Zero,
}

impl Hint for QuantityError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoUnit { number } => format!("for example `{number}s`, `{number}h` or `{number}d`"),
            Self::Size => {
                "whole numbers only; `Mi` and `MiB` are 1024 times 1024 bytes, `M` is a million".to_owned()
            }
            Self::NumberRange { example, .. } => format!("for example `{example}`"),
            Self::SizeRange { example, .. } => format!("for example `{example}`"),
            Self::Span => {
                "whole numbers only, the largest unit first: `1h30m`, not `1.5h`; `m` is minutes".to_owned()
            }
            Self::TooLarge => "for example `16Mi`".to_owned(),
            Self::TooLong => "for example `90s`, `12h`, `30d` or `5y`".to_owned(),
            Self::TooShort { least } => format!("for example `{least}`"),
            Self::Wait => "`forever` holds calls until the server is back".to_owned(),
            Self::Within => {
                "the percentage is of the certificate's lifetime: `20%` of 365d are 73d".to_owned()
            }
            Self::Zero => "for example `5s`".to_owned(),
        })
    }
}

/// Numbers with units of time, the largest first, each unit once: the milliseconds of all together, or the largest
/// number if they are more.
fn sum(text: &str) -> Option<u64> {
    let (mut rest, mut total, mut last) = (text, 0_u64, u64::MAX);
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest.bytes().skip(digits).take_while(u8::is_ascii_alphabetic).count();
        let (part, behind) = rest.split_at(digits + letters);
        let one = quantity(&format!("1{}", &part[digits..]), UNITS).filter(|unit| *unit < last)?;
        total = total.saturating_add(quantity(part, UNITS)?);
        if behind.is_empty() {
            return Some(total);
        }
        (rest, last) = (behind, one);
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// A whole number followed by a unit: the number of the smallest unit, or the largest number if it is more.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, name) = text.split_at(digits);
    let (_, unit) = units.iter().find(|(known, _)| *known == name)?;
    let number = match number.parse::<u64>() {
        Ok(number) => number,
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => u64::MAX,
        Err(_) => return None,
    };
    Some(number.saturating_mul(*unit))
}

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

const WEEK: &str = "w";

/// Names and milliseconds of the units of time, ascending.
const UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1000),
    ("m", 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("d", SECONDS_PER_DAY * 1000),
    (WEEK, 7 * SECONDS_PER_DAY * 1000),
    ("y", 365 * SECONDS_PER_DAY * 1000),
];

/// Names and octets of the units of size, ascending.
const SIZES: &[(&str, u64)] = &[("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// The same as Kubernetes writes them, and its powers of a thousand.
const BINARY_SIZES: &[(&str, u64)] = &[("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)];
const DECIMAL_SIZES: &[(&str, u64)] = &[("", 1), ("k", 1000), ("M", 1_000_000), ("G", 1_000_000_000)];

/// A thousand years in milliseconds: what is longer is a typing error, and dates computed from it stay within four-digit
/// years.
const LONGEST: u64 = 1000 * 365 * SECONDS_PER_DAY * 1000;

/// What is measured here are messages, and those of protobuf are smaller: what is larger is a typing error.
const LARGEST: u64 = 2 << 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_print_as_they_are_typed() {
        for text in ["500ms", "90s", "15m", "36h", "30d", "5y", "0s"] {
            assert_eq!(text.parse::<Span>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn spans_add_up_from_the_largest_unit_down() {
        for (text, printed) in [
            ("1w", "7d"),
            ("2w1d", "15d"),
            ("1h30m", "90m"),
            ("1d12h", "36h"),
            ("1m500ms", "60500ms"),
            ("1y1d", "366d"),
        ] {
            assert_eq!(text.parse::<Span>().expect(text).to_string(), printed);
        }
        for text in ["1h1h", "30m1h", "1h30", "h30m", "1h 30m", "1h-30m", "1y1y", "1W", "1week", "1é"] {
            assert!(matches!(text.parse::<Span>(), Err(QuantityError::Span)), "{text}");
        }
        assert_eq!("1w".parse::<Within>().expect("a week").to_string(), "7d");
    }

    #[test]
    fn what_is_too_much_is_no_wrong_grammar() {
        for text in ["1001y", "99999999999999y", "99999999999999999999999y", "1000y1ms"] {
            assert!(matches!(text.parse::<Span>(), Err(QuantityError::TooLong)), "{text}");
            assert!(matches!(text.parse::<Within>(), Err(QuantityError::TooLong)), "{text}");
        }
        assert_eq!(QuantityError::TooLong.to_string(), "it is too long: the limit is 1000y");
        for text in ["3GiB", "99999Gi", "99999999999999999999999G"] {
            assert!(matches!(text.parse::<Size>(), Err(QuantityError::TooLarge)), "{text}");
        }
        assert_eq!(QuantityError::TooLarge.to_string(), "it is too large: the limit is 2GiB");
    }

    #[test]
    fn sizes_print_as_they_are_typed() {
        for text in ["0", "512", "64KiB", "4MiB", "1GiB"] {
            assert_eq!(text.parse::<Size>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        for (text, octets) in [
            ("4Mi", 4 << 20),
            ("64Ki", 64 << 10),
            ("1Gi", 1 << 30),
            ("1000M", 1_000_000_000),
            ("5k", 5000),
            ("2G", 2_000_000_000),
        ] {
            assert_eq!(text.parse::<Size>().expect(text).octets(), octets);
        }
        for (octets, text) in [(0, "0"), (999, "999"), (1_500_000, "1500k"), (1_000_000_000, "1G")] {
            assert_eq!(Size::from_octets(octets).decimal(), text);
        }
        for text in ["", "M", "4m", "4mi", "4K", "4 Mi", "-4Mi", "4MB", "30000Gi0", "99999999999G"] {
            text.parse::<Size>().expect_err(text);
        }
    }

    #[test]
    fn the_end_of_a_life_is_a_time_or_a_part() {
        let day = Duration::from_secs(86_400);
        for (text, end) in [("20%", day / 5), ("100%", day), ("0%", Duration::ZERO), ("30d", day * 30)] {
            let within = text.parse::<Within>().expect(text);
            assert_eq!((within.to_string().as_str(), within.of(day)), (text, end));
        }
        for text in ["", "%", "20", "101%", "-1%", "+1%", "1.5%", "300%"] {
            text.parse::<Within>().expect_err(text);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_not_a_duration() {
        for text in ["", "5", "s", "-5s", "1.5h", "5 s", "99999999999999999999y", "2000y"] {
            text.parse::<Span>().expect_err(text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_means_the_same(parts in "([1-9]y)?([0-9]{1,2}w)?([0-9]{1,3}d)?([0-9]{1,2}h)?([0-9]{1,2}m)?[0-9]{1,3}(ms|s)") {
            if let Ok(span) = parts.parse::<Span>() {
                prop_assert_eq!(span.to_string().parse::<Span>().expect("printed form"), span);
            }
        }

        #[test]
        fn no_text_panics(text in "([0-9]{0,4}[a-zé]{0,2}){0,3}|.{0,12}") {
            let _ = text.parse::<Span>();
            let _ = text.parse::<Size>();
            let _ = text.parse::<Within>();
        }
    }
}

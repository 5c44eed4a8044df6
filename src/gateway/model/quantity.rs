use crate::gateway::document::{Kind, Node};

/// A number with a unit of Kubernetes, such as `4Mi`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::gateway) struct Quantity {
    /// What `AsInt64` returns. `None` for a fraction, and for what has too many digits.
    pub(in crate::gateway) integer: Option<i64>,
}

impl Quantity {
    /// # Errors
    /// Kubernetes' own words, which EG passes on.
    pub(super) fn parse(node: &Node) -> Result<Self, &'static str> {
        match &node.kind {
            Kind::Text(text) => parse(text.trim()),
            Kind::Fraction(text) => parse(text),
            Kind::Integer(value) => parse(&value.to_string()),
            Kind::Float(value) => parse(&super::go::number(*value)),
            _ => Err(FORMAT),
        }
    }

    /// The number in `node`, if it is one.
    pub(in crate::gateway) fn of(node: &Node) -> Option<Self> {
        Self::parse(node).ok()
    }
}

/// `ParseQuantity`, as far as it matters: the range is not cut.
fn parse(text: &str) -> Result<Quantity, &'static str> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if text.is_empty() {
        return Err(FORMAT);
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = unsigned.split_at(digits(unsigned));
    let number = number.trim_start_matches('0');
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let letters = suffix.len() - suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c)).len();
    let exponent = suffix[letters..].strip_prefix(['+', '-']).unwrap_or(&suffix[letters..]);
    if digits(exponent) < exponent.len() {
        return Err(FORMAT);
    }
    let unit = unit(suffix).ok_or(SUFFIX)?;
    let integer = integer(number, fraction, unit);
    Ok(Quantity { integer: if text.starts_with('-') { integer.map(|it| -it) } else { integer } })
}

#[derive(Clone, Copy)]
enum Unit {
    Binary(u32),
    Decimal(i64),
}

fn unit(suffix: &str) -> Option<Unit> {
    let power = |prefixes: &str| {
        let index = prefixes.find(suffix.chars().next()?)?;
        i64::try_from(index).ok().map(|index| index + 1)
    };
    match suffix.len() {
        0 => Some(Unit::Decimal(0)),
        1 if suffix == "n" => Some(Unit::Decimal(-9)),
        1 if suffix == "u" => Some(Unit::Decimal(-6)),
        1 if suffix == "m" => Some(Unit::Decimal(-3)),
        1 => power("kMGTPE").map(|power| Unit::Decimal(3 * power)),
        2 if suffix.ends_with('i') => {
            power("KMGTPE").and_then(|power| u32::try_from(10 * power).ok()).map(Unit::Binary)
        }
        _ => suffix.strip_prefix(['e', 'E'])?.parse().ok().map(Unit::Decimal),
    }
}

/// Kubernetes keeps an `int64` if it is sure to have room, and all else in another form, which is no integer for it.
fn integer(number: &str, fraction: &str, unit: Unit) -> Option<i64> {
    let all = number.len().max(1) + fraction.len();
    match unit {
        Unit::Decimal(power) => {
            let scale = power - i64::try_from(fraction.len()).ok()?;
            let value: i64 =
                format!("0{number}{fraction}").parse().ok().filter(|_| all <= 18 && scale >= 0)?;
            // An exponent can be long.
            if value == 0 { Some(0) } else { (0..scale).try_fold(value, |value, _| value.checked_mul(10)) }
        }
        Unit::Binary(power) => {
            let room = 14_i64 - i64::try_from(all).ok()? - i64::from(power * 3 / 10);
            let value: i64 =
                format!("0{number}").parse().ok().filter(|_| fraction.is_empty() && room >= 0)?;
            value.checked_mul(1 << power)
        }
    }
}

const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, expected) in [
            ("4Mi", Ok(Some(4 << 20))),
            ("4194304", Ok(Some(4_194_304))),
            ("4k", Ok(Some(4000))),
            ("4e6", Ok(Some(4_000_000))),
            ("-1", Ok(Some(-1))),
            ("0", Ok(Some(0))),
            ("00", Ok(Some(0))),
            ("1.5k", Ok(Some(1500))),
            ("1.5Ki", Ok(None)),
            ("1m", Ok(None)),
            ("9Ei", Ok(None)),
            ("0e99999999999", Ok(Some(0))),
            ("4MiB", Err(FORMAT)),
            ("", Err(FORMAT)),
            ("a", Err(FORMAT)),
            ("4K", Err(SUFFIX)),
            ("4mi", Err(SUFFIX)),
        ] {
            assert_eq!(parse(text).map(|quantity| quantity.integer), expected, "{text}");
        }
    }
}

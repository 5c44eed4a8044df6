use super::Kind;

/// A scalar without quotes as go-yaml v2 resolves it. Numbers with colons and dates stay text.
pub(super) fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Kind::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Kind::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Kind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Kind::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Kind::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Kind::Text(text.into());
    }
    let plain = text.replace('_', "");
    let float = || is_float(&plain).then(|| plain.parse().ok()).flatten().map(Kind::Float);
    integer(&plain).map(Kind::Integer).or_else(float).unwrap_or_else(|| Kind::Text(text.into()))
}

/// Go's `ParseInt` and `ParseUint` with base 0, in 64 bits.
fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match (lower.strip_prefix("0x"), lower.strip_prefix("0b"), lower.strip_prefix("0o"))
    {
        (Some(digits), ..) => (16, digits),
        (_, Some(digits), _) => (2, digits),
        (.., Some(digits)) => (8, digits),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = sign * i128::from_str_radix(digits, base).ok()?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(value)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(part)
        && (!whole.is_empty() || !part.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each was held against go-yaml v2.
    #[test]
    fn scalars_are_those_of_yaml_1_1() {
        for (text, kind) in [
            ("y", "Bool(true)"),
            ("Off", "Bool(false)"),
            ("~", "Null"),
            ("010", "Integer(8)"),
            ("0o10", "Integer(8)"),
            ("0x1F", "Integer(31)"),
            ("-0b11", "Integer(-3)"),
            ("1_0", "Integer(10)"),
            ("18446744073709551615", "Integer(18446744073709551615)"),
            ("10.0", "Float(10.0)"),
            ("1e3", "Float(1000.0)"),
            (".5", "Float(0.5)"),
            ("1:30", "Text(\"1:30\")"),
            ("2026-01-01", "Text(\"2026-01-01\")"),
            ("1.9.1", "Text(\"1.9.1\")"),
            ("4Mi", "Text(\"4Mi\")"),
            ("08", "Float(8.0)"),
            (".", "Text(\".\")"),
            ("-", "Text(\"-\")"),
        ] {
            assert_eq!(format!("{:?}", resolve(text)), kind, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+0-9._a-fxobEe\u{e9}]{0,12}") {
            resolve(&text);
        }
    }
}

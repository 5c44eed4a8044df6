//! What Go's standard library does with texts and numbers, as far as Envoy Gateway's messages show it.

use std::fmt::Write as _;

/// As `%q` writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        // Writing to a string does not fail.
        let _ = match character {
            '"' | '\\' => write!(out, "\\{character}"),
            '\u{7}' => out.write_str("\\a"),
            '\u{8}' => out.write_str("\\b"),
            '\u{c}' => out.write_str("\\f"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\u{b}' => out.write_str("\\v"),
            '\0'..='\u{1f}' | '\u{7f}' => write!(out, "\\x{:02x}", u32::from(character)),
            _ if is_printable(character) => out.write_char(character),
            '\u{80}'..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(character)),
            _ => write!(out, "\\U{:08x}", u32::from(character)),
        };
    }
    out.push('"');
    out
}

/// As package `time` writes a text in its errors: octet by octet.
pub(super) fn octets_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' | 0x7f => out.push(char::from(byte)),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// Of the blanks, only the one of ASCII is printable.
fn is_printable(character: char) -> bool {
    character == ' ' || (!character.is_whitespace() && character.escape_debug().len() == 1)
}

/// As `encoding/json` writes a number.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    if size >= 1e21 { text.replace('e', "e+") } else { text }
}

/// What `time.ParseDuration` makes of a text, in nanoseconds, or what it says.
pub(in crate::gateway) fn duration(text: &str) -> Result<f64, String> {
    let of_text = |what: &str| format!("time: {what} duration {}", octets_quoted(text));
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0.0);
    }
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut total = 0.0;
    if rest.is_empty() {
        return Err(of_text("invalid"));
    }
    while !rest.is_empty() {
        let whole = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let part = rest[whole..]
            .strip_prefix('.')
            .map_or(0, |part| 1 + part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
        let Ok(number) = rest[..whole + part].parse::<f64>() else { return Err(of_text("invalid")) };
        rest = &rest[whole + part..];
        let (unit, next) = rest.split_at(rest.find(is_number).unwrap_or(rest.len()));
        let factor = match unit {
            "" => return Err(of_text("missing unit in")),
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 6e10,
            "h" => 3.6e12,
            unit => return Err(of_text(&format!("unknown unit {} in", octets_quoted(unit)))),
        };
        total += number * factor;
        if total > LONGEST {
            return Err(of_text("invalid"));
        }
        rest = next;
    }
    Ok(sign * total)
}

/// Go counts nanoseconds in 64 bits: 292 years.
const LONGEST: f64 = 9_223_372_036_854_775_807.0;

/// Why `url.Parse` refuses a text, in its words; not complete: hosts in brackets and user names are passed.
pub(super) fn url_error(text: &str) -> Option<String> {
    let refused = |why: &str| Some(format!("parse {}: {why}", quoted(text)));
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return refused("net/url: invalid control character in URL");
    }
    let body = text.split_once('#').map_or(text, |(body, _)| body);
    let colon = body.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
    let (has_scheme, rest) = match colon.filter(|at| body[*at..].starts_with(':')) {
        Some(0) => return refused("missing protocol scheme"),
        Some(at) if body.starts_with(|c: char| c.is_ascii_alphabetic()) => (true, &body[at + 1..]),
        _ => (false, body),
    };
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if has_scheme && !rest.starts_with('/') {
        return None;
    }
    let first = rest.split('/').next().unwrap_or_default();
    if !has_scheme && first.contains(':') {
        return refused("first path segment in URL cannot contain colon");
    }
    let authority = rest.strip_prefix("//").map(|rest| rest.split('/').next().unwrap_or_default());
    if let Some(port) = authority.and_then(|host| host.rfind(':').map(|at| &host[at..]))
        && !port[1..].bytes().all(|byte| byte.is_ascii_digit())
    {
        return refused(&format!("invalid port {} after host", quoted(port)));
    }
    if let Some(host) = authority.map(|it| it.rsplit('@').next().unwrap_or(it))
        && let Some(wrong) = host.chars().find(|c| c.is_ascii() && !is_host_character(*c))
    {
        return refused(&format!("invalid character {} in host name", quoted(&wrong.to_string())));
    }
    wrong_escape(rest).and_then(|escape| refused(&format!("invalid URL escape {}", quoted(escape))))
}

/// `%` begins an escape, which has its own message.
fn is_host_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!$&'()*+,;=:[]<>\"-_.~%".contains(character)
}

fn wrong_escape(text: &str) -> Option<&str> {
    text.match_indices('%').find_map(|(at, _)| {
        let digits = text[at + 1..].bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
        let end = text[at..].char_indices().nth(3).map_or(text.len(), |(offset, _)| at + offset);
        (digits < 2).then(|| &text[at..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_does_it() {
        for (text, expected) in [
            ("a", r#""a""#),
            ("a\"b\\", r#""a\"b\\""#),
            ("\u{0}\t\u{7f}\n", r#""\x00\t\x7f\n""#),
            ("é\u{a0}\u{1f600}", "\"é\\u00a0\u{1f600}\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn durations_are_those_of_go() {
        let wrong = |text: &str| Err(format!("time: {text}"));
        for (text, expected) in [
            ("1h30m", Ok(5.4e12)),
            ("-1.5s", Ok(-1.5e9)),
            ("0", Ok(0.0)),
            ("100ms", Ok(1e8)),
            ("1.s", Ok(1e9)),
            (".5s", Ok(5e8)),
            ("5", wrong(r#"missing unit in duration "5""#)),
            ("1m5", wrong(r#"missing unit in duration "1m5""#)),
            ("", wrong(r#"invalid duration """#)),
            ("s", wrong(r#"invalid duration "s""#)),
            (".s", wrong(r#"invalid duration ".s""#)),
            ("1 s", wrong(r#"unknown unit " s" in duration "1 s""#)),
            ("1d", wrong(r#"unknown unit "d" in duration "1d""#)),
            ("3000000h", wrong(r#"invalid duration "3000000h""#)),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn urls_are_refused_as_go_does_it() {
        assert_eq!(url_error("redis.redis-system.svc:6379"), None);
        assert_eq!(url_error("rediss://a:6379/0"), None);
        assert_eq!(
            url_error("127.0.0.1:6379").as_deref(),
            Some(r#"parse "127.0.0.1:6379": first path segment in URL cannot contain colon"#)
        );
        assert_eq!(url_error(":a").as_deref(), Some(r#"parse ":a": missing protocol scheme"#));
        assert_eq!(url_error("a%zz").as_deref(), Some(r#"parse "a%zz": invalid URL escape "%zz""#));
        assert_eq!(
            url_error("redis://a:b").as_deref(),
            Some(r#"parse "redis://a:b": invalid port ":b" after host"#)
        );
    }
}

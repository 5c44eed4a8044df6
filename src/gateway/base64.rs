//! Base64 as `encoding/base64` of Go reads it, so Kubernetes the values of a Secret, and go-yaml what `!!binary` is before.

use data_encoding::{BASE64, Encoding};
use zeroize::Zeroizing;

/// Why Go does not read a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::gateway) struct NotBase64 {
    /// What is in the way.
    pub(in crate::gateway) cause: Cause,
    /// The byte that Go names.
    pub(in crate::gateway) at: usize,
}

/// What is in the way. The text may be a key, so no character of it is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::gateway) enum Cause {
    /// A space or a tab. A line break is none.
    Blank,
    /// Something else that is no character of Base64.
    Character,
    /// `=` is missing at the end, or there are too many, or one is not at the end.
    Padding,
    /// It is PEM, which was not encoded at all.
    Pem,
    /// `-` or `_`, of the alphabet for URLs.
    Url,
}

impl NotBase64 {
    /// What is wrong with a value.
    pub(in crate::gateway) const fn why(self) -> &'static str {
        match self.cause {
            Cause::Blank => "has a blank in its Base64",
            Cause::Character => "is not Base64",
            Cause::Padding => "is Base64 with a wrong end",
            Cause::Pem => "is PEM, and not Base64 of it",
            Cause::Url => "is Base64 for URLs",
        }
    }

    /// As Go says it.
    pub(in crate::gateway) fn in_go(self) -> String {
        format!("illegal base64 data at input byte {}", self.at)
    }
}

/// Line breaks count nowhere, and bits that are left over at the end may be set.
pub(in crate::gateway) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, NotBase64> {
    let mut quads = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut places = text.bytes().enumerate().filter(|(_, byte)| !b"\r\n".contains(byte));
    let is_pem = text.trim_start().starts_with("-----BEGIN ");
    let wrong = |cause, at| Err(NotBase64 { cause: if is_pem { Cause::Pem } else { cause }, at });
    while let Some((at, byte)) = places.next() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => quads.push(byte),
            _ if is_blank(byte) => return wrong(Cause::Blank, at),
            b'-' | b'_' => return wrong(Cause::Url, at),
            b'=' => {
                let second = match quads.len() % 4 {
                    3 => None,
                    2 => match places.next() {
                        Some((_, b'=')) => Some(b'='),
                        Some((behind, _)) => return wrong(Cause::Padding, behind - 1),
                        None => return wrong(Cause::Padding, text.len()),
                    },
                    _ => return wrong(Cause::Padding, at),
                };
                if let Some((behind, byte)) = places.next() {
                    return wrong(if is_blank(byte) { Cause::Blank } else { Cause::Padding }, behind);
                }
                quads.extend([Some(byte), second].into_iter().flatten());
            }
            _ => return wrong(Cause::Character, at),
        }
    }
    match permissive().decode(&quads) {
        Ok(value) => Ok(value.into()),
        Err(_) => wrong(Cause::Padding, text.len() - quads.len() % 4),
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn permissive() -> Encoding {
    let mut base64 = BASE64.specification();
    base64.check_trailing_bits = false;
    base64.encoding().expect("it only permits more")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was held against `base64.StdEncoding` of Go 1.26.
    #[test]
    fn values_are_read_as_go_does_it() {
        for (text, value) in [
            ("", ""),
            ("aGVsbG8=", "hello"),
            ("aGVs\nbG8=", "hello"),
            ("aGVs\r\nbG8=\n", "hello"),
            ("aGVsbG8\n=", "hello"),
            ("aGVsbG9=", "hello"),
            ("aGVsbA==\n", "hell"),
            ("aGVsbA=\n=", "hell"),
        ] {
            assert_eq!(decode(text).as_deref().map(Vec::as_slice), Ok(value.as_bytes()), "{text:?}");
        }
        for (text, cause, at) in [
            ("aGVs bG8=", Cause::Blank, 4),
            ("aGVs\tbG8=", Cause::Blank, 4),
            ("aGVsbG8= ", Cause::Blank, 8),
            (" aGVsbG8=", Cause::Blank, 0),
            ("aGVsbG8", Cause::Padding, 4),
            ("aGVsbG\n8", Cause::Padding, 5),
            ("aGVsbG8==", Cause::Padding, 8),
            ("aGVsbG8=YQ==", Cause::Padding, 8),
            ("aGVsbG8=\n=", Cause::Padding, 9),
            ("aGVsbA=", Cause::Padding, 7),
            ("aGVsbA=A", Cause::Padding, 6),
            ("=", Cause::Padding, 0),
            ("aGVsb===", Cause::Padding, 5),
            ("_-Av", Cause::Url, 0),
            ("-----BEGIN A-----\n", Cause::Pem, 0),
            ("aGVs\u{e9}", Cause::Character, 4),
        ] {
            assert_eq!(decode(text), Err(NotBase64 { cause, at }), "{text:?}");
        }
    }
}

use std::fmt::{self, Display};
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::pki::PublicKey;
use crate::printable::printable;

/// SHA-256 of a public key, as it stands in a certificate (SubjectPublicKeyInfo, DER).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyFingerprint([u8; LENGTH]);

impl KeyFingerprint {
    pub(super) fn is_of(&self, key: &PublicKey) -> bool {
        key.fingerprint() == self.to_string()
    }
}

impl Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for KeyFingerprint {
    type Err = FingerprintError;

    /// Hexadecimal digits, also in pairs with colons, or base64 as `curl --pinnedpubkey` has it: `sha256//` and 44
    /// characters.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let malformed = || FingerprintError::Malformed { text: printable(text) };
        let bytes = match text.strip_prefix("sha256//") {
            Some(encoded) => BASE64.decode(encoded.as_bytes()),
            None => HEXLOWER_PERMISSIVE.decode(text.replace(':', "").as_bytes()),
        };
        let bytes = bytes.map_err(|_| malformed())?;
        match <[u8; LENGTH]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) if bytes.is_empty() => Err(malformed()),
            Err(_) => Err(FingerprintError::Length { text: printable(text), bytes: bytes.len() }),
        }
    }
}

/// The caller gave something that is not the fingerprint of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// Another hash, or only a part of one.
    #[error("`{text}` has {bytes} bytes, and a SHA-256 fingerprint has 32")]
    Length {
        /// As given.
        text: String,
        /// How many bytes it has.
        bytes: usize,
    },
    /// Neither hexadecimal digits nor base64.
    #[error("`{text}` is not a fingerprint: expected 64 hexadecimal digits, or `sha256//` and base64")]
    Malformed {
        /// As given.
        text: String,
    },
}

const LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_the_same_fingerprint() {
        let hex = "0011223344556677889900aabbccddeeff0011223344556677889900aabbccdd";
        let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        let colons = pairs.collect::<Vec<_>>().join(":");
        let pin = format!("sha256//{}", BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).expect("hex")));
        for form in [hex.to_owned(), hex.to_uppercase(), colons.clone(), colons.to_uppercase(), pin] {
            assert_eq!(form.parse::<KeyFingerprint>().expect(&form).to_string(), hex);
        }
        for wrong in
            ["", ":", "sha256//", "abc", &hex[1..], &hex[2..], &format!("{hex}00"), "sha256:00", "xyz"]
        {
            wrong.parse::<KeyFingerprint>().expect_err(wrong);
        }
    }
}

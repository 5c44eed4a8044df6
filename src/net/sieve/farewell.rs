use std::fmt::{self, Display};

use h2::Reason;

use crate::printable::printable;

/// What a peer said in GOAWAY (RFC 9113 section 6.8): h2 does not tell it if the peer ends the connection in good order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Farewell {
    reason: Reason,
    /// Such as `too_many_pings` or `max_age`. Safe to print, and not longer than a person reads.
    words: String,
}

impl Farewell {
    /// Reads what is in the frame behind its head; `None` if it is too short.
    pub(in crate::net) fn read(payload: &[u8]) -> Option<Self> {
        let (_last_stream, rest) = payload.split_at_checked(4)?;
        let (code, words) = rest.split_first_chunk::<4>()?;
        let cut = &words[..words.len().min(MOST_OCTETS)];
        let mut text = printable(&String::from_utf8_lossy(cut));
        if cut.len() < words.len() {
            text.push_str(" ...");
        }
        Some(Self { reason: u32::from_be_bytes(*code).into(), words: text })
    }

    /// Its code.
    pub(in crate::net) fn reason(&self) -> Reason {
        self.reason
    }

    /// What it said besides; may be empty.
    pub(in crate::net) fn words(&self) -> &str {
        &self.words
    }

    /// True if the peer announces that it will say why: grpc-go says GOAWAY twice, and the reason the second time.
    pub(crate) fn is_bare(&self) -> bool {
        self.words.is_empty() && self.reason == Reason::NO_ERROR
    }
}

impl Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GOAWAY {:?}", self.reason)?;
        match self.words.as_str() {
            "" => Ok(()),
            words => write!(f, ": {words}"),
        }
    }
}

/// Servers write a word or a sentence.
const MOST_OCTETS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_safe_to_print_and_short() {
        let of = |code: u32, words: &[u8]| {
            let payload = [&[0; 4][..], &code.to_be_bytes(), words].concat();
            Farewell::read(&payload).expect("whole").to_string()
        };
        assert_eq!(of(11, b"too_many_pings"), "GOAWAY ENHANCE_YOUR_CALM: too_many_pings");
        assert_eq!(of(0, b""), "GOAWAY NO_ERROR");
        assert_eq!(of(2, b"\x1b[31m\xff"), "GOAWAY INTERNAL_ERROR: \\u{1b}[31m\u{fffd}");
        assert!(of(0, &[b'a'; 60_000]).len() < 250);
        assert_eq!(Farewell::read(&[0; 7]), None);
    }
}

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use h2::Reason;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::frame::LARGEST_ID;
use crate::printable::printable;

/// What a peer said last in GOAWAY, preferably with words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    farewell: Mutex<Option<Farewell>>,
    news: Notify,
}

impl Said {
    /// The peer takes no new streams.
    pub(crate) fn note(&self, farewell: Farewell) {
        let mut known = self.farewell();
        if known.is_none() || !farewell.is_bare() {
            *known = Some(farewell);
        }
        drop(known);
        self.0.news.notify_waiters();
    }

    /// Why the peer takes no new streams, if it said so.
    pub(crate) fn so_far(&self) -> Option<Farewell> {
        self.farewell().clone()
    }

    /// The same, and waits for a peer that has yet to say why.
    pub(crate) async fn explained(&self, limit: Duration) -> Option<Farewell> {
        let next = self.0.news.notified();
        let said = self.so_far();
        if said.as_ref().is_none_or(|said| !said.is_bare()) {
            return said;
        }
        // Without a reason in time, what was said counts.
        let _ = timeout(limit, next).await;
        self.so_far()
    }

    fn farewell(&self) -> MutexGuard<'_, Option<Farewell>> {
        self.0.farewell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a peer said in GOAWAY (RFC 9113 section 6.8).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Farewell {
    reason: Reason,
    /// Such as `too_many_pings` or `max_age`. Safe to print, and not longer than a person reads.
    words: String,
}

impl Farewell {
    /// Reads what is in the frame behind its head: the last stream that is taken, and the rest. `None` if it is too short.
    pub(crate) fn read(payload: &[u8]) -> Option<(u32, Self)> {
        let (last, rest) = payload.split_first_chunk::<4>()?;
        let (code, words) = rest.split_first_chunk::<4>()?;
        let cut = &words[..words.len().min(MOST_OCTETS)];
        let mut text = printable(&String::from_utf8_lossy(cut));
        if cut.len() < words.len() {
            text.push_str(" ...");
        }
        let last = u32::from_be_bytes(*last) & LARGEST_ID;
        Some((last, Self { reason: u32::from_be_bytes(*code).into(), words: text }))
    }

    /// Its code.
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    /// What it said besides; may be empty.
    pub(crate) fn words(&self) -> &str {
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
            Farewell::read(&payload).expect("whole").1.to_string()
        };
        assert_eq!(of(11, b"too_many_pings"), "GOAWAY ENHANCE_YOUR_CALM: too_many_pings");
        assert_eq!(of(0, b""), "GOAWAY NO_ERROR");
        assert_eq!(of(2, b"\x1b[31m\xff"), "GOAWAY INTERNAL_ERROR: \\u{1b}[31m\u{fffd}");
        assert!(of(0, &[b'a'; 60_000]).len() < 250);
        assert_eq!(Farewell::read(&[0; 7]), None);
        assert_eq!(Farewell::read(&[0xff; 8]).map(|(last, _)| last), Some(LARGEST_ID));
    }
}

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::farewell::Farewell;
use super::ignored::IgnoredFrame;

/// What was wrong with header fields that a [`super::Sieve`] has repaired for h2, by the stream that had them.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderFaults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// So that the check is cheap as long as there are none.
    number: AtomicUsize,
    faults: Mutex<BTreeMap<u32, HeaderFault>>,
    ignored: Mutex<Vec<IgnoredFrame>>,
    /// What the peer said last, preferably with words.
    farewell: Mutex<Option<Farewell>>,
    said: Notify,
}

/// Why header fields are rejected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum HeaderFault {
    /// Only where grpc-go's reading counts, which takes it.
    #[error("the field `{name}`, which HTTP/2 does not allow")]
    OfConnection { name: String },
    #[error("`{name}` has the byte {octet:#04x}, which no header field can have")]
    Octet { name: String, octet: u8 },
    #[error("{size} bytes of header fields are more than the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
}

impl HeaderFaults {
    /// Takes out what was wrong with the fields of a stream.
    pub(crate) fn take(&self, stream: u32) -> Option<HeaderFault> {
        if self.0.number.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut faults = self.faults();
        let fault = faults.remove(&stream);
        self.0.number.store(faults.len(), Ordering::Release);
        fault
    }

    /// Takes out what was wrong with the fields of all streams.
    pub(crate) fn take_all(&self) -> Vec<HeaderFault> {
        let faults = std::mem::take(&mut *self.faults());
        faults.into_values().collect()
    }

    /// Takes out frames that were ignored.
    pub(crate) fn take_ignored(&self) -> Vec<IgnoredFrame> {
        std::mem::take(&mut *self.0.ignored.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn ignore(&self, frame: IgnoredFrame) {
        let mut ignored = self.0.ignored.lock().unwrap_or_else(PoisonError::into_inner);
        if ignored.len() < MOST_IGNORED && !ignored.contains(&frame) {
            ignored.push(frame);
        }
    }

    pub(super) fn note(&self, stream: u32, fault: HeaderFault) {
        let mut faults = self.faults();
        faults.insert(stream, fault);
        // The bridge does not ask for a stream that has ended in another way.
        if faults.len() > REMEMBERED {
            faults.pop_first();
        }
        self.0.number.store(faults.len(), Ordering::Release);
    }

    /// The peer says that it takes no new streams.
    pub(super) fn farewell(&self, farewell: Farewell) {
        let mut known = self.0.farewell.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() || !farewell.is_bare() {
            *known = Some(farewell);
        }
        drop(known);
        self.0.said.notify_waiters();
    }

    /// Why the peer takes no new streams, if it said so.
    pub(crate) fn said(&self) -> Option<Farewell> {
        self.0.farewell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, and waits for a peer that has yet to say why.
    pub(crate) async fn explained(&self, limit: Duration) -> Option<Farewell> {
        let next = self.0.said.notified();
        let said = self.said();
        if said.as_ref().is_none_or(|said| !said.is_bare()) {
            return said;
        }
        // Without a reason in time, what was said counts.
        let _ = timeout(limit, next).await;
        self.said()
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<u32, HeaderFault>> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeaderFault {
    /// Is it one that grpc-go takes?
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::OfConnection { .. })
    }
}

/// Enough to say what is wrong.
const MOST_IGNORED: usize = 4;

/// More than calls at once on a connection.
const REMEMBERED: usize = 4096;

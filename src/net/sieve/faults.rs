use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ignored::IgnoredFrame;
use crate::http2::{HeaderFault, Said};

/// What was wrong with header fields that a [`super::Sieve`] has repaired for h2, by the stream that had them.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderFaults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    faults: Mutex<BTreeMap<u32, HeaderFault>>,
    ignored: Mutex<Vec<IgnoredFrame>>,
    said: Said,
}

impl HeaderFaults {
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
        // A server may send bad fields on any number of streams before the probe asks for them.
        if faults.len() > REMEMBERED {
            faults.pop_first();
        }
    }

    /// What the peer says when it takes no new streams.
    pub(crate) fn said(&self) -> &Said {
        &self.0.said
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<u32, HeaderFault>> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enough to say what is wrong.
const MOST_IGNORED: usize = 4;

/// More than a probe has calls on a connection before it asks.
const REMEMBERED: usize = 4096;

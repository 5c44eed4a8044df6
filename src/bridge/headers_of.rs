use h2::StreamId;

use super::answer::Answer;
use crate::net::{Farewell, HeaderFaults};

/// Where the faults in the header fields of one side of a call are reported.
pub(super) struct HeadersOf {
    faults: HeaderFaults,
    stream: u32,
    whose: &'static str,
}

impl HeadersOf {
    pub(super) fn new(faults: HeaderFaults, stream: StreamId, whose: &'static str) -> Self {
        Self { faults, stream: stream.as_u32(), whose }
    }

    /// What this side has said in GOAWAY.
    pub(super) fn farewell(&self) -> Option<Farewell> {
        self.faults.said()
    }

    /// The answer to a call with faults in its header fields.
    pub(super) fn check(&self) -> Result<(), Answer> {
        match self.faults.take(self.stream) {
            Some(fault) => Err(Answer::of_header_fault(self.whose, &fault)),
            None => Ok(()),
        }
    }
}

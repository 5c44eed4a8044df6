use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::http2::frame::{DATA, END_STREAM, FRAME_HEADER, HEADERS, Head, PREFACE};

/// The calls of a probe, as far as they have come to the socket.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    begun: AtomicU32,
    /// The stream whose request was sent to its end, of several the last.
    sent: AtomicU32,
    /// The socket takes nothing.
    is_full: AtomicBool,
}

impl Outgoing {
    /// One more call is made.
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were made.
    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Was the last request not sent to its end, although the socket has room for it?
    pub(crate) fn waits_for_window(&self) -> bool {
        // Calls have the odd numbers, in their order.
        let last = (2 * self.begun()).saturating_sub(1);
        self.sent.load(Ordering::Relaxed) < last && !self.is_full.load(Ordering::Relaxed)
    }

    pub(super) fn found_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }
}

/// Follows the frames that are written.
#[derive(Debug)]
pub(super) struct Written {
    /// What passes without a look: the rest of the preface or of a frame.
    passing: usize,
    head: [u8; FRAME_HEADER],
    /// How much of a head has come.
    come: usize,
}

impl Default for Written {
    fn default() -> Self {
        Self { passing: PREFACE.len(), head: [0; FRAME_HEADER], come: 0 }
    }
}

impl Written {
    /// These bytes were written.
    pub(super) fn pass(&mut self, mut bytes: &[u8], calls: &Outgoing) {
        while !bytes.is_empty() {
            if self.passing > 0 {
                let passed = self.passing.min(bytes.len());
                self.passing -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let piece = (FRAME_HEADER - self.come).min(bytes.len());
            self.head[self.come..self.come + piece].copy_from_slice(&bytes[..piece]);
            self.come += piece;
            bytes = &bytes[piece..];
            if let Some(head) = Head::read(&self.head[..self.come]) {
                (self.passing, self.come) = (head.length, 0);
                if matches!(head.kind, DATA | HEADERS) && head.has(END_STREAM) {
                    calls.sent.fetch_max(head.stream, Ordering::Relaxed);
                }
            }
        }
    }
}

//! How much may be sent, and who may send it: windows (RFC 9113 section 5.2), and turns on what all streams share.

use std::mem;

use super::State;
use crate::http2::error::Http2Error;
use crate::http2::outbox::Outbox;

impl State {
    /// How much a stream may send now. None: it is woken when that may have changed.
    pub(in crate::http2) fn room(&mut self, id: u32, wanted: usize) -> Result<Option<usize>, Http2Error> {
        self.check_sending(id)?;
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.sending.is_begun) else {
            return Ok(None);
        };
        let window = stream.sending.window(self.peer.window);
        if window <= 0 {
            return Ok(None);
        }
        let own = usize::try_from(window).unwrap_or_default();
        let is_next = self.queue.is_empty() || self.turn == Some(id);
        let shared = shared_room(self.send_window, &self.out);
        if is_next && shared > 0 {
            return Ok(Some(wanted.min(own).min(shared)));
        }
        if !mem::replace(&mut stream.sending.is_queued, true) {
            self.queue.push_back(id);
        }
        Ok(None)
    }

    /// Lets the next stream of the queue send, if there is room. True if there are more of them.
    pub(in crate::http2) fn next_turn(&mut self) -> bool {
        while !self.queue.is_empty() && shared_room(self.send_window, &self.out) > 0 {
            let Some(next) = self.queue.pop_front() else { return false };
            let Some(stream) = self.streams.get_mut(&next) else { continue };
            stream.sending.is_queued = false;
            stream.wake();
            self.turn = Some(next);
            return !self.queue.is_empty();
        }
        false
    }

    /// The reader has taken so many bytes: the peer may send as many more. It is told when that is worth a frame.
    pub(in crate::http2) fn release(&mut self, id: u32, octets: usize) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let receiving = &mut stream.receiving;
        receiving.released += octets as u32;
        if receiving.is_over || stream.failed.is_some() || receiving.released < self.limits.stream_window / 2
        {
            return;
        }
        let increment = mem::take(&mut receiving.released);
        receiving.window += i64::from(increment);
        self.window_update(id, increment);
        self.wake();
    }
}

/// How much may be sent on all streams together: what waits to be written is bounded, too.
fn shared_room(window: i64, out: &Outbox) -> usize {
    usize::try_from(window).unwrap_or_default().min(MOST_WAITING.saturating_sub(out.len()))
}

/// Of what was not written yet: with more there is no room for data and for new streams.
pub(super) const MOST_WAITING: usize = 256 << 10;

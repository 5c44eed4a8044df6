//! Frames of the peer that are about the connection, or about how much may be sent.

use std::mem;

use h2::Reason;

use super::receive::{Outcome, connection};
use super::{Role, State};
use crate::http2::error::{Http2Error, Side, Violation};
use crate::http2::frame::{ACK, Head, LARGEST_WINDOW, SETTING, SETTINGS, settings};
use crate::http2::said::Farewell;

impl State {
    pub(super) fn settings(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if head.stream != 0 {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        if !payload.len().is_multiple_of(SETTING) || head.has(ACK) && !payload.is_empty() {
            return Err(connection(Reason::FRAME_SIZE_ERROR));
        }
        if head.has(ACK) {
            return Ok(());
        }
        self.has_settings = true;
        for (setting, value) in settings(payload) {
            match setting {
                1 => self.encoder.resize(value),
                2 if value > 1 => return Err(connection(Reason::PROTOCOL_ERROR)),
                3 => self.peer.concurrent_streams = value,
                4 => self.windows_changed(value)?,
                5 if !(USUAL_FRAME..=LARGEST_FRAME).contains(&value) => {
                    return Err(connection(Reason::PROTOCOL_ERROR));
                }
                5 => self.peer.frame_size = value as usize,
                _ => {}
            }
        }
        self.frame(SETTINGS, ACK, 0, &[]);
        self.open_more();
        Ok(())
    }

    /// The windows of all streams move (section 6.9.2). What that means for each of them is looked at when all that was read
    /// has been: a peer may say it thousands of times.
    fn windows_changed(&mut self, window: u32) -> Outcome {
        if i64::from(window) > LARGEST_WINDOW {
            return Err(connection(Reason::FLOW_CONTROL_ERROR));
        }
        self.peer.window = window;
        self.has_new_windows = true;
        Ok(())
    }

    /// Wakes the streams whose windows have moved.
    pub(super) fn look_at_windows(&mut self) -> Outcome {
        if !mem::take(&mut self.has_new_windows) {
            return Ok(());
        }
        for stream in self.streams.values() {
            if stream.sending.window(self.peer.window) > LARGEST_WINDOW {
                return Err(connection(Reason::FLOW_CONTROL_ERROR));
            }
            stream.wake();
        }
        Ok(())
    }

    pub(super) fn pinged(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let Ok(payload) = <[u8; 8]>::try_from(payload) else {
            return Err(connection(Reason::FRAME_SIZE_ERROR));
        };
        if head.stream != 0 {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        match head.has(ACK) {
            false => self.ping(ACK, payload),
            true if self.pings.answered(payload) => self.leave(),
            true => {}
        }
        Ok(())
    }

    pub(super) fn farewell(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if head.stream != 0 {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        let Some((last, farewell)) = Farewell::read(payload) else {
            return Err(connection(Reason::FRAME_SIZE_ERROR));
        };
        let error = Http2Error::GoAway { by: Side::Peer, reason: farewell.reason() };
        self.said.note(farewell);
        let Role::Client { unopened, refused, .. } = &mut self.role else { return Ok(()) };
        unopened.clear();
        *refused = Some(error.clone());
        let unprocessed: Vec<_> = self.streams.keys().copied().filter(|id| *id > last).collect();
        for id in unprocessed {
            self.end(id, error.clone());
        }
        for stream in self.streams.values_mut().filter(|stream| !stream.sending.is_begun) {
            stream.fail(error.clone());
        }
        Ok(())
    }

    pub(super) fn window_updated(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let Ok(increment) = <[u8; 4]>::try_from(payload) else {
            return Err(connection(Reason::FRAME_SIZE_ERROR));
        };
        let increment = i64::from(u32::from_be_bytes(increment) & LARGEST_WINDOW as u32);
        let id = head.stream;
        if id == 0 {
            self.send_window += increment;
            return match (increment, self.send_window) {
                (0, _) => Err(connection(Reason::PROTOCOL_ERROR)),
                (_, ..=LARGEST_WINDOW) => Ok(()),
                _ => Err(connection(Reason::FLOW_CONTROL_ERROR)),
            };
        }
        if self.is_idle(id) {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.failed.is_none()) else {
            return Ok(());
        };
        if increment == 0 {
            return Err(Violation::Stream(id, Reason::PROTOCOL_ERROR));
        }
        stream.sending.more += increment;
        if stream.sending.window(self.peer.window) > LARGEST_WINDOW {
            return Err(Violation::Stream(id, Reason::FLOW_CONTROL_ERROR));
        }
        stream.wake();
        Ok(())
    }
}

/// What a frame may have at least, and at most (section 6.5.2).
const USUAL_FRAME: u32 = 1 << 14;
const LARGEST_FRAME: u32 = (1 << 24) - 1;

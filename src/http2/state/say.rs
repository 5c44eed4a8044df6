//! What is said to the peer: frames are encoded at once, in the order in which they are said.

use bytes::Bytes;
use h2::Reason;

use super::turns::MOST_WAITING;
use super::{Role, State};
use crate::http2::error::Http2Error;
use crate::http2::fields::{Fields, RequestHead};
use crate::http2::frame::{
    DATA, END_HEADERS, END_STREAM, FRAME_HEADER, GOAWAY, HEADERS, Head, LARGEST_ID, PING, WINDOW_UPDATE,
    write_block,
};
use crate::http2::hpack::Encoder;
use crate::http2::message;
use crate::http2::ping::PingState;

impl State {
    /// Any frame.
    pub(in crate::http2) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let head = Head::new(payload.len(), kind, flags, stream).octets();
        self.out.write(|out| {
            out.extend_from_slice(&head);
            out.extend_from_slice(payload);
        });
    }

    /// The peer may send so many bytes more, on a stream or, if that is 0, on all of them.
    pub(in crate::http2) fn window_update(&mut self, stream: u32, increment: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
    }

    /// A PING, or the answer to one.
    pub(in crate::http2) fn ping(&mut self, flags: u8, payload: [u8; 8]) {
        self.frame(PING, flags, 0, &payload);
    }

    /// No streams after `last` are taken.
    pub(in crate::http2) fn goaway(&mut self, last: u32, reason: Reason) {
        let payload = [last.to_be_bytes(), u32::from(reason).to_be_bytes()].concat();
        self.frame(GOAWAY, 0, 0, &payload);
    }

    /// Says that no new streams are wanted, and asks the peer for a sign that it has heard it (section 6.8).
    pub(in crate::http2) fn begin_to_leave(&mut self) {
        if self.pings.leave() {
            self.goaway(LARGEST_ID, Reason::NO_ERROR);
            self.ping(0, PingState::LEAVING);
            self.wake();
        }
    }

    /// The peer has heard it: what it has begun by now is the rest.
    pub(in crate::http2) fn leave(&mut self) {
        if let Role::Server { last, end, .. } = &mut self.role {
            let last = *end.get_or_insert(*last);
            self.goaway(last, Reason::NO_ERROR);
        }
    }

    /// Begins a stream of our own.
    pub(in crate::http2) fn open(&mut self, id: u32, head: &RequestHead, is_bodiless: bool) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.is_counted = true;
        self.concurrent += 1;
        let early_end = stream.sending.early_end.take();
        let has_trailers = early_end.as_ref().is_some_and(|trailers| !trailers.is_empty());
        let flags = self.ending(id, is_bodiless || early_end.is_some() && !has_trailers);
        self.block(id, flags, |encoder, out| message::request(encoder, head, out));
        if let Some(trailers) = early_end.filter(|_| has_trailers) {
            let flags = self.ending(id, true);
            self.block(id, flags, |encoder, out| message::trailers(encoder, &trailers, out));
        }
    }

    /// Begins streams for which there is room now. True if there were any.
    pub(in crate::http2) fn open_more(&mut self) -> bool {
        let mut is_any = false;
        while self.can_open()
            && let Role::Client { unopened, .. } = &mut self.role
            && let Some(next) = unopened.pop_front()
        {
            // Some may have failed by now.
            if let Some(stream) = self.streams.get(&next.id).filter(|stream| !stream.is_over()) {
                stream.wake();
                self.open(next.id, &next.head, next.is_bodiless);
                is_any = true;
            }
        }
        is_any
    }

    /// Whether the peer takes one more stream, and has read enough of what was said to it: heads of calls that were given up
    /// in the meantime must not pile up.
    pub(super) fn can_open(&self) -> bool {
        self.concurrent < self.peer.concurrent_streams && self.out.len() < MOST_WAITING
    }

    /// The flag of the frame that may be the last one of a stream, which is noted.
    fn ending(&mut self, id: u32, is_last: bool) -> u8 {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.sending.is_begun = true;
            stream.sending.is_over |= is_last;
        }
        if is_last { END_STREAM } else { 0 }
    }

    /// Sends the head of a response, or trailers.
    pub(in crate::http2) fn send_fields(
        &mut self,
        id: u32,
        is_last: bool,
        write: impl FnOnce(&mut Encoder, &mut Vec<u8>),
    ) -> Result<(), Http2Error> {
        self.check_sending(id)?;
        let flags = self.ending(id, is_last);
        let before = self.out.len();
        self.block(id, flags, write);
        if let Some(most) = &mut self.held
            && !is_last
        {
            // What follows says more than the head of an answer.
            *most += self.out.len() - before;
        }
        self.settle(id);
        self.wake();
        Ok(())
    }

    /// Sends trailers, which end the stream.
    pub(in crate::http2) fn trailers(&mut self, id: u32, fields: &Fields) -> Result<(), Http2Error> {
        self.check_sending(id)?;
        if self.end_early(id, fields) {
            return Ok(());
        }
        self.send_fields(id, true, |encoder, out| message::trailers(encoder, fields, out))
    }

    /// Sends `octets`, for which there is room.
    pub(in crate::http2) fn send_data(
        &mut self,
        id: u32,
        mut octets: Bytes,
        is_last: bool,
    ) -> Result<(), Http2Error> {
        self.check_sending(id)?;
        if self.end_early(id, &Fields::default()) {
            return Ok(());
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.sending.more -= octets.len() as i64;
            self.send_window -= octets.len() as i64;
        }
        loop {
            let piece = octets.split_to(octets.len().min(self.peer.frame_size));
            let flags = self.ending(id, is_last && octets.is_empty());
            let head = Head::new(piece.len(), DATA, flags, id).octets();
            self.out.write(|out| out.extend_from_slice(&head));
            self.out.push(piece);
            if octets.is_empty() {
                break;
            }
        }
        self.settle(id);
        self.wake();
        Ok(())
    }

    /// Notes how a stream ends that has not begun. False if it has begun.
    fn end_early(&mut self, id: u32, trailers: &Fields) -> bool {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.sending.is_begun) else {
            return false;
        };
        stream.sending.early_end = Some(trailers.clone());
        true
    }

    pub(in crate::http2) fn check_sending(&self, id: u32) -> Result<(), Http2Error> {
        let Some(stream) = self.streams.get(&id) else { return Err(Http2Error::over()) };
        match &stream.failed {
            Some(error) => Err(error.clone()),
            None if stream.sending.is_over => Err(Http2Error::over()),
            None => Ok(()),
        }
    }

    /// A header block in as many frames as it needs (section 4.3).
    fn block(&mut self, id: u32, flags: u8, write: impl FnOnce(&mut Encoder, &mut Vec<u8>)) {
        let (encoder, most) = (&mut self.encoder, self.peer.frame_size);
        self.out.write(|out| {
            let begin = out.len();
            out.extend_from_slice(&[0; FRAME_HEADER]);
            encoder.begin(out);
            write(encoder, out);
            let length = out.len() - begin - FRAME_HEADER;
            if length <= most {
                let head = Head::new(length, HEADERS, flags | END_HEADERS, id).octets();
                out[begin..begin + FRAME_HEADER].copy_from_slice(&head);
                return;
            }
            let block = out.split_off(begin + FRAME_HEADER);
            out.truncate(begin);
            write_block(out, id, flags, &block, most);
        });
    }
}

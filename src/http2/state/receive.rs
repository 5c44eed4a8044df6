//! What becomes of the peer's frames (RFC 9113 section 6).

use bytes::Bytes;
use h2::Reason;
use http::StatusCode;

use super::{Block, Role, State};
use crate::http2::error::{Http2Error, Side, Violation};
use crate::http2::frame::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_HEADER, GOAWAY, HEADERS, Head, LARGEST_WINDOW,
    PING, PRIORITY_FRAME, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use crate::http2::message::{self, Malformed, Received};
use crate::http2::octets::Octets;
use crate::http2::stream::Stream;

pub(super) type Outcome = Result<(), Violation>;

pub(super) const fn connection(reason: Reason) -> Violation {
    Violation::Connection(reason)
}

impl State {
    /// Takes the whole frames out of `read`. How many bytes are missing from the one behind them is the answer.
    pub(super) fn receive(&mut self, read: &mut impl Octets) -> Result<usize, Violation> {
        while let Some(head) = Head::read(read.rest()) {
            if head.length > self.limits.frame_size as usize {
                return Err(connection(Reason::FRAME_SIZE_ERROR));
            }
            if !self.has_settings && (head.kind != SETTINGS || head.has(ACK)) {
                return Err(connection(Reason::PROTOCOL_ERROR));
            }
            let whole = FRAME_HEADER + head.length;
            if read.rest().len() < whole {
                return Ok(whole - read.rest().len());
            }
            let outcome = match head.kind {
                DATA if self.block.is_none() => {
                    read.skip(FRAME_HEADER);
                    self.data(head, read.take(head.length))
                }
                _ => {
                    let outcome = self.other(head, &read.rest()[FRAME_HEADER..whole]);
                    read.skip(whole);
                    outcome
                }
            };
            match outcome {
                Err(violation @ Violation::Stream(..)) => self.punish(violation),
                outcome => outcome?,
            }
            if self.over.is_some() {
                return Ok(0);
            }
        }
        Ok(FRAME_HEADER - read.rest().len())
    }

    fn other(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if self.block.is_some() != (head.kind == CONTINUATION) {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        match head.kind {
            HEADERS => self.headers(head, payload),
            CONTINUATION => self.continuation(head, payload),
            PRIORITY_FRAME if head.stream == 0 => Err(connection(Reason::PROTOCOL_ERROR)),
            PRIORITY_FRAME if payload.len() != 5 => {
                Err(Violation::Stream(head.stream, Reason::FRAME_SIZE_ERROR))
            }
            RST_STREAM => self.reset_by_peer(head, payload),
            SETTINGS => self.settings(head, payload),
            PUSH_PROMISE => Err(connection(Reason::PROTOCOL_ERROR)),
            PING => self.pinged(head, payload),
            GOAWAY => self.farewell(head, payload),
            WINDOW_UPDATE => self.window_updated(head, payload),
            // Types that are not known are ignored (section 5.5).
            _ => Ok(()),
        }
    }

    /// No stream of this number has begun yet.
    pub(super) fn is_idle(&self, id: u32) -> bool {
        let first = match &self.role {
            Role::Client { next, unopened, .. } => unopened.front().map_or(*next, |unopened| unopened.id),
            Role::Server { last, .. } => last + 1,
        };
        id.is_multiple_of(2) || id >= first
    }

    fn data(&mut self, head: Head, mut payload: Bytes) -> Outcome {
        let (id, length) = (head.stream, head.length);
        if self.is_idle(id) {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        self.receive_window -= length as i64;
        if self.receive_window < 0 {
            return Err(connection(Reason::FLOW_CONTROL_ERROR));
        }
        // Readers are bounded by the windows of their streams.
        if self.receive_window < LARGEST_WINDOW / 2 {
            let increment = (LARGEST_WINDOW - self.receive_window) as u32;
            self.receive_window = LARGEST_WINDOW;
            self.window_update(0, increment);
        }
        if let Some(unpadded) = head.unpadded(&payload) {
            payload = payload.slice_ref(unpadded);
        } else {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.failed.is_none()) else {
            return self.late(id);
        };
        let receiving = &mut stream.receiving;
        if receiving.is_over {
            return Err(Violation::Stream(id, Reason::STREAM_CLOSED));
        }
        if !receiving.has_head {
            return Err(Violation::Stream(id, Reason::PROTOCOL_ERROR));
        }
        receiving.window -= length as i64;
        if receiving.window < 0 {
            return Err(Violation::Stream(id, Reason::FLOW_CONTROL_ERROR));
        }
        let (read, is_last) = (payload.len(), head.has(END_STREAM));
        if let Some(missing) = &mut receiving.missing {
            *missing =
                missing.checked_sub(read as u64).ok_or(Violation::Stream(id, Reason::PROTOCOL_ERROR))?;
        }
        if read > 0 {
            receiving.data.push_back(payload);
        }
        if read > 0 || is_last {
            stream.wake();
        }
        if is_last {
            return self.received(id);
        }
        if read < length {
            self.release(id, length - read);
        }
        Ok(())
    }

    /// All of a message has come.
    fn received(&mut self, id: u32) -> Outcome {
        if let Some(stream) = self.streams.get_mut(&id) {
            if stream.receiving.missing.is_some_and(|missing| missing > 0) {
                return Err(Violation::Stream(id, Reason::PROTOCOL_ERROR));
            }
            stream.receiving.is_over = true;
        }
        self.settle(id);
        Ok(())
    }

    /// A frame for a stream that is over.
    fn late(&mut self, id: u32) -> Outcome {
        // A server that answers calls which were given up does nothing wrong.
        match self.is_client() || self.remembered.contains(id) || self.is_refused(id) {
            true => Ok(()),
            false => Err(Violation::Stream(id, Reason::STREAM_CLOSED)),
        }
    }

    /// It came after the last stream that we take.
    fn is_refused(&self, id: u32) -> bool {
        matches!(self.role, Role::Server { end: Some(end), .. } if id > end)
    }

    fn headers(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if head.stream.is_multiple_of(2) || self.is_client() && self.is_idle(head.stream) {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        let Some(fragment) = head.fragment(payload) else {
            return Err(connection(Reason::PROTOCOL_ERROR));
        };
        if head.has(END_HEADERS) {
            return self.block_received(head, fragment);
        }
        self.block = Some(Block { head, octets: fragment.to_vec(), received: head.length });
        Ok(())
    }

    fn continuation(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let Some(mut block) = self.block.take().filter(|block| block.head.stream == head.stream) else {
            return Err(connection(Reason::PROTOCOL_ERROR));
        };
        block.octets.extend_from_slice(payload);
        block.received += FRAME_HEADER + payload.len();
        if block.received > self.limits.header_block {
            return Err(connection(Reason::ENHANCE_YOUR_CALM));
        }
        if head.has(END_HEADERS) {
            return self.block_received(block.head, &block.octets);
        }
        self.block = Some(block);
        Ok(())
    }

    fn block_received(&mut self, head: Head, block: &[u8]) -> Outcome {
        let mut received = Received::new(self.limits.header_list);
        // Also where the message is not wanted: the state of the compression is that of the connection.
        self.decoder
            .decode(block, |field, size| received.take(field, size))
            .map_err(|_| connection(Reason::COMPRESSION_ERROR))?;
        let (id, is_last) = (head.stream, head.has(END_STREAM));
        let malformed = |Malformed| Violation::Stream(id, Reason::PROTOCOL_ERROR);
        if !self.streams.contains_key(&id) {
            return match self.is_idle(id) {
                true => self.request(id, is_last, received),
                // What has ended long ago cannot be told from what never was (section 5.1.1).
                false => self.late(id).map_err(|_| connection(Reason::PROTOCOL_ERROR)),
            };
        }
        let is_client = self.is_client();
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.failed.is_none()) else {
            return self.late(id);
        };
        let receiving = &mut stream.receiving;
        if receiving.is_over {
            return Err(Violation::Stream(id, Reason::STREAM_CLOSED));
        }
        if is_client && !receiving.has_head {
            if received.is_interim() {
                received.into_response().map_err(malformed)?;
                // Another one follows.
                return if is_last { Err(malformed(Malformed)) } else { Ok(()) };
            }
            let response = received.into_response().map_err(malformed)?;
            let is_bodiless =
                [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.message.status);
            if !is_bodiless {
                receiving.missing = message::length(&response.message.fields).map_err(malformed)?;
            }
            (receiving.head, receiving.has_head) = (Some(Box::new(response)), true);
        } else {
            // Trailers (section 8.1).
            if !is_last {
                return Err(malformed(Malformed));
            }
            receiving.trailers = Some(received.into_trailers().map_err(malformed)?);
        }
        stream.wake();
        if is_last { self.received(id) } else { Ok(()) }
    }

    /// The peer begins a stream.
    fn request(&mut self, id: u32, is_last: bool, received: Received) -> Outcome {
        let most = self.limits.concurrent_streams;
        let Role::Server { last, end, .. } = &mut self.role else { return Ok(()) };
        *last = id;
        if end.is_some() {
            return Ok(());
        }
        if self.concurrent >= most {
            self.reset(id, Reason::REFUSED_STREAM);
            return Ok(());
        }
        let malformed = |Malformed| Violation::Stream(id, Reason::PROTOCOL_ERROR);
        let request = received.into_request().map_err(malformed)?;
        let mut stream = Stream::new(self.limits.stream_window);
        stream.receiving.missing = message::length(&request.message.fields).map_err(malformed)?;
        if is_last && stream.receiving.missing.is_some_and(|missing| missing > 0) {
            return Err(malformed(Malformed));
        }
        (stream.receiving.has_head, stream.receiving.is_over) = (true, is_last);
        (stream.sending.is_begun, stream.is_counted, stream.is_new) = (true, true, true);
        self.concurrent += 1;
        self.streams.insert(id, Box::new(stream));
        if let Role::Server { arrived, .. } = &mut self.role {
            arrived.push_back((id, Box::new(request)));
        }
        Ok(())
    }

    fn reset_by_peer(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let Ok(code) = <[u8; 4]>::try_from(payload) else {
            return Err(connection(Reason::FRAME_SIZE_ERROR));
        };
        if head.stream == 0 || self.is_idle(head.stream) {
            return Err(connection(Reason::PROTOCOL_ERROR));
        }
        let reason = Reason::from(u32::from_be_bytes(code));
        let is_new = self.streams.get(&head.stream).is_some_and(|stream| stream.is_new && !stream.is_over());
        if let Role::Server { given_up, .. } = &mut self.role
            && is_new
        {
            // Rapid reset (CVE-2023-44487): calls that were not taken yet do not count as concurrent ones any more.
            *given_up += 1;
            if *given_up > self.limits.concurrent_streams {
                return Err(connection(Reason::ENHANCE_YOUR_CALM));
            }
        }
        self.end(head.stream, Http2Error::Reset { by: Side::Peer, reason });
        Ok(())
    }
}

use std::task::{Context, Poll};

use bytes::Bytes;

use super::buffer::Buffer;
use crate::http2::{Fields, Http2Error, Judged, RecvStream, SendStream};

/// One direction of a call: from the stream of one connection to that of the other.
///
/// It takes data at once, even while the reader does not read, and opens the sender's window only by what has
/// been sent. So only the sender's window limits how much data waits here.
#[derive(Debug)]
pub(super) struct Pipe {
    source: RecvStream,
    waiting: Buffer,
    end: Option<End>,
    replay: Option<Replay>,
    /// How much of the waiting data is sent for the second time. The sender's window was opened for it the first time.
    again: usize,
    /// Something has been sent.
    is_begun: bool,
    /// How many bytes have been sent, not counting those that were sent again.
    passed: u64,
}

/// How a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// With its last bytes, which have been sent as the last ones.
    Sent,
    /// Without any, or after bytes that have been sent already.
    Bare,
    Trailers(Judged<Fields>),
}

/// Which side failed.
#[derive(Debug)]
pub(super) enum Broken {
    Source(Http2Error),
    /// The other end of the call knows why.
    Sink,
}

/// What was received so far, to be sent once more.
#[derive(Debug, Default)]
struct Replay {
    received: Buffer,
    /// How much of it has been sent.
    sent: usize,
}

impl Pipe {
    pub(super) fn new(source: RecvStream) -> Self {
        Self {
            source,
            waiting: Buffer::default(),
            end: None,
            replay: None,
            again: 0,
            is_begun: false,
            passed: 0,
        }
    }

    /// The same, with what is needed for [`Pipe::rewind`].
    pub(super) fn replayable(source: RecvStream) -> Self {
        Self { replay: Some(Replay::default()), ..Self::new(source) }
    }

    /// How many bytes have been passed on.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// True when the whole stream has come, though not all of it may have been passed on.
    pub(super) fn is_received(&self) -> bool {
        self.end.is_some() || self.source.is_end_stream()
    }

    /// True when there is no body at all.
    pub(super) fn is_bodiless(&self) -> bool {
        self.waiting.is_empty() && self.end.is_none() && self.source.is_end_stream()
    }

    /// Begins again with the first byte. False when too much was sent to be kept.
    pub(super) fn rewind(&mut self) -> bool {
        let Some(replay) = &self.replay else { return !self.is_begun };
        self.again = replay.sent;
        self.waiting = replay.received.clone();
        if matches!(self.end, Some(End::Sent)) {
            self.end = Some(End::Bare);
        }
        true
    }

    /// From now on there is nothing to rewind for.
    pub(super) fn settle(&mut self) {
        self.replay = None;
    }

    /// Passes on what there is. Ready when all of it has been sent, except what [`End`] says.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        sink: &mut SendStream,
    ) -> Poll<Result<End, Broken>> {
        loop {
            self.write(context, sink)?;
            if self.end.is_some() {
                // What waits now waits for the sink.
                return match self.end.take_if(|_| self.waiting.is_empty()) {
                    Some(End::Sent) => {
                        self.end = Some(End::Sent);
                        Poll::Ready(Ok(End::Sent))
                    }
                    Some(End::Bare) => {
                        self.end = Some(End::Sent);
                        Poll::Ready(Ok(End::Bare))
                    }
                    Some(End::Trailers(trailers)) => {
                        // Kept for a second time.
                        self.end = self.replay.is_some().then(|| End::Trailers(trailers.clone()));
                        Poll::Ready(Ok(End::Trailers(trailers)))
                    }
                    None => Poll::Pending,
                };
            }
            if self.read(context)?.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes what comes while it cannot be passed on yet: where it would wait otherwise, each frame of one byte takes the room
    /// of hundreds. Ready only when the sender has failed.
    pub(super) fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Broken> {
        while self.end.is_none() && !self.source.is_end_stream() {
            match self.read(context) {
                Ok(Poll::Ready(())) => {}
                Ok(Poll::Pending) => return Poll::Pending,
                Err(broken) => return Poll::Ready(broken),
            }
        }
        Poll::Pending
    }

    fn read(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, Broken> {
        match self.source.poll_data(context) {
            Poll::Ready(Some(octets)) => self.received(octets.map_err(Broken::Source)?),
            Poll::Ready(None) => {
                self.end = Some(self.source.take_trailers().map_or(End::Bare, End::Trailers));
            }
            Poll::Pending => return Ok(Poll::Pending),
        }
        Ok(Poll::Ready(()))
    }

    fn received(&mut self, octets: Bytes) {
        if let Some(replay) = &mut self.replay {
            match replay.received.len() + octets.len() <= REPLAY_LIMIT {
                true => replay.received.push(octets.clone()),
                false => self.replay = None,
            }
        }
        self.waiting.push(octets);
    }

    /// Writes as much as the reader has room for.
    fn write(&mut self, context: &mut Context<'_>, sink: &mut SendStream) -> Result<(), Broken> {
        while !self.waiting.is_empty() {
            let room = match sink.poll_room(context, self.waiting.len()) {
                Poll::Ready(room) => room.map_err(|_| Broken::Sink)?,
                Poll::Pending => return Ok(()),
            };
            let octets = self.waiting.take(room);
            let length = octets.len();
            let is_last = self.waiting.is_empty() && self.ends_here();
            sink.send_data(octets, is_last).map_err(|_| Broken::Sink)?;
            self.sent(length);
            if is_last {
                self.end = Some(End::Sent);
            }
        }
        Ok(())
    }

    /// Whether the end of the stream is sent together with its last bytes.
    fn ends_here(&self) -> bool {
        match &self.end {
            None => self.source.is_end_stream(),
            Some(end) => matches!(end, End::Bare),
        }
    }

    /// Opens the sender's window by as much as has been sent.
    fn sent(&mut self, length: usize) {
        self.is_begun = true;
        let again = self.again.min(length);
        self.again -= again;
        let fresh = length - again;
        self.passed += fresh as u64;
        if let Some(replay) = &mut self.replay {
            replay.sent += fresh;
        }
        self.source.release(fresh);
    }
}

/// What is kept of a request's body until its response begins; grpc-go keeps as much of a call for the same end.
const REPLAY_LIMIT: usize = 256 << 10;

//! Faults of a server's answer for which h2 would end a probe's whole connection, repaired before h2 sees them.
//!
//! A probe uses h2, and the bridge does not: it has [`crate::http2`], where a fault of one call costs only that call.
//! h2 0.4 ends a connection with all its calls in these cases, and has no setting for them:
//!
//! - at the 101st empty DATA frame on the connection: grpc-go ends streams with them, and some peers send them as a sign
//!   of life. Without END_STREAM they mean nothing, so they are left out.
//! - for a header list in more frames than 1.25 times the list's limit divided by *our* frame size, although servers send
//!   frames of 16 KiB; and for one of four times the limit. Here h2 gets lists in frames of our size, and lists that are
//!   too large are made small.
//! - for a byte that a name or a value must not have (RFC 9113 section 8.2.1 requires a stream error). It is
//!   replaced by another one, so that the state of the compression stays that of the server.
//!
//! A probe says whether Envoy Gateway, so grpc-go, would take the answer, and not whether h2 would. So
//! fields and frames that grpc-go does not look at are kept from h2, and the probe learns of them ([`IgnoredFrame`],
//! [`HeaderFault::OfConnection`]).
//!
//! [`HeaderFaults`] tells the probe what was wrong: a repaired field does not count as if it were the server's. Other
//! frames are not changed, and correct data is not copied. What GOAWAY says is kept as well ([`Farewell`]).

mod block;
mod faults;
mod field;
mod frames;
mod ignored;
mod outgoing;
mod renamed;
mod stored;
#[cfg(test)]
mod tests;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::block::Sifted;
pub(crate) use self::faults::HeaderFaults;
use self::frames::{continuations, continues, in_our_frames};
pub(crate) use self::ignored::IgnoredFrame;
pub(crate) use self::outgoing::Outgoing;
use self::outgoing::Written;
pub(crate) use self::renamed::CLAIMED_LENGTH;
use self::stored::Stored;
use super::limits::{FRAME_SIZE, HEADER_LIST};
use crate::http2::frame::{
    DATA, END_HEADERS, END_STREAM, FRAME_HEADER, GOAWAY, HEADERS, Head, PUSH_PROMISE, RST_STREAM,
    WINDOW_UPDATE,
};
use crate::http2::{Farewell, HeaderFault};

/// The stream of a probed server, below h2. Its frames are looked at as they are read.
#[derive(Debug)]
pub(crate) struct Sieve<S> {
    stream: S,
    /// What of the current frame passes without a look.
    passing: usize,
    /// Read and not looked at: the beginning of a frame, or of a header block, whose rest has not come yet.
    held: BytesMut,
    /// How much of what is held are whole frames of a header block.
    whole: usize,
    /// Looked at, for h2 to read.
    ready: BytesMut,
    stored: Stored,
    faults: HeaderFaults,
    calls: Arc<Outgoing>,
    written: Written,
}

/// What becomes of the bytes at the beginning of a frame.
enum Step {
    /// So many pass. `usize::MAX` is all that ever comes: h2 ends the connection for it.
    Pass(usize),
    /// So many are left out.
    Skip(usize),
    /// These come in the place of so many.
    Replace(usize, Vec<u8>),
    /// More of them are needed.
    Wait,
}

impl<S> Sieve<S> {
    /// On the stream of a server that is probed by these calls.
    pub(crate) fn new(stream: S, calls: Arc<Outgoing>) -> Self {
        Self {
            stream,
            passing: 0,
            held: BytesMut::new(),
            whole: 0,
            ready: BytesMut::new(),
            stored: Stored::default(),
            faults: HeaderFaults::default(),
            calls,
            written: Written::default(),
        }
    }

    /// What is wrong with the header fields of which stream.
    pub(crate) fn faults(&self) -> HeaderFaults {
        self.faults.clone()
    }

    /// Looks at bytes in their place, and gives how many of them are for h2. The rest is held.
    fn look(&mut self, octets: &mut [u8]) -> usize {
        let (mut from, mut to) = (0, 0);
        while from < octets.len() {
            let step = match self.passing {
                0 => self.step(&octets[from..]),
                passing => Step::Pass(passing),
            };
            match step {
                Step::Pass(length) => {
                    let here = length.min(octets.len() - from);
                    self.passing = length - here;
                    if to < from {
                        octets.copy_within(from..from + here, to);
                    }
                    (from, to) = (from + here, to + here);
                }
                Step::Skip(length) => from += length,
                // Seldom: there may be no room for it here. A block is looked at once, because the table counts.
                Step::Replace(length, instead) => {
                    self.ready.extend_from_slice(&instead);
                    self.held.extend_from_slice(&octets[from + length..]);
                    break;
                }
                Step::Wait => {
                    self.held.extend_from_slice(&octets[from..]);
                    break;
                }
            }
        }
        to
    }

    /// Looks at what is held, and puts what is for h2 behind what is ready.
    fn look_at_held(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        while !held.is_empty() {
            let step = match self.passing {
                0 => self.step(&held),
                passing => Step::Pass(passing),
            };
            match step {
                Step::Pass(length) => {
                    let here = length.min(held.len());
                    self.passing = length - here;
                    self.ready.unsplit(held.split_to(here));
                }
                Step::Skip(length) => held.advance(length),
                Step::Replace(length, octets) => {
                    held.advance(length);
                    self.ready.extend_from_slice(&octets);
                }
                Step::Wait => break,
            }
        }
        self.held = held;
    }

    /// What becomes of a frame.
    fn step(&mut self, octets: &[u8]) -> Step {
        let Some(head) = Head::read(octets) else { return Step::Wait };
        let whole = FRAME_HEADER + head.length;
        if self.is_of_no_call(head) {
            if octets.len() < whole {
                return Step::Wait;
            }
            let block = head.fragment(&octets[FRAME_HEADER..whole]);
            // What changes the dynamic table has to be seen, and only h2 knows the table.
            if head.kind != HEADERS || block.is_some_and(block::is_needless) {
                self.faults.ignore(IgnoredFrame { kind: head.kind, stream: head.stream });
                return Step::Skip(whole);
            }
        }
        match head.kind {
            DATA if head.length == 0 && !head.has(END_STREAM) && head.stream != 0 => Step::Skip(whole),
            // A longer frame, and one without a stream, are errors that h2 tells.
            HEADERS if head.length <= FRAME_SIZE as usize && head.stream != 0 => self.headers(head, octets),
            GOAWAY if head.length <= FRAME_SIZE as usize && head.stream == 0 => {
                let Some(payload) = octets.get(FRAME_HEADER..whole) else { return Step::Wait };
                if let Some((_, farewell)) = Farewell::read(payload) {
                    self.faults.said().note(farewell);
                }
                Step::Pass(whole)
            }
            _ => Step::Pass(whole),
        }
    }

    /// Is it a frame that grpc-go does not look at and h2 ends the connection for?
    fn is_of_no_call(&self, head: Head) -> bool {
        if head.length > FRAME_SIZE as usize {
            return false;
        }
        // Calls have the odd numbers, in their order.
        let last = 2 * u64::from(self.calls.begun());
        let has_call = head.stream % 2 == 1 && u64::from(head.stream) < last || head.stream == 0;
        match head.kind {
            PUSH_PROMISE => head.has(END_HEADERS),
            HEADERS => !has_call && head.has(END_HEADERS),
            RST_STREAM | WINDOW_UPDATE => !has_call && head.length == 4,
            DATA => !has_call,
            _ => false,
        }
    }

    /// A HEADERS frame and the CONTINUATION frames behind it.
    fn headers(&mut self, head: Head, octets: &[u8]) -> Step {
        let whole = FRAME_HEADER + head.length;
        if octets.len() < whole {
            return Step::Wait;
        }
        let Some(first) = head.fragment(&octets[FRAME_HEADER..whole]) else { return Step::Pass(whole) };
        if head.has(END_HEADERS) {
            return match block::judge(first, HEADER_LIST as usize, &mut self.stored) {
                Sifted::Fine => Step::Pass(whole),
                Sifted::Mended(block, fault) => self.mended(head, whole, &block, fault),
            };
        }
        let mut end = whole.max(std::mem::take(&mut self.whole));
        loop {
            let rest = &octets[end..];
            let next = Head::read(rest);
            if next.is_some_and(|next| !continues(next, head)) || octets.len() > MOST_HELD {
                return Step::Pass(usize::MAX);
            }
            let Some(next) = next.filter(|next| rest.len() >= FRAME_HEADER + next.length) else {
                self.whole = end;
                return Step::Wait;
            };
            end += FRAME_HEADER + next.length;
            if next.has(END_HEADERS) {
                break;
            }
        }
        let block = [first, &continuations(&octets[whole..end])].concat();
        match block::judge(&block, HEADER_LIST as usize, &mut self.stored) {
            Sifted::Fine => Step::Replace(end, in_our_frames(head, &block)),
            Sifted::Mended(block, fault) => self.mended(head, end, &block, fault),
        }
    }

    /// Notes what was written of these bytes.
    fn note(&mut self, written: &Poll<io::Result<usize>>, bytes: &[IoSlice<'_>]) {
        self.calls.found_full(written.is_pending());
        let Poll::Ready(Ok(written)) = written else { return };
        let mut left = *written;
        for slice in bytes {
            let (passed, _) = slice.split_at(left.min(slice.len()));
            self.written.pass(passed, &self.calls);
            left -= passed.len();
        }
    }

    fn mended(&self, head: Head, length: usize, block: &[u8], fault: Option<HeaderFault>) -> Step {
        if let Some(fault) = fault {
            self.faults.note(head.stream, fault);
        }
        Step::Replace(length, in_our_frames(head, block))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sieve<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.ready.is_empty() {
                let length = this.ready.len().min(buffer.remaining());
                buffer.put_slice(&this.ready.split_to(length));
                return Poll::Ready(Ok(()));
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            if this.held.is_empty() {
                let length = this.look(&mut buffer.filled_mut()[before..]);
                buffer.set_filled(before + length);
            } else {
                this.held.extend_from_slice(&buffer.filled()[before..]);
                buffer.set_filled(before);
            }
            let passed = buffer.filled().len() > before;
            if !passed || this.held.len() >= FRAME_HEADER {
                this.look_at_held();
            }
            if passed {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sieve<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.note(&written, &[IoSlice::new(bytes)]);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.note(&written, slices);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// How much is held of a header block. One that has no end goes to h2 then (CVE-2024-27316).
const MOST_HELD: usize = 4 * HEADER_LIST as usize;

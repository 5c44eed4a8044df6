//! Faults of one call for which h2 would end the whole connection, repaired before h2 sees them.
//!
//! h2 0.4 ends a connection with all its calls in these cases, and has no setting for them:
//!
//! - at the 101st empty DATA frame on the connection: grpc-go ends streams with them, and some peers send them as a sign
//!   of life. Without END_STREAM they mean nothing, so they are left out.
//! - for a header list in more frames than 1.25 times the list's limit divided by *our* frame size, although peers send
//!   frames of 16 KiB; and for one of four times the limit. Here h2 gets lists in frames of our size, and lists that are
//!   too large are made small.
//! - for an byte that a name or a value must not have (RFC 9113 section 8.2.1 requires a stream error). It is
//!   replaced by another one, so that the state of the compression stays that of the peer.
//!
//! A probe says whether Envoy Gateway, so grpc-go, would take a server's answer, and not whether h2 would. So for a probe,
//! fields and frames that grpc-go does not look at are kept from h2, and it learns of them ([`IgnoredFrame`],
//! [`HeaderFault::OfConnection`]).
//!
//! It also resets a call whose authority is the path of a socket, as many clients send it on a unix socket. That is not
//! an authority, so it is replaced by one that means none ([`NO_AUTHORITY`]).
//!
//! [`HeaderFaults`] tells the call what was wrong, and the call fails with it: a repaired field is not passed on as if it
//! were the peer's. Other frames are not changed, and correct data is not copied. What GOAWAY says is
//! kept as well ([`Farewell`]).

mod block;
mod farewell;
mod faults;
mod field;
mod head;
mod huffman;
mod ignored;
mod integer;
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
pub(crate) use self::farewell::Farewell;
pub(crate) use self::faults::{HeaderFault, HeaderFaults};
pub(crate) use self::field::NO_AUTHORITY;
use self::head::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Head, PUSH_PROMISE, RST_STREAM, WINDOW_UPDATE,
    continuations,
};
pub(crate) use self::ignored::IgnoredFrame;
pub(crate) use self::outgoing::Outgoing;
use self::outgoing::Written;
pub(crate) use self::renamed::CLAIMED_LENGTH;
use self::renamed::Reader;
use self::stored::Stored;
use super::frame::FRAME_HEADER;
use super::limits::{FRAME_SIZE, HEADER_LIST, UPSTREAM_HEADER_LIST};

/// A stream below h2, whose frames are looked at as they are read.
#[derive(Debug)]
pub(crate) struct Sieve<S> {
    stream: S,
    /// What of the current frame, or of the preface, passes without a look.
    passing: usize,
    /// Read and not looked at: the beginning of a frame, or of a header block, whose rest has not come yet.
    held: BytesMut,
    /// How much of what is held are whole frames of a header block.
    whole: usize,
    /// Looked at, for h2 to read.
    ready: BytesMut,
    /// The largest list of header fields.
    limit: usize,
    /// The most that is held of a header block. One that has no end goes to h2 then (CVE-2024-27316).
    held_limit: usize,
    stored: Stored,
    faults: HeaderFaults,
    /// The calls of a probe. `None` if this is none.
    calls: Option<(Arc<Outgoing>, Written)>,
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
    /// On a stream of a caller, who begins with the preface.
    ///
    /// `limit` is that of a list of header fields. Of a block, four times as much is held: what is larger than the limit
    /// costs its own call.
    pub(crate) fn of_caller(stream: S, limit: u32) -> Self {
        Self::new(stream, PREFACE, limit, 4 * limit as usize)
    }

    /// On the stream of the upstream.
    pub(crate) fn of_upstream(stream: S, limit: u32) -> Self {
        Self::new(stream, 0, limit, UPSTREAM_HELD)
    }

    /// On the stream of a server that is probed by these calls.
    pub(crate) fn of_probed(stream: S, calls: Arc<Outgoing>) -> Self {
        let calls = Some((calls, Written::new(PREFACE)));
        Self { calls, ..Self::new(stream, 0, HEADER_LIST, 4 * HEADER_LIST as usize) }
    }

    /// `preface` bytes come before the first frame.
    fn new(stream: S, preface: usize, limit: u32, held_limit: usize) -> Self {
        Self {
            stream,
            passing: preface,
            held: BytesMut::new(),
            whole: 0,
            ready: BytesMut::new(),
            limit: limit as usize,
            held_limit,
            stored: Stored::default(),
            faults: HeaderFaults::default(),
            calls: None,
        }
    }

    fn reader(&self) -> Reader {
        if self.calls.is_some() { Reader::GrpcGo } else { Reader::H2 }
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
            let fragment = head.fragment(&octets[FRAME_HEADER..whole]);
            // What changes the dynamic table has to be seen, and only h2 knows the table.
            if head.kind != HEADERS || fragment.is_some_and(block::is_needless) {
                self.faults.ignore(IgnoredFrame { kind: head.kind, stream: head.stream });
                return Step::Skip(whole);
            }
        }
        match head.kind {
            DATA if head.length == 0 && head.flags & END_STREAM == 0 && head.stream != 0 => Step::Skip(whole),
            // A longer frame, and one without a stream, are errors that h2 tells.
            HEADERS if head.length <= FRAME_SIZE as usize && head.stream != 0 => self.headers(head, octets),
            GOAWAY if head.length <= FRAME_SIZE as usize && head.stream == 0 => {
                let Some(payload) = octets.get(FRAME_HEADER..whole) else { return Step::Wait };
                Farewell::read(payload).into_iter().for_each(|farewell| self.faults.farewell(farewell));
                Step::Pass(whole)
            }
            _ => Step::Pass(whole),
        }
    }

    /// Is it a frame that grpc-go does not look at and h2 ends the connection for?
    fn is_of_no_call(&self, head: Head) -> bool {
        let Some((calls, _)) = self.calls.as_ref().filter(|_| head.length <= FRAME_SIZE as usize) else {
            return false;
        };
        // Calls have the odd numbers, in their order.
        let last = 2 * u64::from(calls.begun());
        let has_call = head.stream % 2 == 1 && u64::from(head.stream) < last || head.stream == 0;
        match head.kind {
            PUSH_PROMISE => head.flags & END_HEADERS != 0,
            HEADERS => !has_call && head.flags & END_HEADERS != 0,
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
        if head.flags & END_HEADERS != 0 {
            return match block::judge(first, self.limit, self.reader(), &mut self.stored) {
                Sifted::Fine => Step::Pass(whole),
                Sifted::Mended(block, fault) => self.mended(head, whole, &block, fault),
            };
        }
        let mut end = whole.max(std::mem::take(&mut self.whole));
        loop {
            let rest = &octets[end..];
            let next = Head::read(rest);
            if next.is_some_and(|next| !next.continues(head)) || octets.len() > self.held_limit {
                return Step::Pass(usize::MAX);
            }
            let Some(next) = next.filter(|next| rest.len() >= FRAME_HEADER + next.length) else {
                self.whole = end;
                return Step::Wait;
            };
            end += FRAME_HEADER + next.length;
            if next.flags & END_HEADERS != 0 {
                break;
            }
        }
        let block = [first, &continuations(&octets[whole..end])].concat();
        match block::judge(&block, self.limit, self.reader(), &mut self.stored) {
            Sifted::Fine => Step::Replace(end, head.write(&block)),
            Sifted::Mended(block, fault) => self.mended(head, end, &block, fault),
        }
    }

    /// Notes what was written of these bytes.
    fn note(&mut self, written: &Poll<io::Result<usize>>, bytes: &[IoSlice<'_>]) {
        let Some((calls, frames)) = &mut self.calls else { return };
        calls.found_full(written.is_pending());
        let Poll::Ready(Ok(written)) = written else { return };
        let mut left = *written;
        for slice in bytes {
            let (passed, _) = slice.split_at(left.min(slice.len()));
            frames.pass(passed, calls);
            left -= passed.len();
        }
    }

    fn mended(&self, head: Head, length: usize, block: &[u8], fault: Option<HeaderFault>) -> Step {
        if let Some(fault) = fault {
            self.faults.note(head.stream, fault);
        }
        Step::Replace(length, head.write(block))
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

/// Of the upstream's header block, all that it may send by [`UPSTREAM_HEADER_LIST`], and more than h2 takes CONTINUATION frames for.
const UPSTREAM_HELD: usize = 3 * UPSTREAM_HEADER_LIST as usize / 2;

/// What a client sends before its first frame (RFC 9113 section 3.4).
const PREFACE: usize = 24;

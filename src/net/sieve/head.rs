//! The head of a frame (RFC 9113 section 4.1).

use super::super::frame::FRAME_HEADER;
use super::super::limits::FRAME_SIZE;

/// The first nine bytes of a frame.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

/// What is in whole CONTINUATION frames.
pub(super) fn continuations(mut frames: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(frames.len());
    while let Some(head) = Head::read(frames) {
        let (frame, rest) = frames.split_at(FRAME_HEADER + head.length);
        block.extend_from_slice(&frame[FRAME_HEADER..]);
        frames = rest;
    }
    block
}

impl Head {
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, id @ ..] = *octets.first_chunk::<FRAME_HEADER>()?;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        Some(Self { length, kind, flags, stream: u32::from_be_bytes(id) & !(1 << 31) })
    }

    /// Whether this may come behind the HEADERS frame of `head`.
    pub(super) fn continues(self, head: Self) -> bool {
        self.kind == CONTINUATION && self.stream == head.stream && self.length <= FRAME_SIZE as usize
    }

    /// The part of the header block in a HEADERS frame (RFC 9113 section 6.2). `None` when there is none.
    pub(super) fn fragment(self, payload: &[u8]) -> Option<&[u8]> {
        let (padding, payload) = match self.flags & PADDED {
            0 => (0, payload),
            _ => payload.split_first().map(|(padding, rest)| (usize::from(*padding), rest))?,
        };
        let payload = if self.flags & PRIORITY == 0 { payload } else { payload.get(5..)? };
        payload.get(..payload.len().checked_sub(padding)?)
    }

    /// A header block in frames of our size.
    pub(super) fn write(self, block: &[u8]) -> Vec<u8> {
        let mut written = Vec::with_capacity(block.len() + 2 * FRAME_HEADER);
        let mut rest = block;
        let mut kind = HEADERS;
        loop {
            let (piece, after) = rest.split_at(rest.len().min(FRAME_SIZE as usize));
            let end = if after.is_empty() { END_HEADERS } else { 0 };
            let flags = if kind == HEADERS { end | self.flags & END_STREAM } else { end };
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes();
            written.extend_from_slice(&length[1..]);
            written.extend_from_slice(&[kind, flags]);
            written.extend_from_slice(&self.stream.to_be_bytes());
            written.extend_from_slice(piece);
            if after.is_empty() {
                return written;
            }
            (rest, kind) = (after, CONTINUATION);
        }
    }
}

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;
pub(super) const PRIORITY: u8 = 0x20;

//! Header blocks in HEADERS and CONTINUATION frames (RFC 9113 sections 6.2 and 6.10).

use super::super::limits::FRAME_SIZE;
use crate::http2::frame::{CONTINUATION, END_STREAM, FRAME_HEADER, Head, write_block};

/// Whether `next` may come behind the HEADERS frame of `head`.
pub(super) fn continues(next: Head, head: Head) -> bool {
    next.kind == CONTINUATION && next.stream == head.stream && next.length <= FRAME_SIZE as usize
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

/// A header block in frames of our size, in the place of those that `head` begins.
pub(super) fn in_our_frames(head: Head, block: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(block.len() + 2 * FRAME_HEADER);
    write_block(&mut written, head.stream, head.flags & END_STREAM, block, FRAME_SIZE as usize);
    written
}

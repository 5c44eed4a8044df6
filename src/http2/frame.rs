//! Frames (RFC 9113 sections 4.1 and 6).

/// Length, type, flags and stream.
pub(crate) const FRAME_HEADER: usize = 9;

/// The first nine bytes of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Head {
    pub(crate) fn new(length: usize, kind: u8, flags: u8, stream: u32) -> Self {
        Self { length, kind, flags, stream }
    }

    /// `None` when not all of it has come.
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, id @ ..] = *octets.first_chunk::<FRAME_HEADER>()?;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        Some(Self { length, kind, flags, stream: u32::from_be_bytes(id) & LARGEST_ID })
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn octets(self) -> [u8; FRAME_HEADER] {
        let [_, a, b, c] = (self.length as u32).to_be_bytes();
        let [w, x, y, z] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, w, x, y, z]
    }

    /// What is left of the payload of DATA or HEADERS without padding (sections 6.1 and 6.2); `None` if there is more
    /// padding than payload.
    pub(crate) fn unpadded(self, payload: &[u8]) -> Option<&[u8]> {
        if !self.has(PADDED) {
            return Some(payload);
        }
        let (padding, rest) = payload.split_first()?;
        rest.get(..rest.len().checked_sub(usize::from(*padding))?)
    }

    /// The part of the header block in the payload of HEADERS (section 6.2); `None` when there is none.
    pub(crate) fn fragment(self, payload: &[u8]) -> Option<&[u8]> {
        let unpadded = self.unpadded(payload)?;
        if self.has(PRIORITY) { unpadded.get(5..) } else { Some(unpadded) }
    }
}

/// The settings in the payload of SETTINGS: numbers and values (section 6.5.1). What is cut off is left out.
pub(crate) fn settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    payload.chunks_exact(SETTING).map(|setting| {
        let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
        (u16::from_be_bytes([setting[0], setting[1]]), value)
    })
}

/// How long a setting is.
pub(crate) const SETTING: usize = 6;

/// Writes a header block in as many frames as it needs (section 4.3), `most` bytes each. `flags` are those of HEADERS, apart
/// from the end of the block.
pub(crate) fn write_block(out: &mut Vec<u8>, stream: u32, flags: u8, block: &[u8], most: usize) {
    let (mut rest, mut kind, mut flags) = (block, HEADERS, flags);
    loop {
        let (piece, after) = rest.split_at(rest.len().min(most));
        if after.is_empty() {
            flags |= END_HEADERS;
        }
        out.extend_from_slice(&Head::new(piece.len(), kind, flags, stream).octets());
        out.extend_from_slice(piece);
        if after.is_empty() {
            return;
        }
        (rest, kind, flags) = (after, CONTINUATION, 0);
    }
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(super) const PRIORITY_FRAME: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PRIORITY: u8 = 0x20;

/// Of a stream, and of a window (sections 5.1.1 and 6.9.1).
pub(super) const LARGEST_ID: u32 = (1 << 31) - 1;
pub(super) const LARGEST_WINDOW: i64 = (1 << 31) - 1;

/// What a client sends before its first frame (section 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = Head::new(0x01_02_03, HEADERS, END_HEADERS | PADDED, 0x7fff_fffe);
        let mut octets = head.octets();
        let read = Head::read(&octets).expect("whole");
        assert_eq!((read.length, read.kind, read.flags, read.stream), (0x01_02_03, 1, 0xc, 0x7fff_fffe));
        // The reserved bit has no meaning.
        octets[5] |= 0x80;
        assert_eq!(Head::read(&octets).map(|head| head.stream), Some(0x7fff_fffe));
        assert!(Head::read(&octets[..8]).is_none());
    }

    #[test]
    fn padding_is_no_longer_than_the_payload() {
        let padded = Head::new(0, DATA, PADDED, 1);
        assert_eq!(padded.unpadded(&[2, b'a', 0, 0]), Some(&b"a"[..]));
        assert_eq!(padded.unpadded(&[3, 0, 0, 0]), Some(&b""[..]));
        assert_eq!((padded.unpadded(&[3, 0, 0]), padded.unpadded(&[])), (None, None));
        assert_eq!(Head::new(0, DATA, 0, 1).unpadded(&[3, 0]), Some(&[3, 0][..]));
    }
}

use bytes::{Buf as _, Bytes, BytesMut};

/// What has come from a peer.
pub(super) trait Octets {
    /// What was not taken yet.
    fn rest(&self) -> &[u8];

    /// Leaves out the next ones.
    fn skip(&mut self, length: usize);

    /// Takes the next ones, which outlive the others.
    fn take(&mut self, length: usize) -> Bytes;
}

impl Octets for BytesMut {
    fn rest(&self) -> &[u8] {
        self
    }

    fn skip(&mut self, length: usize) {
        self.advance(length);
    }

    fn take(&mut self, length: usize) -> Bytes {
        self.split_to(length).freeze()
    }
}

/// Copied, where it is little.
impl Octets for &[u8] {
    fn rest(&self) -> &[u8] {
        self
    }

    fn skip(&mut self, length: usize) {
        *self = &self[length..];
    }

    fn take(&mut self, length: usize) -> Bytes {
        let (taken, rest) = self.split_at(length);
        *self = rest;
        Bytes::copy_from_slice(taken)
    }
}

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Octets in their order, in the pieces in which they came.
///
/// A piece is a part of the buffer into which its connection reads, and keeps all of that alive. Small pieces that have
/// to wait are copied together instead: a stream of messages of one byte then takes the room of its bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffer {
    pieces: VecDeque<Bytes>,
    /// Small pieces that came after all of `pieces`.
    tail: BytesMut,
    length: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Puts `piece` behind what is there.
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        // The first one is sent at once as a rule, and then the copy would be for nothing.
        let is_small = piece.len() < SMALL && !self.is_empty();
        self.length += piece.len();
        if is_small {
            self.tail.extend_from_slice(&piece);
            return;
        }
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
        self.pieces.push_back(piece);
    }

    /// Takes the next piece, or `most` bytes of it.
    pub(super) fn take(&mut self, most: usize) -> Bytes {
        let taken = match self.pieces.front_mut() {
            Some(first) if first.len() > most => first.split_to(most),
            Some(_) => self.pieces.pop_front().unwrap_or_default(),
            None => self.tail.split_to(most.min(self.tail.len())).freeze(),
        };
        self.length -= taken.len();
        taken
    }
}

/// A piece of at least so many bytes is worth more than the copy of it.
const SMALL: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_goes_in_comes_out_in_its_order(
            pieces in prop::collection::vec(0_usize..3000, 0..20),
            takes in prop::collection::vec(1_usize..4000, 1..20),
        ) {
            let mut buffer = Buffer::default();
            let (mut sent, mut received) = (Vec::new(), Vec::new());
            for (index, length) in pieces.into_iter().enumerate() {
                let octets = (0..length).map(|octet| (octet + index) as u8).collect::<Vec<_>>();
                sent.extend_from_slice(&octets);
                buffer.push(octets.into());
                if index % 3 == 0 {
                    received.extend_from_slice(&buffer.take(takes[index % takes.len()]));
                }
                prop_assert_eq!(buffer.len(), sent.len() - received.len());
            }
            while !buffer.is_empty() {
                received.extend_from_slice(&buffer.take(takes[0]));
            }
            prop_assert_eq!(sent, received);
        }
    }

    #[test]
    fn small_pieces_that_wait_are_one() {
        let mut buffer = Buffer::default();
        (0..1000).for_each(|_| buffer.push(Bytes::from_static(b"octets")));
        assert_eq!((buffer.take(usize::MAX).len(), buffer.take(usize::MAX).len()), (6, 5994));
        assert!(buffer.is_empty());
    }
}

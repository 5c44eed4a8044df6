use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWrite;

/// Frames that wait to be written, in their order.
///
/// Small ones are copied behind each other: whatever was said in one turn is one write then, and one record of TLS.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// What comes before `tail`.
    before: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// How much of `tail` has been written; none while there is something before it.
    written: usize,
    length: usize,
    /// How much room was needed until the connection was idle.
    usual: usize,
}

impl Outbox {
    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds what `write` puts behind the bytes that it gets.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.tail.capacity() == 0 {
            self.tail.reserve(self.usual.max(LEAST));
        }
        let before = self.tail.len();
        write(&mut self.tail);
        self.length += self.tail.len() - before;
    }

    /// Adds `octets`, without a copy if they are many.
    pub(super) fn push(&mut self, octets: Bytes) {
        if octets.len() < LARGE {
            return self.write(|tail| {
                tail.reserve(octets.len() + BEHIND);
                tail.extend_from_slice(&octets);
            });
        }
        self.length += octets.len();
        if !self.tail.is_empty() {
            self.cut();
        }
        self.before.push_back(octets);
    }

    fn cut(&mut self) {
        let mut tail = Bytes::from(mem::take(&mut self.tail));
        if self.before.is_empty() {
            tail.advance(mem::take(&mut self.written));
        }
        self.before.push_back(tail);
    }

    /// Writes all of it. Ready when nothing waits any more.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while self.length > 0 {
            let written = match self.before.front() {
                None => {
                    let rest = &self.tail[self.written..];
                    ready!(Pin::new(&mut *stream).poll_write(context, rest))?
                }
                Some(_) => {
                    let mut slices = [IoSlice::new(&[]); SLICES];
                    let mut number = 0;
                    for piece in
                        self.before.iter().map(|piece| &piece[..]).chain([&self.tail[..]]).take(SLICES)
                    {
                        slices[number] = IoSlice::new(piece);
                        number += 1;
                    }
                    ready!(Pin::new(&mut *stream).poll_write_vectored(context, &slices[..number]))?
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wrote(written);
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, mut written: usize) {
        self.length -= written;
        while let Some(first) = self.before.front_mut() {
            if written < first.len() {
                return first.advance(written);
            }
            written -= first.len();
            self.before.pop_front();
        }
        self.written += written;
        // What was written is left behind while the peer is never quite up to date. Each byte moves once at most for each that
        // was written.
        if self.written >= LARGE.min(self.tail.len()) && 2 * self.written >= self.tail.len() {
            self.tail.drain(..mem::take(&mut self.written));
        }
    }

    /// Gives back the room of a connection that is idle.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self { usual: self.tail.capacity().min(MOST), ..Self::default() };
        }
    }
}

/// Pieces of at least so many bytes are not copied.
const LARGE: usize = 8 << 10;

/// What comes behind a piece of a body as a rule: trailers, or the head of the next frame.
const BEHIND: usize = 256;

/// The first room.
const LEAST: usize = 512;

/// The most that is asked for at once when a connection is no longer idle.
const MOST: usize = 8 << 10;

/// In one write.
const SLICES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::ReadBuf;

    use super::*;

    /// Takes as many bytes at a time as it was told.
    #[derive(Default)]
    struct Peer {
        takes: Vec<usize>,
        taken: Vec<u8>,
    }

    impl AsyncWrite for Peer {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            let Some(most) = this.takes.pop() else { return Poll::Pending };
            let mut room = vec![0; most];
            let mut taken = ReadBuf::new(&mut room);
            taken.put_slice(&octets[..octets.len().min(most)]);
            this.taken.extend_from_slice(taken.filled());
            Poll::Ready(Ok(taken.filled().len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_was_written_takes_no_room() {
        let context = &mut Context::from_waker(std::task::Waker::noop());
        let (mut outbox, mut peer) = (Outbox::default(), Peer::default());
        outbox.write(|tail| tail.push(0));
        for _ in 0..10_000 {
            outbox.write(|tail| tail.extend_from_slice(&[0; 1000]));
            peer.takes.push(1000);
            assert!(outbox.poll_write(context, &mut peer).is_pending());
        }
        assert_eq!((outbox.len(), peer.taken.len()), (1, 10_000_000));
        assert!(outbox.tail.capacity() < 64 << 10, "{} bytes for one that waits", outbox.tail.capacity());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn all_of_it_arrives_in_its_order(
            pieces in prop::collection::vec(1_usize..20_000, 1..20),
            takes in prop::collection::vec(1_usize..30_000, 0..40),
        ) {
            let context = &mut Context::from_waker(std::task::Waker::noop());
            let (mut outbox, mut peer, mut sent) = (Outbox::default(), Peer::default(), Vec::new());
            for (index, length) in pieces.iter().enumerate() {
                let octets = vec![index as u8; *length];
                sent.extend_from_slice(&octets);
                match index % 2 {
                    0 => outbox.push(octets.into()),
                    _ => outbox.write(|tail| tail.extend_from_slice(&octets)),
                }
                peer.takes.extend(takes.get(index));
                let _ = outbox.poll_write(context, &mut peer);
                prop_assert_eq!(outbox.len(), sent.len() - peer.taken.len());
            }
            peer.takes = vec![usize::from(u16::MAX); 50];
            prop_assert!(matches!(outbox.poll_write(context, &mut peer), Poll::Ready(Ok(()))));
            prop_assert!(peer.taken == sent && outbox.is_empty());
        }
    }
}

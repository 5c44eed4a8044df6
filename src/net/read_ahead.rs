use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::opening::Opening;
use super::records::Records;

/// A socket, read in larger pieces than TLS asks for.
///
/// rustls asks for 4 KiB at a time, so a record of 16 KiB costs five calls of the kernel. Here one call takes what there is, up to [`MOST`], unless the reader
/// has as much room itself. A connection that sends little has a buffer of [`LEAST`] at most, so that thousands of idle
/// connections cost little memory.
#[derive(Debug)]
pub struct ReadAhead<S> {
    stream: S,
    /// The bytes of the last call.
    waiting: BytesMut,
    /// How many of them have been taken.
    taken: usize,
    /// How much the next call asks for.
    size: usize,
    /// How much was read since there was last nothing to read.
    in_turn: usize,
    /// If its reader gets one record of TLS at a time.
    records: Option<Records>,
    /// While TLS is shaking hands.
    opening: Option<Opening>,
}

impl<S> ReadAhead<S> {
    /// Nothing has been read from `stream` yet.
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            waiting: BytesMut::new(),
            taken: 0,
            size: LEAST,
            in_turn: 0,
            records: None,
            opening: None,
        }
    }

    /// Its reader gets one record of TLS at a time.
    pub(super) fn in_records(stream: S, records: Records) -> Self {
        Self { records: Some(records), ..Self::new(stream) }
    }

    /// A handshake of TLS begins: until [`Self::opened`], an alert that closes the connection is its end.
    pub(super) fn opening(self) -> Self {
        Self { opening: Some(Opening::default()), ..self }
    }

    /// The handshake is complete.
    pub(super) fn opened(&mut self) {
        self.opening = None;
    }

    /// The records of its stream, if its reader gets one at a time.
    pub(super) fn records(&self) -> Option<&Records> {
        self.records.as_ref()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.in_turn >= TURN {
            this.in_turn = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = this.take(context, buffer);
        match read {
            Poll::Ready(_) => this.in_turn += buffer.filled().len() - before,
            Poll::Pending => this.in_turn = 0,
        }
        read
    }
}

impl<S: AsyncRead + Unpin> ReadAhead<S> {
    fn take(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.opening.as_ref().is_some_and(Opening::is_closed) {
            return Poll::Ready(Ok(()));
        }
        if self.taken == self.waiting.len() {
            let is_watched = self.records.is_some() || self.opening.is_some();
            if buffer.remaining() >= self.size && !is_watched {
                // Room that an idle connection would keep for nothing. A busy one is here once for many messages.
                if self.waiting.capacity() <= LEAST {
                    (self.waiting, self.taken) = (BytesMut::new(), 0);
                }
                return Pin::new(&mut self.stream).poll_read(context, buffer);
            }
            ready!(self.fill(context))?;
        }
        let left = &self.waiting[self.taken..];
        let room = self.records.as_ref().map_or(usize::MAX, Records::room);
        let length = left.len().min(buffer.remaining()).min(room);
        buffer.put_slice(&left[..length]);
        if let Some(records) = &mut self.records {
            records.pass(&left[..length]);
        }
        if let Some(opening) = &mut self.opening {
            opening.pass(&left[..length]);
        }
        self.taken += length;
        Poll::Ready(Ok(()))
    }

    fn fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waiting.clear();
        self.taken = 0;
        if self.waiting.capacity() != self.size {
            self.waiting = BytesMut::with_capacity(self.size);
        }
        let read = ready!(poll_read_buf(Pin::new(&mut self.stream), context, &mut self.waiting))?;
        if read >= self.size {
            self.size = (4 * self.size).min(MOST);
        } else if read < self.size / 8 {
            self.size = (self.size / 4).max(LEAST);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
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
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// As much as TLS asks for by itself.
const LEAST: usize = 4 << 10;

/// Four records of TLS. Larger calls save little.
const MOST: usize = 64 << 10;

/// How much is read at a stretch: as much as one call takes.
const TURN: usize = MOST;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_sent_arrives_and_a_busy_stream_is_read_in_large_pieces() {
        let (mut peer, stream) = duplex(1 << 20);
        let sent = (0..1 << 20).map(|octet: u32| octet as u8).collect::<Vec<_>>();
        peer.write_all(&sent).await.expect("room for all of it");
        let mut ahead = ReadAhead::new(stream);
        let mut received = vec![0; sent.len()];
        // Into little room, as TLS has it: a reader with much room of its own needs none here.
        for piece in received.chunks_mut(1000) {
            ahead.read_exact(piece).await.expect("all of it");
        }
        assert!(received == sent);
        assert_eq!(ahead.size, MOST);
        for expected in [LEAST << 2, LEAST, LEAST] {
            peer.write_all(b"little").await.expect("room");
            let mut little = [0; 6];
            ahead.read_exact(&mut little).await.expect("six bytes");
            assert_eq!((&little, ahead.size), (b"little", expected));
        }
        // Into much room. There is none of its own any more.
        peer.write_all(b"little").await.expect("room");
        let mut much = vec![0; LEAST];
        assert_eq!((ahead.read(&mut much).await.expect("six bytes"), ahead.waiting.capacity()), (6, 0));
        drop(peer);
        assert_eq!(ahead.read(&mut received).await.expect("the end"), 0);
    }

    #[tokio::test]
    async fn a_peer_that_never_stops_leaves_others_their_turn() {
        let mut ahead = ReadAhead::new(tokio::io::repeat(7));
        let mut room = vec![0; 1000];
        let mut turn = async || {
            let mut length = 0;
            poll_fn(|context| {
                let mut buffer = ReadBuf::new(&mut room);
                while Pin::new(&mut ahead).poll_read(context, &mut buffer).is_ready() {
                    length += buffer.filled().len();
                    buffer.clear();
                }
                Poll::Ready(length)
            })
            .await
        };
        for _ in 0..3 {
            assert!((TURN..TURN + 1000).contains(&turn().await));
        }
    }
}

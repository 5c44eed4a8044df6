use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream below h2 that writes once for each time that its task is woken.
///
/// h2 flushes after every frame. If thirty calls are answered at the same moment, that makes thirty writes, and
/// with TLS thirty records. So a flush of new data is put off here: it returns at once and wakes the task. If the task
/// comes back without more data, or the data exceeds [`LIMIT`], all of it is written at once.
///
/// h2 reads before it flushes, and only reads while it waits for a peer's preface. So a read that finds nothing also
/// writes what was put off.
#[derive(Debug)]
pub(crate) struct Gathered<S> {
    stream: S,
    waiting: BytesMut,
    /// Something was written since the last flush.
    fresh: bool,
    /// A flush was put off.
    put_off: bool,
}

impl<S> Gathered<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, waiting: BytesMut::new(), fresh: false, put_off: false }
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    fn flush_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_waiting(context))?;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        (self.fresh, self.put_off) = (false, false);
        Poll::Ready(Ok(()))
    }

    fn write_waiting(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending()
            && this.put_off
            && let Poll::Ready(Err(error)) = this.flush_all(context)
        {
            return Poll::Ready(Err(error));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.fresh && !this.waiting.is_empty() {
            (this.fresh, this.put_off) = (false, true);
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        this.flush_all(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.write_waiting(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = slices.iter().map(|slice| slice.len()).sum::<usize>();
        if this.waiting.len() + length <= LIMIT {
            slices.iter().for_each(|slice| this.waiting.extend_from_slice(slice));
            this.fresh = true;
            return Poll::Ready(Ok(length));
        }
        // Too much to keep: the waiting data is written first, and the rest is not copied.
        loop {
            let mut all = [IoSlice::new(&[]); SLICES];
            all[0] = IoSlice::new(&this.waiting);
            let number = slices.len().min(SLICES - 1);
            all[1..=number].copy_from_slice(&slices[..number]);
            let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, &all[..=number]))?;
            if let Some(theirs) = written.checked_sub(this.waiting.len()).filter(|theirs| *theirs > 0) {
                this.waiting.clear();
                this.fresh = true;
                return Poll::Ready(Ok(theirs));
            }
            if written == 0 {
                return Poll::Ready(Ok(0));
            }
            this.waiting.advance(written);
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// How many bytes may wait: a larger limit would hardly reduce the number of writes.
const LIMIT: usize = 32 << 10;

/// In one write: more than h2 has.
const SLICES: usize = 17;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use proptest::prelude::*;

    use super::*;

    /// Takes as many bytes at a time as it was told, and is not ready where that is none.
    #[derive(Debug, Default)]
    struct Peer {
        takes: Vec<usize>,
        taken: Vec<u8>,
        writes: usize,
    }

    impl AsyncRead for Peer {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Peer {
        fn poll_write(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            this.writes += 1;
            let length = match this.takes.pop() {
                Some(0) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(most) => bytes.len().min(most),
                None => bytes.len(),
            };
            this.taken.extend_from_slice(&bytes[..length]);
            Poll::Ready(Ok(length))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_flushed_in_one_poll_is_one_write_in_the_next() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let context = &mut Context::from_waker(&waker);
        let mut stream = Gathered::new(Peer::default());
        for frame in ["one", "two", "three"] {
            assert!(Pin::new(&mut stream).poll_write(context, frame.as_bytes()).is_ready());
            assert!(Pin::new(&mut stream).poll_flush(context).is_ready());
        }
        assert_eq!(stream.stream.writes, 0);
        assert!(woken.0.load(Ordering::Relaxed) > 0, "somebody has to come back");
        assert!(Pin::new(&mut stream).poll_flush(context).is_ready());
        assert_eq!((stream.stream.writes, &*stream.stream.taken), (1, &b"onetwothree"[..]));
    }

    #[test]
    fn what_was_put_off_goes_out_while_there_is_nothing_to_read() {
        let context = &mut Context::from_waker(Waker::noop());
        let mut stream = Gathered::new(Peer::default());
        assert!(Pin::new(&mut stream).poll_write(context, b"preface").is_ready());
        assert!(Pin::new(&mut stream).poll_flush(context).is_ready());
        let mut space = [0; 8];
        assert!(Pin::new(&mut stream).poll_read(context, &mut ReadBuf::new(&mut space)).is_pending());
        assert_eq!(stream.stream.taken, b"preface");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Whatever is written, in whatever pieces, to a peer of whatever appetite, arrives in its order.
        #[test]
        fn all_of_it_arrives(
            pieces in prop::collection::vec(prop::collection::vec(0_usize..40_000, 1..4), 1..20),
            takes in prop::collection::vec(prop_oneof![Just(0), 1_usize..20_000], 0..40),
            flushed in any::<u32>(),
        ) {
            let mut stream = Gathered::new(Peer { takes, ..Peer::default() });
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let mut sent = Vec::new();
            let mut next = 0_u8;
            runtime.block_on(async {
                for (index, piece) in pieces.iter().enumerate() {
                    let mut octets = piece.iter().map(|length| {
                        next = next.wrapping_add(1);
                        vec![next; *length]
                    }).collect::<Vec<_>>();
                    sent.extend(octets.concat());
                    while octets.iter().any(|slice| !slice.is_empty()) {
                        let slices = octets.iter().map(|slice| IoSlice::new(slice)).collect::<Vec<_>>();
                        let write = poll_fn(|context| Pin::new(&mut stream).poll_write_vectored(context, &slices));
                        let mut written = write.await.expect("written");
                        drop(slices);
                        for slice in &mut octets {
                            let gone = slice.len().min(written);
                            slice.drain(..gone);
                            written -= gone;
                        }
                    }
                    if flushed & (1 << (index % 32)) != 0 {
                        poll_fn(|context| Pin::new(&mut stream).poll_flush(context)).await.expect("flushed");
                    }
                }
                poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await.expect("shut down");
            });
            prop_assert!(stream.stream.taken == sent);
        }
    }
}

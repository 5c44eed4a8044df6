use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream below h2 that writes once for each time that h2's task runs.
///
/// h2 flushes after every frame. If thirty calls are answered at the same moment, that makes thirty writes, and
/// with TLS thirty records. So a flush only notes here that it was asked for, and the task that polls the connection calls
/// [`Flusher::flush`] when it has nothing more to say. Data that exceeds [`LIMIT`] is written at once.
///
/// While a connection begins, no such task is there yet. Until [`Flusher::take_over`], a read that finds nothing writes
/// what waits, too.
#[derive(Debug)]
pub(crate) struct Gathered<S>(Arc<Mutex<Gathering<S>>>);

/// Writes what waits in a [`Gathered`].
#[derive(Debug)]
pub(crate) struct Flusher<S>(Arc<Mutex<Gathering<S>>>);

#[derive(Debug)]
struct Gathering<S> {
    stream: S,
    waiting: BytesMut,
    /// A flush was put off.
    put_off: bool,
    /// The task that polls the connection flushes, too.
    has_task: bool,
    /// Why a flush failed that h2 had not waited for.
    failed: Option<io::Error>,
}

impl<S> Gathered<S> {
    /// With where its data goes out.
    pub(crate) fn new(stream: S) -> (Self, Flusher<S>) {
        let gathering =
            Gathering { stream, waiting: BytesMut::new(), put_off: false, has_task: false, failed: None };
        let shared = Arc::new(Mutex::new(gathering));
        (Self(Arc::clone(&shared)), Flusher(shared))
    }
}

impl<S: AsyncWrite + Unpin> Flusher<S> {
    /// From now on the connection is polled by a task that calls [`Flusher::flush`] after it. What h2 says to what it
    /// reads then goes out with what waits already, such as the acknowledgement of SETTINGS with our own.
    pub(crate) fn take_over(&self) {
        lock(&self.0).has_task = true;
    }

    /// Writes what waits. Where that cannot be done now, the task of `context` is woken when it can, and has to poll
    /// the connection again; so it is if this fails, and the connection then finds the reason.
    pub(crate) fn flush(&self, context: &mut Context<'_>) {
        let mut this = lock(&self.0);
        if this.put_off
            && let Poll::Ready(Err(error)) = this.flush_all(context)
        {
            (this.put_off, this.failed) = (false, Some(error));
            context.waker().wake_by_ref();
        }
    }
}

impl<S> Gathering<S> {
    fn take_failure(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl<S: AsyncWrite + Unpin> Gathering<S> {
    fn flush_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_waiting(context))?;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.put_off = false;
        // After a busy moment the room is not kept.
        if self.waiting.capacity() > KEPT {
            self.waiting = BytesMut::new();
        }
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

    /// Keeps as much as may wait, and writes the rest.
    fn write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum::<usize>();
        if self.waiting.len() + length <= LIMIT {
            // Not in small steps, from the first frame head on.
            if self.waiting.capacity() == 0 {
                self.waiting.reserve(length.max(LEAST));
            }
            slices.iter().for_each(|slice| self.waiting.extend_from_slice(slice));
            return Poll::Ready(Ok(length));
        }
        // Too much to keep: the waiting data is written first, and the rest is not copied.
        loop {
            let mut all = [IoSlice::new(&[]); SLICES];
            all[0] = IoSlice::new(&self.waiting);
            let number = slices.len().min(SLICES - 1);
            all[1..=number].copy_from_slice(&slices[..number]);
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, &all[..=number]))?;
            if let Some(theirs) = written.checked_sub(self.waiting.len()).filter(|theirs| *theirs > 0) {
                self.waiting.clear();
                return Poll::Ready(Ok(theirs));
            }
            if written == 0 {
                return Poll::Ready(Ok(0));
            }
            self.waiting.advance(written);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut this = lock(&self.0);
        this.take_failure()?;
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending()
            && !this.has_task
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

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = lock(&self.0);
        this.put_off = true;
        Poll::Ready(this.take_failure())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = lock(&self.0);
        this.take_failure()?;
        ready!(this.write_waiting(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut this = lock(&self.0);
        this.take_failure()?;
        this.write(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

fn lock<S>(gathering: &Mutex<Gathering<S>>) -> MutexGuard<'_, Gathering<S>> {
    gathering.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes may wait: a larger limit would hardly reduce the number of writes.
const LIMIT: usize = 32 << 10;

/// The room of the first frames of a connection.
const LEAST: usize = 1 << 10;

/// How much room an idle connection keeps.
const KEPT: usize = 4 << 10;

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
        is_gone: bool,
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
            if this.is_gone {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
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

    #[test]
    fn what_is_flushed_in_one_poll_is_one_write() {
        let context = &mut Context::from_waker(Waker::noop());
        let (mut stream, flusher) = Gathered::new(Peer::default());
        for frame in ["one", "two", "three"] {
            assert!(Pin::new(&mut stream).poll_write(context, frame.as_bytes()).is_ready());
            assert!(Pin::new(&mut stream).poll_flush(context).is_ready());
        }
        assert_eq!(lock(&stream.0).stream.writes, 0);
        flusher.flush(context);
        let gathering = lock(&stream.0);
        assert_eq!((gathering.stream.writes, &*gathering.stream.taken), (1, &b"onetwothree"[..]));
    }

    #[test]
    fn what_was_put_off_goes_out_while_there_is_nothing_to_read_and_no_task() {
        let context = &mut Context::from_waker(Waker::noop());
        let (mut stream, flusher) = Gathered::new(Peer::default());
        assert!(Pin::new(&mut stream).poll_write(context, b"preface").is_ready());
        assert!(Pin::new(&mut stream).poll_flush(context).is_ready());
        let mut space = [0; 8];
        assert!(Pin::new(&mut stream).poll_read(context, &mut ReadBuf::new(&mut space)).is_pending());
        assert_eq!(lock(&stream.0).stream.taken, b"preface");

        flusher.take_over();
        assert!(Pin::new(&mut stream).poll_write(context, b" and more").is_ready());
        assert!(Pin::new(&mut stream).poll_flush(context).is_ready());
        assert!(Pin::new(&mut stream).poll_read(context, &mut ReadBuf::new(&mut space)).is_pending());
        assert_eq!(lock(&stream.0).stream.taken, b"preface");
        flusher.flush(context);
        assert_eq!(lock(&stream.0).stream.taken, b"preface and more");
    }

    #[test]
    fn a_flush_that_fails_is_told_to_who_polls_the_connection_next() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let context = &mut Context::from_waker(&waker);
        let (mut stream, flusher) = Gathered::new(Peer { is_gone: true, ..Peer::default() });
        assert!(Pin::new(&mut stream).poll_write(context, b"frame").is_ready());
        assert!(Pin::new(&mut stream).poll_flush(context).is_ready());
        flusher.flush(context);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1, "the task must be polled again");
        let Poll::Ready(Err(error)) = Pin::new(&mut stream).poll_write(context, b"next") else {
            panic!("it failed");
        };
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
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
            let (mut stream, flusher) = Gathered::new(Peer { takes, ..Peer::default() });
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
                        poll_fn(|context| {
                            flusher.flush(context);
                            Poll::Ready(())
                        })
                        .await;
                    }
                }
                poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await.expect("shut down");
            });
            prop_assert!(lock(&stream.0).stream.taken == sent);
        }
    }
}

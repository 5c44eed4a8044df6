use std::future::Future as _;
use std::io;
use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use h2::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::io::poll_read_buf;

use super::error::{Http2Error, Side};
use super::frame::PREFACE;
use super::state::{Shared, State, lock};

/// Reads and writes the frames of a connection, as long as it is polled.
#[derive(Debug)]
pub(super) struct Driver<S> {
    stream: S,
    shared: Shared,
    /// What has come and is not a whole frame yet.
    read: BytesMut,
    /// How much is read at a time.
    size: usize,
    /// Something was read that was not looked at.
    is_fresh: bool,
    /// Something was written that may not have left TLS.
    is_unflushed: bool,
    /// When the connection is given up, once it is over.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(stream: S, shared: &Shared) -> Self {
        Self {
            stream,
            shared: Shared::clone(shared),
            read: BytesMut::new(),
            size: LEAST,
            is_fresh: false,
            is_unflushed: false,
            limit: None,
        }
    }

    /// Waits for what a client says first (RFC 9113 section 3.4). What we say ourselves waits for that, too, unless it does
    /// not come at once.
    ///
    /// # Errors
    /// When it says something else.
    pub(super) fn poll_preface(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Http2Error>> {
        loop {
            let length = self.read.len().min(PREFACE.len());
            if self.read[..length] != PREFACE[..length] {
                return Poll::Ready(Err(Http2Error::GoAway { by: Side::Us, reason: Reason::PROTOCOL_ERROR }));
            }
            if length == PREFACE.len() {
                self.read.advance(length);
                self.is_fresh = true;
                return Poll::Ready(Ok(()));
            }
            match self.poll_read(context, PREFACE.len() - length) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Http2Error::closed())),
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    let shared = Shared::clone(&self.shared);
                    if let Poll::Ready(Err(error)) = self.poll_write(context, &mut lock(&shared)) {
                        return Poll::Ready(Err(error.into()));
                    }
                    return Poll::Pending;
                }
            };
        }
    }

    /// Ready at the end of the connection.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let shared = Shared::clone(&self.shared);
        let mut state = lock(&shared);
        state.attend(context);
        loop {
            self.read_frames(context, &mut state);
            let was_full = state.out.len() > MOST_UNREAD;
            state.finish();
            if state.holds_back() {
                break;
            }
            state.speak();
            match self.poll_write(context, &mut state) {
                Poll::Ready(Err(error)) => {
                    state.fail(error.into());
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) if state.over.is_some() => {
                    drop(state);
                    return self.poll_close(context);
                }
                // There is room again for answers to what the peer says, and for calls.
                Poll::Ready(Ok(())) if was_full || state.open_more() => {}
                // Its streams have ended, so it may.
                Poll::Ready(Ok(())) if state.can_finish() => {}
                Poll::Pending if state.over.is_some() => return self.poll_last_words(context),
                Poll::Ready(Ok(())) | Poll::Pending => break,
            }
        }
        if state.next_turn() {
            context.waker().wake_by_ref();
        }
        if self.read.is_empty() && state.is_idle_now() {
            self.read = BytesMut::new();
            state.shrink();
        }
        Poll::Pending
    }

    /// Reads what there is. A peer that does not read what we say is not read either.
    fn read_frames(&mut self, context: &mut Context<'_>, state: &mut State) {
        let mut missing = 0;
        loop {
            if mem::take(&mut self.is_fresh) {
                missing = state.take(&mut self.read);
            }
            if state.over.is_some() || state.out.len() > MOST_UNREAD {
                return;
            }
            let read = match self.size == LEAST && self.read.is_empty() {
                true => self.poll_little(context, state, &mut missing),
                false => self.poll_read(context, missing).map_ok(|read| {
                    self.is_fresh = true;
                    read
                }),
            };
            match read {
                Poll::Ready(Ok(0)) => state.fail(Http2Error::closed()),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => state.fail(error.into()),
                Poll::Pending => return,
            }
        }
    }

    /// Reads what fits on the stack: most connections need no room of their own.
    fn poll_little(
        &mut self,
        context: &mut Context<'_>,
        state: &mut State,
        missing: &mut usize,
    ) -> Poll<io::Result<usize>> {
        let mut room = [const { MaybeUninit::<u8>::uninit() }; LEAST];
        let mut buffer = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let mut read = buffer.filled();
        let length = read.len();
        self.adapt(length, LEAST);
        *missing = state.take(&mut read);
        if !read.is_empty() {
            self.read.reserve(read.len() + (*missing).max(self.size));
            self.read.extend_from_slice(read);
        }
        Poll::Ready(Ok(length))
    }

    fn poll_read(&mut self, context: &mut Context<'_>, missing: usize) -> Poll<io::Result<usize>> {
        let room = self.read.capacity() - self.read.len();
        if room < missing.max(LEAST / 2) {
            self.read.reserve(missing.max(self.size));
        }
        let room = self.read.capacity() - self.read.len();
        let read = ready!(poll_read_buf(Pin::new(&mut self.stream), context, &mut self.read))?;
        self.adapt(read, room);
        Poll::Ready(Ok(read))
    }

    /// The next time asks for more where all of the room was needed, and for less where little was.
    fn adapt(&mut self, read: usize, room: usize) {
        if read == room {
            self.size = (4 * self.size).min(MOST);
        } else if read < self.size / 8 {
            self.size = (self.size / 4).max(LEAST);
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, state: &mut State) -> Poll<io::Result<()>> {
        if !state.out.is_empty() {
            self.is_unflushed = true;
            ready!(state.out.poll_write(context, &mut self.stream))?;
        }
        if self.is_unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// What is left when the connection is over has little time: the peer may not read any more.
    fn poll_last_words(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(LAST_WORDS)));
        limit.as_mut().poll(context)
    }

    /// Says that nothing more comes.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // The connection is over, however this ends.
        Pin::new(&mut self.stream).poll_shutdown(context).map(|_| ())
    }
}

impl<S> Drop for Driver<S> {
    /// Streams that are left learn that nothing follows.
    fn drop(&mut self) {
        lock(&self.shared).fail(Http2Error::closed());
    }
}

/// How much is read at a time, at first and at most.
const LEAST: usize = 4 << 10;
const MOST: usize = 64 << 10;

/// With so many bytes of answers that the peer does not read, it is not read either.
const MOST_UNREAD: usize = 1 << 20;

/// As long as Envoy waits (`delayed_close_timeout`).
const LAST_WORDS: Duration = Duration::from_secs(1);

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;

use super::ReadAhead;
use super::frame::FRAME_HEADER;
use super::records::Records;
use super::settings::OPENING;

/// A connection of any of our kinds.
#[derive(Debug)]
pub enum Stream {
    /// Plaintext over TCP.
    Tcp(ReadAhead<TcpStream>),
    /// TLS over TCP.
    Tls(Box<tokio_rustls::TlsStream<ReadAhead<TcpStream>>>),
    /// Plaintext over a unix socket.
    Unix(ReadAhead<UnixStream>),
    /// TLS over a unix socket, to a server.
    UnixTls(Box<tokio_rustls::client::TlsStream<ReadAhead<UnixStream>>>),
}

impl Stream {
    pub(super) fn is_plaintext(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Unix(_))
    }

    /// The records below TLS, if they are looked at one at a time.
    fn records(&self) -> Option<&Records> {
        match self {
            Self::Tls(stream) => stream.get_ref().0.records(),
            Self::UnixTls(stream) => stream.get_ref().0.records(),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(ReadAhead::new(stream))
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(ReadAhead::new(stream))
    }
}

macro_rules! on_each {
    ($this:expr, $stream:ident => $call:expr) => {
        match $this.get_mut() {
            Self::Tcp($stream) => $call,
            Self::Tls($stream) => $call,
            Self::Unix($stream) => $call,
            Self::UnixTls($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = on_each!(Pin::new(&mut *this), stream => Pin::new(stream).poll_read(context, buffer));
        if buffer.filled().len() > before
            && let Some(records) = this.records()
        {
            records.had_data();
        }
        result
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_each!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self, stream => Pin::new(stream).poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_each!(self, stream => Pin::new(stream).poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::UnixTls(stream) => stream.is_write_vectored(),
        }
    }
}

/// A stream that returns again the bytes that were read from it already, and reports what went over it.
///
/// hyper turns a failed read into an error of its own and loses the alert that TLS found there. The [`Wire`]
/// still has it. A failed write is followed by one more read for the same reason: a server that refuses our
/// certificate sends its alert and closes, and our write often fails before we have read it.
#[derive(Debug)]
pub(super) struct Replayed {
    first: Bytes,
    stream: Stream,
    wire: Arc<Wire>,
    /// How many bytes are still to be shown to the [`Wire`].
    unheard: usize,
}

/// What a [`Replayed`] stream reports.
#[derive(Debug, Default)]
pub(super) struct Wire {
    last_error: Mutex<Option<io::Error>>,
    heard: Mutex<Vec<u8>>,
    news: Notify,
    cut: AtomicBool,
    /// Something was read since this was last asked.
    has_heard: AtomicBool,
    /// Who reads, and has found nothing.
    reader: Mutex<Option<Waker>>,
}

/// Ends a stream from outside, if it is still there: its reader finds an error.
#[derive(Debug)]
pub(crate) struct Cut(Weak<Wire>);

impl Cut {
    pub(super) fn new(wire: &Arc<Wire>) -> Self {
        Self(Arc::downgrade(wire))
    }

    /// Ends it now. Its reader finds these words.
    pub(crate) fn because(self, words: &str) {
        let error = io::Error::new(io::ErrorKind::ConnectionAborted, words);
        self.0.upgrade().inspect(|wire| wire.give_up(&error));
    }

    /// True when there is nothing to end any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.upgrade().inspect(|wire| wire.cut());
    }
}

impl Wire {
    /// Takes out the error that ended the stream; `None` when it did not fail.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        lock(&self.last_error).take()
    }

    /// The error that ended the stream; it stays for [`Wire::take_error`].
    pub(super) fn error(&self) -> Option<io::Error> {
        lock(&self.last_error).as_ref().map(copy)
    }

    /// Waits for the first frame header and returns it.
    pub(super) async fn first_frame_header(&self) -> Vec<u8> {
        loop {
            let news = self.news.notified();
            let heard = self.heard();
            if heard.len() >= FRAME_HEADER {
                return heard;
            }
            news.await;
        }
    }

    /// Waits until something more is read.
    pub(super) async fn more(&self) {
        self.news.notified().await;
    }

    /// Whether something was read since the last time that this was asked.
    pub(super) fn has_heard(&self) -> bool {
        self.has_heard.swap(false, Ordering::Relaxed)
    }

    /// Ends the stream for this reason.
    pub(super) fn give_up(&self, error: &io::Error) {
        self.keep(error);
        self.cut();
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        if let Some(reader) = lock(&self.reader).take() {
            reader.wake();
        }
    }

    /// How a cut looks to those who read and write.
    fn why_cut(&self) -> io::Error {
        lock(&self.last_error).as_ref().map_or_else(|| io::ErrorKind::ConnectionAborted.into(), copy)
    }

    /// What has come of the first frame header.
    pub(super) fn heard(&self) -> Vec<u8> {
        let heard = lock(&self.heard);
        heard[..heard.len().min(FRAME_HEADER)].to_vec()
    }

    /// What has come of the first frame.
    pub(super) fn opening(&self) -> Vec<u8> {
        lock(&self.heard).clone()
    }

    /// Nothing is there to read: pending, unless the stream was cut.
    fn wait<T>(&self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let mut reader = lock(&self.reader);
        // Looked at below the lock, so that a cut either finds the waker or is seen here.
        if self.cut.load(Ordering::Acquire) {
            drop(reader);
            return Poll::Ready(Err(self.why_cut()));
        }
        match reader.as_mut() {
            Some(waker) => waker.clone_from(context.waker()),
            None => *reader = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    // The first error is the cause, later ones are its consequences. But an alert that is read after a
    // failed write explains that write.
    fn keep(&self, error: &io::Error) {
        let mut kept = lock(&self.last_error);
        if kept.is_none() || tls(error).is_some() && kept.as_ref().and_then(tls).is_none() {
            *kept = Some(copy(error));
        }
    }
}

impl Replayed {
    pub(super) fn new(first: Bytes, stream: Stream) -> (Self, Arc<Wire>) {
        let wire = Arc::new(Wire { heard: Mutex::new(first.to_vec()), ..Wire::default() });
        let unheard = OPENING.saturating_sub(first.len());
        (Self { first, stream, wire: Arc::clone(&wire), unheard }, wire)
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.wire.keep(error))
    }

    fn show(&mut self, bytes: &[u8]) {
        let length = bytes.len().min(self.unheard);
        self.unheard -= length;
        lock(&self.wire.heard).extend_from_slice(&bytes[..length]);
    }

    /// What becomes of a write. A peer that does not read makes it wait without end, and nothing is read in that time.
    fn written<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let result = match result {
            Poll::Pending if self.wire.cut.load(Ordering::Acquire) => {
                return Poll::Ready(Err(self.wire.why_cut()));
            }
            Poll::Pending => return Poll::Pending,
            Poll::Ready(result) => self.note(result),
        };
        if result.is_err() {
            self.hear_out(context);
        }
        Poll::Ready(result)
    }

    /// Reads what the peer said before it closed: it is still in the receive buffer.
    fn hear_out(&mut self, context: &mut Context<'_>) {
        let mut space = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(Err(error)) => return self.wire.keep(&error),
                Poll::Ready(Ok(())) | Poll::Pending => return,
            }
        }
    }
}

impl AsyncRead for Replayed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            let length = this.first.len().min(buffer.remaining());
            buffer.put_slice(&this.first[..length]);
            this.first.advance(length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(context, buffer) else {
            return this.wire.wait(context);
        };
        this.wire.has_heard.store(true, Ordering::Relaxed);
        if this.unheard > 0 {
            this.show(&buffer.filled()[before..]);
        }
        this.wire.news.notify_waiters();
        Poll::Ready(this.note(result))
    }
}

impl AsyncWrite for Replayed {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(context, result)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_flush(context);
        this.written(context, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn copy(error: &io::Error) -> io::Error {
    match (tls(error), error.raw_os_error()) {
        (Some(tls), _) => io::Error::new(error.kind(), tls.clone()),
        (None, Some(code)) => io::Error::from_raw_os_error(code),
        (None, None) => io::Error::new(error.kind(), error.to_string()),
    }
}

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Farewell;
use super::frame::FRAME_HEADER;

/// A stream below h2 that remembers what the peer says in GOAWAY: h2 does not tell it if the peer ends the connection in good
/// order. Nothing is changed.
#[derive(Debug)]
pub(super) struct Overheard<S> {
    stream: S,
    frames: Frames,
    heard: Heard,
}

/// What the peer said in GOAWAY, as soon as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<Farewell>>>);

impl Heard {
    pub(super) fn farewell(&self) -> Option<Farewell> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Of several, the one that says why.
    fn note(&self, farewell: Farewell) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_none() || !farewell.is_bare() {
            *heard = Some(farewell);
        }
    }
}

impl<S> Overheard<S> {
    pub(super) fn new(stream: S) -> (Self, Heard) {
        let heard = Heard::default();
        (Self { stream, frames: Frames::default(), heard: heard.clone() }, heard)
    }
}

/// Where one frame ends and the next begins.
#[derive(Debug, Default)]
struct Frames {
    /// What has come of a frame's header.
    header: Vec<u8>,
    /// What has not come of its payload.
    left: usize,
    /// The beginning of a GOAWAY.
    kept: Vec<u8>,
}

impl Frames {
    /// Goes on with what was read, and gives each GOAWAY that is whole to `hear`.
    fn read(&mut self, mut octets: &[u8], mut hear: impl FnMut(Farewell)) {
        while !octets.is_empty() {
            let wanted = FRAME_HEADER - self.header.len();
            if wanted > 0 {
                let (here, rest) = octets.split_at(wanted.min(octets.len()));
                self.header.extend_from_slice(here);
                octets = rest;
                if let [a, b, c, ..] = *self.header
                    && self.header.len() == FRAME_HEADER
                {
                    self.left = u32::from_be_bytes([0, a, b, c]) as usize;
                }
            } else {
                let (here, rest) = octets.split_at(self.left.min(octets.len()));
                if self.header[KIND] == GOAWAY {
                    let room = MOST_KEPT.saturating_sub(self.kept.len());
                    self.kept.extend_from_slice(&here[..here.len().min(room)]);
                }
                self.left -= here.len();
                octets = rest;
            }
            if self.header.len() == FRAME_HEADER && self.left == 0 {
                Farewell::read(&self.kept).into_iter().for_each(&mut hear);
                self.header.clear();
                self.kept.clear();
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        this.frames.read(&buffer.filled()[before..], |farewell| this.heard.note(farewell));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
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

/// In a frame's header (RFC 9113 section 4.1).
const KIND: usize = 3;

const GOAWAY: u8 = 7;

/// Two numbers, and more words than are told.
const MOST_KEPT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(pieces: usize, octets: &[u8]) -> Vec<String> {
        let (mut frames, mut heard) = (Frames::default(), Vec::new());
        for piece in octets.chunks(pieces) {
            frames.read(piece, |farewell| heard.push(farewell.to_string()));
        }
        heard
    }

    #[test]
    fn a_farewell_is_heard_wherever_it_stands_and_in_whatever_pieces() {
        let goaway = |words: &[u8]| {
            let length = u8::try_from(8 + words.len()).expect("short");
            [&[0, 0, length, GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0][..], words].concat()
        };
        let (settings, data) = ([0, 0, 0, 4, 0, 0, 0, 0, 0], [0, 0, 3, 0, 0, 0, 0, 0, 1, 7, 7, 7]);
        let octets = [&settings[..], &goaway(b""), &data, &settings, &goaway(b"max_age"), &data].concat();
        for pieces in 1..octets.len() {
            assert_eq!(heard(pieces, &octets), ["GOAWAY NO_ERROR", "GOAWAY NO_ERROR: max_age"]);
        }
        let long =
            [&[0, 255, 255, GOAWAY, 0, 0, 0, 0, 0][..], &[0; 8], &[b'a'; 65_527], &goaway(b"")].concat();
        assert_eq!(heard(4096, &long).len(), 2);
    }
}

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::task::{Context, Waker};

use bytes::Bytes;

use super::Http2Error;
use super::fields::{Fields, Judged, ResponseHead};

/// Streams by their number. In boxes, so that a connection with one call has a small map.
pub(super) type Streams = HashMap<u32, Box<Stream>, BuildHasherDefault<IdHasher>>;

/// One stream of a connection (RFC 9113 section 5.1).
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// How many handles there are of it. Without one, and over, it is forgotten.
    pub(super) handles: u8,
    /// It is a call that was not taken yet.
    pub(super) is_new: bool,
    /// The task of the call: it has all handles.
    waker: Option<Waker>,
    pub(super) receiving: Receiving,
    pub(super) sending: Sending,
    /// It is one of the concurrent ones.
    pub(super) is_counted: bool,
    /// Why it ended early. What has come before can still be read.
    pub(super) failed: Option<Http2Error>,
}

/// What comes from the peer.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    /// Of a response.
    pub(super) head: Option<Box<Judged<ResponseHead>>>,
    /// A head has come, of a request or of a response.
    pub(super) has_head: bool,
    pub(super) data: VecDeque<Bytes>,
    pub(super) trailers: Option<Judged<Fields>>,
    /// All of it has come.
    pub(super) is_over: bool,
    /// How many bytes the peer may send.
    pub(super) window: i64,
    /// How many bytes were read that the peer has not been told of.
    pub(super) released: u32,
    /// How many bytes are missing from what `content-length` said.
    pub(super) missing: Option<u64>,
}

/// What goes to the peer.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// Its first frame has been sent.
    pub(super) is_begun: bool,
    /// How it ends, if that was said before it could begin: a body needs room, and has to wait.
    pub(super) early_end: Option<Fields>,
    /// All of it has been sent.
    pub(super) is_over: bool,
    /// How many bytes the peer takes more than it takes of each stream at first. A change of that moves all windows at once.
    pub(super) more: i64,
    /// It stands in the queue for the room of the connection.
    pub(super) is_queued: bool,
}

impl Sending {
    /// How many bytes the peer takes, if it takes `first` of each stream at first. May be below zero (section 6.9.2).
    pub(super) fn window(&self, first: u32) -> i64 {
        i64::from(first) + self.more
    }
}

impl Stream {
    pub(super) fn new(receive_window: u32) -> Self {
        let receiving = Receiving { window: i64::from(receive_window), ..Receiving::default() };
        Self { receiving, ..Self::default() }
    }

    /// Neither side has anything more to say.
    pub(super) fn is_over(&self) -> bool {
        self.failed.is_some() || (self.receiving.is_over && self.sending.is_over)
    }

    /// The task of `context` is woken by what happens next.
    pub(super) fn wait(&mut self, context: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
    }

    /// Something has happened.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// It ends early. The first reason counts.
    pub(super) fn fail(&mut self, error: Http2Error) {
        if !self.is_over() {
            self.failed = Some(error);
            self.wake();
        }
    }
}

/// Numbers of streams are spread well enough by one multiplication.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

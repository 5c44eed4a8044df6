mod control;
mod life;
mod receive;
mod say;
mod turns;

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use h2::Reason;

use super::error::{Http2Error, Side, Violation};
use super::fields::{Judged, RequestHead};
use super::frame::{FRAME_HEADER, Head, LARGEST_WINDOW, PREFACE, SETTINGS};
use super::hpack::{Decoder, Encoder};
use super::limits::Limits;
use super::octets::Octets;
use super::outbox::Outbox;
use super::ping::PingState;
use super::remembered::Remembered;
use super::said::Said;
use super::stream::Streams;

/// A connection, shared by the task that reads and writes and by the handles of its streams.
pub(in crate::http2) type Shared = Arc<Mutex<State>>;

pub(in crate::http2) fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of a connection. Frames are encoded here as soon as they are said, in their order.
#[derive(Debug)]
pub(in crate::http2) struct State {
    role: Role,
    pub(in crate::http2) limits: Limits,
    peer: Peer,
    pub(in crate::http2) streams: Streams,
    /// How many of them count as concurrent ones.
    concurrent: u32,
    encoder: Encoder,
    decoder: Decoder,
    pub(in crate::http2) out: Outbox,
    /// How many bytes have our first words, with the answer to those of the peer and heads of answers, while they may wait for
    /// more.
    held: Option<usize>,
    /// The peer's first frame has come (section 3.4).
    has_settings: bool,
    /// The block of a message whose end has not come yet.
    block: Option<Block>,
    /// How many bytes the peer takes on all streams together, and how many it may send.
    send_window: i64,
    receive_window: i64,
    /// The peer has changed how much it takes of each stream.
    has_new_windows: bool,
    /// Streams that wait for their turn to use the room of the connection.
    queue: VecDeque<u32>,
    /// Whose turn it is.
    turn: Option<u32>,
    pub(in crate::http2) pings: PingState,
    /// Streams that we have reset not long ago.
    remembered: Remembered,
    /// How many streams of the peer were malformed.
    malformed: usize,
    pub(in crate::http2) said: Said,
    /// Why the connection is over.
    pub(in crate::http2) over: Option<Http2Error>,
    /// The task that reads and writes.
    task: Option<Waker>,
    is_woken: bool,
}

/// Which end of the connection we are.
#[derive(Debug)]
pub(in crate::http2) enum Role {
    Client {
        /// The number of our next stream.
        next: u32,
        /// Calls that the peer has no room for yet, in the order of their numbers.
        unopened: VecDeque<Unopened>,
        /// No calls are begun any more.
        is_abandoned: bool,
        /// What the peer has said about new streams.
        refused: Option<Http2Error>,
    },
    Server {
        /// The last stream that the peer has begun.
        last: u32,
        /// Calls that were not taken yet.
        arrived: VecDeque<(u32, Box<Judged<RequestHead>>)>,
        /// How many of them the peer has given up already.
        given_up: u32,
        /// No streams after this one are taken.
        end: Option<u32>,
    },
}

/// A call that waits for the peer's room.
#[derive(Debug)]
pub(in crate::http2) struct Unopened {
    id: u32,
    head: RequestHead,
    is_bodiless: bool,
}

/// A header block in the making.
#[derive(Debug)]
struct Block {
    head: Head,
    octets: Vec<u8>,
    /// How many bytes its frames have.
    received: usize,
}

/// What the peer has said in SETTINGS (section 6.5.2).
#[derive(Debug)]
struct Peer {
    window: u32,
    frame_size: usize,
    concurrent_streams: u32,
}

impl Role {
    pub(in crate::http2) fn client() -> Self {
        Self::Client { next: 1, unopened: VecDeque::new(), is_abandoned: false, refused: None }
    }

    pub(in crate::http2) fn server() -> Self {
        Self::Server { last: 0, arrived: VecDeque::new(), given_up: 0, end: None }
    }
}

impl State {
    pub(in crate::http2) fn new(role: Role, limits: Limits) -> Self {
        let mut this = Self {
            role,
            limits,
            peer: Peer { window: USUAL_WINDOW, frame_size: USUAL_FRAME, concurrent_streams: u32::MAX },
            streams: Streams::default(),
            concurrent: 0,
            encoder: Encoder::new(),
            decoder: Decoder::new(),
            out: Outbox::default(),
            held: None,
            has_settings: false,
            block: None,
            send_window: i64::from(USUAL_WINDOW),
            receive_window: LARGEST_WINDOW,
            has_new_windows: false,
            queue: VecDeque::new(),
            turn: None,
            pings: PingState::default(),
            remembered: Remembered::default(),
            malformed: 0,
            said: Said::default(),
            over: None,
            task: None,
            is_woken: false,
        };
        this.begin();
        this
    }

    /// Our part of the preface (section 3.4).
    fn begin(&mut self) {
        let Limits { stream_window, frame_size, told_header_list, concurrent_streams, .. } = self.limits;
        let (first, special) = match self.role {
            Role::Client { .. } => (&PREFACE[..], (2, 0)),
            Role::Server { .. } => (&[][..], (3, concurrent_streams)),
        };
        let settings = [special, (4, stream_window), (5, frame_size), (6, told_header_list)];
        self.out.write(|out| {
            out.extend_from_slice(first);
            out.extend_from_slice(&Head::new(6 * settings.len(), SETTINGS, 0, 0).octets());
            for (name, value) in settings {
                let name: u16 = name;
                out.extend_from_slice(&name.to_be_bytes());
                out.extend_from_slice(&value.to_be_bytes());
            }
        });
        self.window_update(0, (LARGEST_WINDOW - i64::from(USUAL_WINDOW)) as u32);
    }

    pub(in crate::http2) fn is_client(&self) -> bool {
        matches!(self.role, Role::Client { .. })
    }

    /// The task of `context` is woken when there is something to write.
    pub(in crate::http2) fn attend(&mut self, context: &Context<'_>) {
        self.is_woken = false;
        match &mut self.task {
            Some(task) => task.clone_from(context.waker()),
            None => self.task = Some(context.waker().clone()),
        }
    }

    /// Our first words may wait for the first answer: see [`State::holds_back`].
    pub(in crate::http2) fn hold_back(&mut self) {
        // They have been sent if the peer's came in pieces.
        self.held = (!self.out.is_empty()).then(|| self.out.len() + FRAME_HEADER);
    }

    /// Whether nothing was said but our first words and heads of answers, and either the peer's own are not complete, or
    /// nothing but answers can follow. A peer that began with whole calls did not wait for our SETTINGS, and with less than a
    /// whole call it may need the room that they give.
    pub(in crate::http2) fn holds_back(&self) -> bool {
        let has_asked =
            || !self.streams.is_empty() && self.streams.values().all(|stream| stream.receiving.is_over);
        self.held.is_some_and(|most| self.out.len() <= most)
            && self.over.is_none()
            && (!self.has_settings || has_asked())
    }

    /// What was said waits for nothing any more.
    pub(in crate::http2) fn speak(&mut self) {
        self.held = None;
    }

    /// There is something to write.
    pub(in crate::http2) fn wake(&mut self) {
        if !mem::replace(&mut self.is_woken, true)
            && let Some(task) = &self.task
        {
            task.wake_by_ref();
        }
    }

    /// Nothing more is said or read.
    pub(in crate::http2) fn fail(&mut self, error: Http2Error) {
        if self.over.is_some() {
            return;
        }
        for stream in self.streams.values_mut() {
            stream.fail(error.clone());
        }
        match &mut self.role {
            Role::Server { arrived, .. } => {
                for (id, _) in arrived.drain(..) {
                    self.streams.remove(&id);
                }
            }
            Role::Client { unopened, .. } => unopened.clear(),
        }
        self.pings.fail();
        self.over = Some(error);
        self.streams.retain(|_, stream| stream.handles > 0);
        self.wake();
    }

    /// The peer has done what it must not do.
    pub(in crate::http2) fn punish(&mut self, violation: Violation) {
        match violation {
            Violation::Connection(reason) => {
                // It must not grow (section 6.8).
                let last = match &self.role {
                    Role::Server { last, end, .. } => end.unwrap_or(*last),
                    Role::Client { .. } => 0,
                };
                self.goaway(last, reason);
                self.fail(Http2Error::GoAway { by: Side::Us, reason });
            }
            Violation::Stream(id, reason) => {
                self.malformed += 1;
                match self.limits.malformed_streams {
                    Some(most) if self.malformed > most => {
                        self.punish(Violation::Connection(Reason::ENHANCE_YOUR_CALM));
                    }
                    _ => self.reset(id, reason),
                }
            }
        }
    }

    /// Takes whole frames, and gives how many bytes are missing from the one behind them.
    pub(in crate::http2) fn take(&mut self, read: &mut impl Octets) -> usize {
        self.receive(read).and_then(|missing| self.look_at_windows().map(|()| missing)).unwrap_or_else(
            |violation| {
                self.punish(violation);
                0
            },
        )
    }

    /// Ends the connection if it has nothing more to do.
    pub(in crate::http2) fn finish(&mut self) {
        if !self.can_finish() {
            return;
        }
        if self.is_client() {
            self.goaway(0, Reason::NO_ERROR);
        }
        self.fail(Http2Error::closed());
    }

    /// Whether all has been said and written, and nothing more will come.
    pub(in crate::http2) fn can_finish(&self) -> bool {
        let is_leaving = match &self.role {
            Role::Client { is_abandoned, refused, .. } => *is_abandoned || refused.is_some(),
            Role::Server { end, .. } => end.is_some(),
        };
        is_leaving && self.over.is_none() && !self.is_busy()
    }

    /// Whether there is a stream, or a part of one that was not written yet.
    pub(in crate::http2) fn is_busy(&self) -> bool {
        !self.streams.is_empty() || !self.out.is_empty()
    }

    /// Whether it has no use for its buffers.
    pub(in crate::http2) fn is_idle_now(&self) -> bool {
        self.streams.is_empty() && self.block.is_none()
    }

    /// Gives back the room of a connection that is idle.
    pub(in crate::http2) fn shrink(&mut self) {
        self.out.shrink();
        self.streams.shrink_to_fit();
        self.queue.shrink_to_fit();
        if let Role::Server { arrived, .. } = &mut self.role {
            arrived.shrink_to_fit();
        }
    }
}

/// What a connection has until its peer says something else (section 6.5.2).
const USUAL_WINDOW: u32 = 65_535;
const USUAL_FRAME: usize = 16_384;

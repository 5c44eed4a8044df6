//! From the beginning of a stream to its end (RFC 9113 section 5.1).

use std::mem;

use h2::Reason;

use super::{Role, State, Unopened};
use crate::http2::error::{Http2Error, Side};
use crate::http2::fields::{Judged, RequestHead};
use crate::http2::frame::{LARGEST_ID, RST_STREAM};

impl State {
    /// The next call that was not taken yet.
    pub(in crate::http2) fn arrived(&mut self) -> Option<(u32, Box<Judged<RequestHead>>)> {
        match &mut self.role {
            Role::Server { arrived, given_up, .. } => {
                let next = arrived.pop_front();
                if next.is_none() {
                    *given_up = 0;
                }
                next
            }
            Role::Client { .. } => None,
        }
    }

    /// Why there can be no new streams of ours.
    pub(in crate::http2) fn refusal(&self) -> Option<Http2Error> {
        let Role::Client { next, refused, .. } = &self.role else { return None };
        let is_exhausted = || (*next > LARGEST_ID).then(Http2Error::closed);
        self.over.clone().or_else(|| refused.clone()).or_else(is_exhausted)
    }

    /// The number of the next stream of ours.
    pub(in crate::http2) fn next_id(&mut self) -> u32 {
        let Role::Client { next, .. } = &mut self.role else { return 0 };
        let id = *next;
        *next += 2;
        id
    }

    /// Begins a stream of ours, or lets it wait for the peer's room.
    pub(in crate::http2) fn call(&mut self, id: u32, head: &RequestHead, is_bodiless: bool) {
        let has_room = self.can_open();
        match &mut self.role {
            Role::Client { unopened, .. } if !has_room || !unopened.is_empty() => {
                unopened.push_back(Unopened { id, head: head.clone(), is_bodiless });
            }
            _ => {
                self.open(id, head, is_bodiless);
                self.wake();
            }
        }
    }

    /// No calls are begun any more.
    pub(in crate::http2) fn abandon(&mut self) {
        if let Role::Client { is_abandoned, .. } = &mut self.role {
            *is_abandoned = true;
            self.wake();
        }
    }

    /// Ends a stream early.
    pub(in crate::http2) fn reset(&mut self, id: u32, reason: Reason) {
        self.frame(RST_STREAM, 0, id, &u32::from(reason).to_be_bytes());
        self.remembered.insert(id);
        self.end(id, Http2Error::Reset { by: Side::Us, reason });
        self.wake();
    }

    /// A stream has ended early.
    pub(in crate::http2) fn end(&mut self, id: u32, error: Http2Error) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.is_over() {
            return;
        }
        stream.fail(error);
        self.settle_over(id);
    }

    /// Forgets a stream if it is over.
    pub(in crate::http2) fn settle(&mut self, id: u32) {
        if self.streams.get(&id).is_some_and(|stream| stream.is_over()) {
            self.settle_over(id);
        }
    }

    fn settle_over(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let is_held = stream.handles > 0 || stream.is_new;
        if mem::take(&mut stream.is_counted) {
            self.concurrent -= 1;
        }
        if !is_held {
            self.forget(id);
        }
        self.open_more();
    }

    fn forget(&mut self, id: u32) {
        let forgotten = self.streams.remove(&id);
        if let Role::Client { unopened, .. } = &mut self.role
            && forgotten.is_some_and(|stream| !stream.sending.is_begun)
            && let Ok(place) = unopened.binary_search_by_key(&id, |unopened| unopened.id)
        {
            unopened.remove(place);
        }
        if self.streams.is_empty() {
            // The task looks whether the connection has to end.
            self.wake();
        }
    }

    /// A handle of a stream is gone.
    pub(in crate::http2) fn drop_handle(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.handles -= 1;
        if stream.handles > 0 {
            return;
        }
        // Or the peer has never heard of it.
        if stream.is_over() || !stream.sending.is_begun {
            return self.forget(id);
        }
        // The answer is complete, and the rest of the request is not wanted (section 8.1).
        let is_answered = stream.sending.is_over && !self.is_client();
        self.reset(id, if is_answered { Reason::NO_ERROR } else { Reason::CANCEL });
    }
}

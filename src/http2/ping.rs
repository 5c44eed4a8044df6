use std::task::{Context, Poll, Waker};

/// PINGs of ours that were not answered yet (RFC 9113 section 6.7).
#[derive(Debug, Default)]
pub(super) struct PingState {
    asked: Asked,
    waker: Option<Waker>,
    is_leaving: bool,
}

#[derive(Debug, Default, Eq, PartialEq)]
enum Asked {
    #[default]
    No,
    Waiting,
    Answered,
    Over,
}

impl PingState {
    pub(super) const USER: [u8; 8] = *b"egext ok";
    pub(super) const LEAVING: [u8; 8] = *b"egext go";

    /// False if it was said before.
    pub(super) fn leave(&mut self) -> bool {
        !std::mem::replace(&mut self.is_leaving, true)
    }

    /// False if one of the user's is under way.
    pub(super) fn ask(&mut self) -> bool {
        let is_new = self.asked != Asked::Waiting;
        self.asked = Asked::Waiting;
        is_new
    }

    /// Ready when the user's has been answered.
    pub(super) fn poll_answer(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.asked == Asked::Answered {
            self.asked = Asked::No;
            return Poll::Ready(());
        }
        self.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// True if that is the answer to the one that follows GOAWAY. What a peer has made up is the answer to none.
    pub(super) fn answered(&mut self, payload: [u8; 8]) -> bool {
        if payload == Self::USER && self.asked == Asked::Waiting {
            self.now(Asked::Answered);
        }
        payload == Self::LEAVING && self.is_leaving
    }

    /// The connection is over.
    pub(super) fn fail(&mut self) {
        self.now(Asked::Over);
    }

    fn now(&mut self, asked: Asked) {
        self.asked = asked;
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

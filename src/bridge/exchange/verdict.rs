//! What the end of a call means, and what its caller is told.

use h2::Reason;
use tonic::Code;

use super::Exchange;
use crate::bridge::answer::Answer;
use crate::bridge::call_log::status;
use crate::bridge::checked::{Whose, checked};
use crate::bridge::phase::Lifecycle;
use crate::bridge::upstream::silence;
use crate::http2::{Fields, Http2Error, Judged, Said, Side};

impl Exchange<'_> {
    pub(super) fn is_late_cancel(&self, code: Option<i32>) -> bool {
        code == Some(Code::Cancelled as i32) && self.deadline.is_some_and(|deadline| deadline.has_passed())
    }

    /// The upstream's trailers, or what they mean.
    pub(super) fn judged(&mut self, trailers: Judged<Fields>) -> Fields {
        match checked(trailers, Whose::Server) {
            Err(answer) => self.told(answer),
            Ok(trailers) => {
                let code = status(&trailers);
                if self.is_late_cancel(code) {
                    return self.told(self.too_late());
                }
                self.log.answered_by_server(code);
                trailers
            }
        }
    }

    /// An answer of the bridge, after a part of the server's has been sent.
    pub(super) fn told(&mut self, answer: Answer) -> Fields {
        self.log.answered_by_bridge(answer.code());
        self.bridge.unanswered(self.log, answer.code());
        answer.into_trailers()
    }

    /// True if the bridge has closed the upstream because it stops.
    pub(super) fn is_cut_by_us(&self) -> bool {
        *self.bridge.phase.borrow() == Lifecycle::Cutting
    }

    pub(super) fn cut(&self, error: &Http2Error) -> Answer {
        if self.is_cut_by_us() {
            return Answer::stopping();
        }
        let is_cancel = matches!(error, Http2Error::Reset { by: Side::Peer, reason: Reason::CANCEL });
        match is_cancel && self.is_late_cancel(Some(Code::Cancelled as i32)) {
            true => self.too_late(),
            false => {
                let upstream = self.bridge.upstream.address();
                if let Http2Error::Io(error) = error
                    && let Some(silence) = silence(upstream, error)
                {
                    return Answer::of_finding(&silence);
                }
                let farewell = self.said.as_ref().and_then(Said::so_far);
                Answer::of_cut(error, farewell.as_ref())
            }
        }
    }

    pub(super) fn too_late(&self) -> Answer {
        let upstream = self.bridge.upstream.address();
        match &self.deadline {
            Some(deadline) => deadline.answer(self.log.path(), upstream),
            None => Answer::new(Code::DeadlineExceeded, "the call's limit has passed"),
        }
    }
}

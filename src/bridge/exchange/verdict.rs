//! What the end of a call means, and what its caller is told.

use h2::Reason;
use http::HeaderMap;
use tonic::Code;

use super::Exchange;
use crate::bridge::answer::Answer;
use crate::bridge::call_log::status;
use crate::bridge::headers_of::HeadersOf;
use crate::bridge::phase::Lifecycle;
use crate::bridge::upstream::silence;

impl Exchange<'_> {
    pub(super) fn is_late_cancel(&self, code: Option<i32>) -> bool {
        code == Some(Code::Cancelled as i32) && self.deadline.is_some_and(|deadline| deadline.has_passed())
    }

    /// The upstream's trailers, or what they mean.
    pub(super) fn judged(&mut self, trailers: HeaderMap) -> HeaderMap {
        let code = status(&trailers);
        match self.check_answer() {
            Err(answer) => self.told(answer),
            Ok(()) if self.is_late_cancel(code) => self.told(self.too_late()),
            Ok(()) => {
                self.log.answered_by_server(code);
                trailers
            }
        }
    }

    /// An answer of the bridge, after a part of the server's has been sent.
    pub(super) fn told(&mut self, answer: Answer) -> HeaderMap {
        self.log.answered_by_bridge(answer.code());
        self.bridge.unanswered(self.log, answer.code());
        answer.into_trailers()
    }

    pub(super) fn check_answer(&self) -> Result<(), Answer> {
        self.answered.as_ref().map_or(Ok(()), HeadersOf::check)
    }

    /// True if the bridge has closed the upstream because it stops.
    pub(super) fn is_cut_by_us(&self) -> bool {
        *self.bridge.phase.borrow() == Lifecycle::Cutting
    }

    pub(super) fn cut(&self, error: &h2::Error) -> Answer {
        if self.is_cut_by_us() {
            return Answer::stopping();
        }
        if let Err(answer) = self.check_answer() {
            return answer;
        }
        let is_cancel = error.is_reset() && error.is_remote() && error.reason() == Some(Reason::CANCEL);
        match is_cancel && self.is_late_cancel(Some(Code::Cancelled as i32)) {
            true => self.too_late(),
            false => {
                let upstream = self.bridge.upstream.address();
                if let Some(silence) = error.get_io().and_then(|error| silence(upstream, error)) {
                    return Answer::of_finding(&silence);
                }
                let farewell = self.answered.as_ref().and_then(HeadersOf::farewell);
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

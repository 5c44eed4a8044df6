use super::answer::Answer;
use crate::http2::Judged;

/// Who has sent header fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    Caller,
    Server,
}

/// Header fields that have no fault.
pub(super) trait Checked<T> {
    /// # Errors
    /// The answer to a call with a fault in its fields.
    fn checked(self, whose: Whose) -> Result<T, Answer>;
}

impl<T> Checked<T> for Judged<T> {
    fn checked(self, whose: Whose) -> Result<T, Answer> {
        let words = match whose {
            Whose::Caller => "the call's header fields",
            Whose::Server => "the header fields of the extension server's answer",
        };
        self.fault.map_or(Ok(self.message), |fault| Err(Answer::of_header_fault(words, &fault)))
    }
}

use super::answer::Answer;
use crate::http2::Judged;

/// Who has sent header fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    Caller,
    Server,
}

/// A message whose header fields have no fault.
///
/// # Errors
/// The answer to a call with a fault in them.
pub(super) fn checked<T>(judged: Judged<T>, whose: Whose) -> Result<T, Answer> {
    let words = match whose {
        Whose::Caller => "the call's header fields",
        Whose::Server => "the header fields of the extension server's answer",
    };
    judged.fault.map_or(Ok(judged.message), |fault| Err(Answer::of_header_fault(words, &fault)))
}

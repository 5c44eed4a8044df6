use crate::report::Hint;

/// The values of two flags of which neither is of use alone, or none.
// clap sees to it for what was typed. A variable makes no requirement there, since it may be meant for another command.
pub(super) fn both<A, B>(
    (first, a): (&'static str, Option<A>),
    (second, b): (&'static str, Option<B>),
) -> Result<Option<(A, B)>, Alone> {
    match (a, b) {
        (Some(a), Some(b)) => Ok(Some((a, b))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Alone { given: first, missing: second }),
        (None, Some(_)) => Err(Alone { given: second, missing: first }),
    }
}

/// The user gave a flag without another that it needs.
#[derive(Debug, thiserror::Error)]
#[error("`{given}` is given without `{missing}`")]
pub struct Alone {
    pub(super) given: &'static str,
    pub(super) missing: &'static str,
}

impl Hint for Alone {
    fn hint(&self) -> Option<String> {
        Some(format!("give `{}` as well, or leave `{}` out", self.missing, self.given))
    }
}

use std::borrow::Cow;

use super::Finding;
#[cfg(feature = "cli")]
use crate::printable::printable;

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at, in a word or two, such as `dates`.
    pub name: &'static str,
    /// The file or address that it was looked at in.
    pub subject: String,
    /// The result.
    pub state: State,
}

#[cfg(feature = "cli")]
impl Check {
    pub(super) fn printable(&self) -> Self {
        let state = match &self.state {
            State::Found(findings) => State::Found(findings.iter().map(Finding::printable).collect()),
            State::Passed => State::Passed,
            State::Skipped(reason) => State::Skipped(printable(reason).into()),
        };
        Self { name: self.name, subject: printable(&self.subject), state }
    }
}

/// What came of a check.
#[derive(Clone, Debug)]
pub enum State {
    /// These were found, at least one.
    Found(Vec<Finding>),
    /// Nothing was found.
    Passed,
    /// It could not be looked at, for this reason.
    Skipped(Cow<'static, str>),
}

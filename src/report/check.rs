use std::borrow::Cow;

use super::Finding;

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

use super::{Finding, Layer, Severity};
#[cfg(feature = "cli")]
use crate::printable::printable;

/// What became of one thing that was looked at.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What was looked at, such as an address.
    pub subject: String,
    /// The layer that the finding is about.
    pub layer: Option<Layer>,
    /// The gravest finding, of several the first.
    pub finding: Option<Finding>,
    /// There is an error that was skipped.
    pub skips_error: bool,
}

impl Verdict {
    #[cfg(feature = "cli")]
    pub(super) fn printable(&self) -> Self {
        let finding = self.finding.as_ref().map(Finding::printable);
        Self { subject: printable(&self.subject), finding, ..*self }
    }

    /// In one word, for a program.
    pub fn word(&self) -> &'static str {
        match self.finding.as_ref().map(|finding| finding.severity) {
            Some(Severity::Error) => "failed",
            _ if self.skips_error => "skipped",
            Some(Severity::Warning) => "warning",
            Some(Severity::Info) | None => "ok",
        }
    }
}

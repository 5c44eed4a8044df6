//! What a command found out, as data, and the only code that prints it.
//!
//! A command returns a [`Report`]; a [`Printer`] renders it for a person or as JSON. The exit code is
//! computed from the report, never by a renderer, so all formats agree on it.

mod finding;
mod human;
mod ids;
mod json;
pub mod log;
mod page;
mod printer;
mod talk;

pub use finding::{Evidence, Finding};
pub use ids::{Entry, Id, Severity, UnknownId};
pub use page::{explanation, findings_page};
pub use printer::{Colour, Format, OutputOptions, Printer};
pub use talk::{Line, Role, Talk};

use serde_json::{Map, Value};

/// The result of one command.
#[derive(Debug, Default)]
pub struct Report {
    /// The verbs that were run, such as `certs init`.
    pub command: &'static str,
    /// What was found, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// Nothing is wrong, and something has to be done soon.
    pub due: bool,
    /// What was asked for and can be piped: goes to stdout as it is in human format.
    pub data: Option<String>,
    /// What a person should read: goes to stderr in human format.
    pub talk: Talk,
    /// The command's own keys of the JSON object.
    pub details: Map<String, Value>,
}

impl Report {
    /// An empty report of `command`: status ok.
    pub fn new(command: &'static str) -> Self {
        Self { command, ..Self::default() }
    }

    /// The gravest severity among the findings, if it is at least a warning.
    pub fn status(&self) -> Status {
        match self.findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Error) => Status::Error,
            Some(Severity::Warning) => Status::Warning,
            Some(Severity::Info) | None => Status::Ok,
        }
    }

    /// 1 when a finding is at least as grave as `fail_on`, else 3 when something is due, else 0.
    pub fn exit_code(&self, fail_on: Severity) -> u8 {
        if self.findings.iter().any(|finding| finding.severity >= fail_on) {
            1
        } else if self.due {
            3
        } else {
            0
        }
    }
}

/// The `status` key of the JSON object.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something is broken, or the command could not run.
    Error,
    /// Nothing of note.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
}

/// What to do about an error: kept apart from what happened, rendered after it.
pub trait Hint: std::error::Error {
    /// The next thing to do, usually a command to type.
    fn hint(&self) -> Option<String>;
}

/// `error` and everything behind it, in one line. A cause whose text the line has already is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}

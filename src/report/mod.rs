//! What a command found out, as data: findings, what was looked at, numbers, and the words for a person.

mod check;
mod finding;
mod ids;
mod metric;
mod said;
mod severity;
mod talk;
mod verdict;

pub use check::{Check, State};
pub use finding::{Evidence, Finding, Location};
pub use ids::{Entry, FindingId, Layer, UnknownId};
pub use metric::Metric;
#[cfg(feature = "cli")]
pub(crate) use said::has_long_part;
pub(crate) use said::{MORE_DESCRIPTORS, Said, is_lack_of_descriptors};
pub use severity::Severity;
pub use talk::{Line, Style, Talk};
pub use verdict::Verdict;

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The result of one command.
#[derive(Debug, Default)]
pub struct Report {
    /// The verbs that were run, such as `certs init`.
    pub command: &'static str,
    /// What was found, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// The finding to begin with, if it is not the first of the gravest.
    pub first: Option<FindingId>,
    /// A certificate falls due within the requested period. Only commands that take a period set it: it has an
    /// exit code of its own.
    pub due: bool,
    /// Why it is due, in one line: the only thing about it that is said with `--quiet`, if no finding says it.
    pub reason: Option<String>,
    /// What was looked at, also where nothing was found: for `-o junit`.
    pub checks: Vec<Check>,
    /// Numbers over time: for `-o prometheus`.
    pub metrics: Vec<Metric>,
    /// What became of each thing that was looked at, in one line: for `-o short` and `--quiet`.
    pub verdicts: Vec<Verdict>,
    /// What was asked for, as PEM: for `-o pem`.
    pub pem: Option<String>,
    /// What a person should read, in human format: on stdout, unless `body` takes that.
    pub talk: Talk,
    /// What stands on stdout as it is, in human format.
    pub body: Body,
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
        let failed = self.findings.iter().any(|finding| finding.severity >= fail_on);
        match (failed, self.due) {
            (true, _) => 1,
            (false, true) => 3,
            (false, false) => 0,
        }
    }

    /// What lines of text are made of, with printable texts: names and values of files and peers stand in all of them.
    /// The talk gets its own, and JSON, which escapes without a loss, has the texts as they are.
    #[cfg(feature = "cli")]
    pub(crate) fn printable(&self) -> Self {
        Self {
            command: self.command,
            findings: self.findings.iter().map(Finding::printable).collect(),
            checks: self.checks.iter().map(Check::printable).collect(),
            metrics: self.metrics.iter().map(Metric::printable).collect(),
            verdicts: self.verdicts.iter().map(Verdict::printable).collect(),
            ..Self::default()
        }
    }

    /// Adds the command's own keys of the JSON object: the fields of `details`, in their order.
    pub fn detail(&mut self, details: &impl Serialize) {
        let keys = serde_json::to_value(details).expect("strings, numbers and lists always serialise");
        let Value::Object(keys) = keys else { unreachable!("the details of a command are a struct") };
        self.details.extend(keys);
    }

    /// Adds a finding, for a person and for a program.
    pub fn found(&mut self, finding: Finding) {
        self.talk.finding(&finding);
        self.findings.push(finding);
    }

    /// Adds a check and what it found.
    pub fn check(&mut self, name: &'static str, subject: impl Into<String>, findings: Vec<Finding>) {
        let state = if findings.is_empty() { State::Passed } else { State::Found(findings.clone()) };
        self.checks.push(Check { name, subject: subject.into(), state });
        self.findings.extend(findings);
    }
}

/// What a report has on stdout besides its talk.
#[derive(Debug, Default)]
pub enum Body {
    /// For a program that reads stdout (YAML, PEM, an archive, a script): the talk goes to stderr. Empty for a
    /// process that logs: its last words belong to the log.
    Data(Zeroizing<Vec<u8>>),
    /// Nothing.
    #[default]
    None,
    /// More for the person who reads the talk, on stdout behind it.
    Text(String),
}

impl Body {
    /// Bytes for a program.
    pub fn data(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Data(Zeroizing::new(bytes.into()))
    }
}

/// The `status` key of the JSON object.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something is broken, or the command could not run.
    Error,
    /// No warning and no error.
    Ok,
    /// It works, but it needs attention.
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

/// Each of `words` between backticks, as texts print what was typed.
pub(crate) fn in_backticks(words: impl IntoIterator<Item = impl Display>) -> Vec<String> {
    words.into_iter().map(|word| format!("`{word}`")).collect()
}

/// In words: `a`, `b` and `c`.
pub(crate) fn enumeration(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

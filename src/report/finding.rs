use std::fmt::{self, Display};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{FindingId, Hint, Said, Severity};
#[cfg(feature = "cli")]
use crate::printable::printable;

/// One thing that was found, with a stable id.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable name, listed in `docs/findings.md`.
    pub id: FindingId,
    /// Usually that of the table, sometimes lower.
    pub severity: Severity,
    /// The address or file that it is about, or the key in a file.
    pub subject: String,
    /// Where in a file that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// What happened: lower case, no full stop.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What was expected and what was there.
    #[serde(skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
}

impl Finding {
    /// A finding with the table's severity.
    pub fn new(id: FindingId, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            id,
            severity: id.entry().severity,
            subject: subject.into(),
            location: None,
            message: message.into(),
            hint: None,
            evidence: Evidence::default(),
        }
    }

    /// What keeps one of several things from being looked at, as it would be told if it were the only one.
    pub(crate) fn of_error(id: FindingId, subject: impl Into<String>, error: &dyn Hint) -> Self {
        let Said { message, hint } = Said::of(error);
        Self { hint, ..Self::new(id, subject, message) }
    }

    /// Says where in a file it is.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the cure of its id as hint, if it is more than a note and says nothing itself of what to do next. A command in a
    /// cure does not know the files of this run.
    #[must_use]
    pub fn advised(self) -> Self {
        let cure = self.id.entry().cure;
        let needs_hint = self.hint.is_none() && self.severity != Severity::Info;
        if needs_hint && !cure.contains("`egext ") { self.with_hint(cure) } else { self }
    }

    #[cfg(feature = "cli")]
    pub(super) fn printable(&self) -> Self {
        let location = self.location.clone();
        Self {
            id: self.id,
            severity: self.severity,
            subject: printable(&self.subject),
            location: location.map(|location| Location { path: printable(&location.path), ..location }),
            message: printable(&self.message),
            hint: self.hint.as_deref().map(printable),
            evidence: self.evidence.printable(),
        }
    }

    /// Adds one fact: `expected`, `found` or another key.
    #[must_use]
    pub fn with_evidence(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.evidence.0.insert(key.to_owned(), value.into());
        self
    }
}

/// A place in a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Location {
    /// The file, as it was named; `-` for stdin.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

impl Display for Location {
    /// As compilers and editors write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// The facts behind a finding, by name.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Evidence(Map<String, Value>);

impl Evidence {
    /// True when no fact was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(feature = "cli")]
    fn printable(&self) -> Self {
        // A fact may have lines, such as those of a diff.
        let lines = |words: String| words.split('\n').map(printable).collect::<Vec<_>>().join("\n");
        Self(self.iter().map(|(key, words)| (key.to_owned(), lines(words).into())).collect())
    }

    /// Each fact as name and words.
    pub fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(key, value)| {
            let words = match value {
                Value::String(text) => text.clone(),
                Value::Array(items) => items
                    .iter()
                    .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                    .collect::<Vec<_>>()
                    .join(", "),
                other => other.to_string(),
            };
            (key.as_str(), words)
        })
    }
}

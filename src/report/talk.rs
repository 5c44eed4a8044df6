use std::fmt::{self, Display};

use super::{Finding, Severity};

/// Lines for a person, styled by what a word means, not by its colour.
#[derive(Clone, Debug, Default)]
pub struct Talk(Vec<Line>);

impl Talk {
    /// Adds one line.
    pub fn line(&mut self, line: impl Into<Line>) -> &mut Self {
        self.0.push(line.into());
        self
    }

    /// Adds each line of `text`.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend(text.lines().map(Line::from));
        self
    }

    /// Adds an empty line.
    pub fn blank(&mut self) -> &mut Self {
        self.0.push(Line::default());
        self
    }

    /// Adds a line that says what to do next.
    pub fn hint(&mut self, hint: impl Display) -> &mut Self {
        self.line(Line::default().with(Style::Hint, "hint:").plain(format!(" {hint}")))
    }

    /// Adds a finding: place or subject, message, facts, hint.
    pub fn finding(&mut self, finding: &Finding) -> &mut Self {
        match &finding.location {
            Some(location) => self.finding_called(finding, &location.to_string()),
            None => self.finding_called(finding, &finding.subject),
        }
    }

    /// The same where something else than its subject says what it is about.
    pub fn finding_called(&mut self, finding: &Finding, about: &str) -> &mut Self {
        let (style, mark) = match finding.severity {
            Severity::Error => (Style::Bad, "×"),
            Severity::Warning => (Style::Warn, "‼"),
            Severity::Info => (Style::Dim, "·"),
        };
        self.line(
            Line::default().plain("  ").with(style, mark).plain(format!(" {about}: {}", finding.message)),
        );
        self.finding_details(finding)
    }

    /// Adds the facts and the hint of a finding whose message has been said already.
    pub fn finding_details(&mut self, finding: &Finding) -> &mut Self {
        for (key, words) in finding.evidence.iter() {
            self.fact(key, words);
        }
        if let Some(hint) = &finding.hint {
            self.line(Line::default().plain("    ").with(Style::Hint, "hint:").plain(format!(" {hint}")));
        }
        self
    }

    /// Adds a fact, and what it is, below what it belongs to.
    pub fn fact(&mut self, key: &str, words: impl Display) -> &mut Self {
        let line = Line::default().plain("    ").with(Style::Dim, format!("{key:<9}"));
        self.line(line.plain(format!(" {words}")))
    }

    /// Adds all lines of `other`.
    pub fn append(&mut self, other: Self) -> &mut Self {
        self.0.extend(other.0);
        self
    }

    /// Its lines, from the top down.
    pub fn lines(&self) -> &[Line] {
        &self.0
    }
}

/// One line: words, each with its style.
#[derive(Clone, Debug, Default)]
pub struct Line(Vec<(Style, String)>);

impl Line {
    /// Adds words of no special meaning.
    #[must_use]
    pub fn plain(self, words: impl Into<String>) -> Self {
        self.with(Style::Plain, words)
    }

    /// Adds words with a meaning.
    #[must_use]
    pub fn with(mut self, style: Style, words: impl Into<String>) -> Self {
        self.0.push((style, words.into()));
        self
    }

    /// Its words, from left to right, each with what it means.
    pub fn spans(&self) -> &[(Style, String)] {
        &self.0
    }
}

impl<S: Into<String>> From<S> for Line {
    fn from(words: S) -> Self {
        Self::default().plain(words)
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(_, words)| f.write_str(words))
    }
}

/// What a word means to its reader, which a terminal shows by its colour or weight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Something is broken.
    Bad,
    /// Detail that may be passed over.
    Dim,
    /// It is fine.
    Good,
    /// What to do next.
    Hint,
    /// Nothing special.
    Plain,
    /// A title or a name that matters.
    Strong,
    /// Look at it.
    Warn,
}

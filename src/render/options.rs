use std::fmt::{self, Display};

use crate::choice::choices;
use crate::report::Severity;

/// The flags about output that every command has.
#[derive(Clone, Copy, Debug)]
pub struct OutputOptions {
    /// For whom to render.
    pub format: Format,
    /// When to colour.
    pub colour: Colour,
    /// From which severity on the exit code is 1.
    pub fail_on: Severity,
    /// In human format, whether to leave out all but findings that count.
    pub quiet: bool,
}

impl Default for OutputOptions {
    /// For a person.
    fn default() -> Self {
        Self { format: Format::Human, colour: Colour::Auto, fail_on: Severity::Error, quiet: false }
    }
}

/// For whom to render.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Workflow commands on stdout, of which GitHub makes annotations (`config check`, `probe`).
    Github,
    /// Aligned lines for a person.
    Human,
    /// One JSON object on stdout.
    Json,
    /// JUnit XML on stdout, for CI servers (`certs check`, `config check`, `config --check`, `doctor`, `probe`).
    Junit,
    /// The certificates themselves on stdout (`certs show`).
    Pem,
    /// Metrics on stdout, for a textfile collector (`certs check`, `probe`).
    Prometheus,
    /// SARIF on stdout, for what shows the results of analysers (`config check`, `probe`).
    Sarif,
    /// One line for each target on stdout, its fields between tabs (`probe`).
    Short,
}

choices! { Format {
    Github => "github", Human => "human", Json => "json", Junit => "junit", Pem => "pem",
    Prometheus => "prometheus", Sarif => "sarif", Short => "short"
} }

impl Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into a file or a pipe.
    Always,
    /// Never.
    Never,
}

choices! { Colour { Auto => "auto", Always => "always", Never => "never" } }

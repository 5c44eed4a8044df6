use clap::Args;

use super::values;
use crate::render::{Colour, Format, OutputOptions};
use crate::report::Severity;

/// The formats of a command, by its words. Every command has something for people and programs; other formats mean
/// something for some only.
pub fn formats(command: &str) -> &'static [Format] {
    match command {
        // Who runs checks again and again has a place for their results.
        "certs check" => &[Format::Human, Format::Json, Format::Junit, Format::Prometheus],
        // What is found in a file has a place.
        "config check" => &[Format::Github, Format::Human, Format::Json, Format::Junit, Format::Sarif],
        // Certificates can be piped.
        "certs show" => &[Format::Human, Format::Json, Format::Pem],
        // What goes to stdout has a format of its own.
        "completions"
        | "generate"
        | "generate compatibility"
        | "generate completions"
        | "generate findings"
        | "generate man"
        | "generate schema"
        | "generate status-schema"
        | "man" => ONLY_HUMAN,
        "doctor" => WITH_CHECKS,
        // Who probes again and again has a place for the results.
        "probe" => &[
            Format::Github,
            Format::Human,
            Format::Json,
            Format::Junit,
            Format::Prometheus,
            Format::Sarif,
            Format::Short,
        ],
        _ => HUMAN_AND_JSON,
    }
}

/// A command without a format of its own.
pub(crate) const HUMAN_AND_JSON: &[Format] = &[Format::Human, Format::Json];

/// A command that has checks for a CI server.
pub(crate) const WITH_CHECKS: &[Format] = &[Format::Human, Format::Json, Format::Junit];

/// A command whose stdout is for something else.
pub(crate) const ONLY_HUMAN: &[Format] = &[Format::Human];

/// The flags about output that every command has.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Output format
    ///
    /// Every command has `human`, and all but `man` and `completions` have `json`. `certs check`, `config check`,
    /// `config --check`, `doctor` and `probe` also have `junit`, `certs check` and `probe` have `prometheus`, `config
    /// check` and `probe` have `github` and `sarif`, `certs show` has `pem`, `probe` has `short`.
    #[arg(short = 'o', long, global = true, value_parser = values::format(), ignore_case = true, default_value = "human", env = "EGEXT_FORMAT")]
    pub format: Format,
    /// When to use colour; `NO_COLOR` is honoured
    #[arg(long, global = true, value_parser = values::colour(), ignore_case = true, default_value = "auto", value_name = "WHEN", env = "EGEXT_COLOR")]
    pub color: Colour,
    /// Exit with 1 if any finding has at least this severity
    #[arg(
        long,
        global = true,
        value_parser = values::severity(), ignore_case = true,
        default_value = "error",
        value_name = "SEVERITY",
        env = "EGEXT_FAIL_ON"
    )]
    pub fail_on: Severity,
    /// Print warnings and errors only
    ///
    /// A report without any prints nothing; `probe` prints one line for each target that has any. Output that is data (YAML, PEM, a script), `certs show`, `config
    /// versions`, `explain` and `version` are printed all the same. Formats other than `human` do not change.
    #[arg(short, long, global = true, env = "EGEXT_QUIET")]
    pub quiet: bool,
}

impl Output {
    /// For the printer.
    pub fn options(self) -> OutputOptions {
        OutputOptions { format: self.format, colour: self.color, fail_on: self.fail_on, quiet: self.quiet }
    }
}

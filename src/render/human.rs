//! Reports for a person: aligned, without boxes, and complete without colour.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as AnsiStyle};

use crate::printable::printable;
use crate::report::{Line, Report, Said, Severity, Style, Talk, Verdict};

pub(super) fn talk(report: &Report) -> String {
    with_closing_line(&report.talk, report)
}

/// Only what was found, and only if it is at least of `gravity`. With verdicts, that is one line for each of these.
pub(super) fn findings(report: &Report, gravity: Severity) -> String {
    if !report.verdicts.is_empty() {
        return verdicts(report, gravity);
    }
    let mut talk = Talk::default();
    for finding in report.findings.iter().filter(|finding| finding.severity >= gravity) {
        talk.finding(finding);
    }
    if let Some(reason) = report.reason.as_deref().filter(|_| talk.lines().is_empty()) {
        talk.line(reason);
    }
    with_closing_line(&talk, report)
}

fn verdicts(report: &Report, gravity: Severity) -> String {
    let mut text = String::new();
    for Verdict { subject, finding, .. } in &report.verdicts {
        if let Some(finding) = finding.as_ref().filter(|finding| finding.severity >= gravity) {
            let line = Line::default().with(Style::Strong, subject.clone());
            push(&mut text, &line.plain(format!(": {} ({})", finding.message, finding.id)));
        }
    }
    text
}

fn with_closing_line(talk: &Talk, report: &Report) -> String {
    let mut text = String::new();
    for line in talk.lines() {
        push(&mut text, line);
    }
    if let Some(closing) = closing_line(report) {
        text.push('\n');
        push(&mut text, &closing);
    }
    text
}

pub(super) fn line(line: &Line) -> String {
    let mut text = String::new();
    push(&mut text, line);
    text
}

pub(super) fn error(said: &Said) -> String {
    let mut text = String::new();
    push(&mut text, &Line::default().with(Style::Bad, "error:").plain(format!(" {}", said.message)));
    if let Some(hint) = &said.hint {
        push(&mut text, &Line::default().plain("  ").with(Style::Hint, "hint:").plain(format!(" {hint}")));
    }
    text
}

/// How many errors and warnings, and where to read on.
fn closing_line(report: &Report) -> Option<Line> {
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let gravest = report.findings.iter().map(|finding| finding.severity).max()?;
    let first = report.findings.iter().find(|finding| finding.severity == gravest)?;
    let first = report.first.unwrap_or(first.id);
    if gravest == Severity::Info {
        return None;
    }
    let counted = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| format!("{number} {noun}{}", if number == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ");
    let style = if errors > 0 { Style::Bad } else { Style::Warn };
    Some(Line::default().with(style, counted).plain(format!(" (`egext explain {first}` says more)")))
}

fn push(text: &mut String, line: &Line) {
    for (style, words) in line.spans() {
        let style = ansi(*style);
        // Names of files and texts of peers must not move the cursor or start a line of their own.
        let words = printable(words);
        // Writing to a string does not fail.
        let _ = write!(text, "{style}{words}{style:#}");
    }
    text.push('\n');
}

fn ansi(style: Style) -> AnsiStyle {
    match style {
        Style::Bad => AnsiColor::Red.on_default().bold(),
        Style::Dim => AnsiStyle::new().dimmed(),
        Style::Good => AnsiColor::Green.on_default(),
        Style::Hint => AnsiColor::Cyan.on_default(),
        Style::Plain => AnsiStyle::new(),
        Style::Strong => AnsiStyle::new().bold(),
        Style::Warn => AnsiColor::Yellow.on_default(),
    }
}

//! One line for each change of a target.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::{Details, TargetDetails};
use crate::net::Address;
use crate::probe::{Layer, TargetOutcome};
use crate::report::{Line, Report, Severity, Style};
use crate::units::Span;

/// How a target is since `now`.
pub(crate) fn change(outcome: TargetOutcome, now: OffsetDateTime) -> Report {
    let timestamp = now.format(TIMESTAMP).expect("a date has all parts");
    let mut report = Report::new("probe");
    report.talk.line(line(&outcome, &timestamp));
    report.detail(&Details { timestamp: Some(timestamp), targets: vec![TargetDetails::of(&outcome)] });
    report.findings = outcome.findings;
    report
}

fn line(outcome: &TargetOutcome, timestamp: &str) -> Line {
    let gravest = outcome.findings.iter().map(|finding| finding.severity).max();
    let finding = outcome.findings.iter().find(|finding| Some(finding.severity) == gravest);
    let (style, mark, words) = match gravest {
        Some(Severity::Error) => (Style::Bad, "×", "not healthy"),
        _ if outcome.skips_error() => (Style::Warn, "-", "not healthy, but every error is skipped"),
        Some(Severity::Warning) => (Style::Warn, "‼", "healthy"),
        Some(Severity::Info) | None => (Style::Good, "√", "healthy"),
    };
    let health = outcome.passed().find(|passed| passed.layer == Layer::Health);
    let reason = match (finding, health) {
        (Some(finding), _) => format!(": {} ({})", finding.message, finding.id),
        (None, Some(health)) => format!(": {}", health.detail),
        (None, None) => String::new(),
    };
    Line::default()
        .with(Style::Dim, timestamp)
        .plain(" ")
        .with(style, mark)
        .plain(" ")
        .with(Style::Strong, outcome.address.to_string())
        .plain(": ")
        .with(style, words)
        .plain(reason)
}

/// Why changes of a target are seen late.
pub(crate) fn polled_line(address: &Address, answer: &str, interval: Span) -> Line {
    Line::default()
        .with(Style::Strong, address.to_string())
        .plain(format!(": the server answered `Health/Watch` with {answer}, so it is asked every {interval}"))
}

/// As in the log of the bridge.
const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

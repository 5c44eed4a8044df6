//! What came of the files that were checked.

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::{Checked, Release, Verdict};
use crate::report::{Check, Line, Report, Severity, State, Style};

/// What `release` makes of each file.
pub(crate) fn report(release: Release, files: &[Checked]) -> Report {
    let mut report = Report::new("config check");
    for file in files {
        for finding in &file.findings {
            report.found(finding.clone());
        }
        let is_fine = file.findings.iter().all(|finding| finding.severity < Severity::Warning);
        if let Some(summary) = file.summary.as_ref().filter(|_| is_fine) {
            let words = match file.verdict {
                // EG checks them by more rules than we have.
                Verdict::Resource => {
                    format!(" {}: found nothing that EG {release} refuses: {summary}", file.path)
                }
                _ => format!(" {}: EG {release} accepts it: {summary}", file.path),
            };
            report.talk.line(Line::default().plain("  ").with(Style::Good, "√").plain(words));
        }
        let state = match file.verdict {
            Verdict::NotChecked => State::Skipped("this is no EnvoyGateway file".into()),
            Verdict::Certificates | Verdict::Resource | Verdict::Secrets if file.findings.is_empty() => {
                State::Passed
            }
            _ if file.findings.is_empty() => State::Passed,
            _ => State::Found(file.findings.clone()),
        };
        report.checks.push(Check { name: "configuration", subject: file.path.clone(), state });
    }
    report.detail(&Details {
        eg_version: release.to_string(),
        files: files
            .iter()
            .map(|file| File { file: &file.path, verdict: file.verdict, summary: file.summary.as_deref() })
            .collect(),
    });
    report
}

/// What `egext config check` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details<'a> {
    /// The release of Envoy Gateway that would read the files.
    eg_version: String,
    /// The files, in the order in which they were named. What was found in them is in `findings`.
    files: Vec<File<'a>>,
}

/// A file, and what Envoy Gateway does with it at its start.
#[derive(Serialize, JsonSchema)]
struct File<'a> {
    /// As it was named; `-` for stdin.
    file: &'a str,
    /// What Envoy Gateway does with it at its start.
    verdict: Verdict,
    /// What it configures, in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
}

//! Configuration that was written, or compared with a file.

pub(crate) mod check;
pub(crate) mod kubernetes;
pub(crate) mod patch;
pub(crate) mod secrets;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::{Configuration, EXAMPLE_URL};
use crate::printable::printable;
use crate::report::{Body, Check, Finding, FindingId, Line, Report, State, Style};

/// A file, compared with what would be written.
pub(crate) struct Compared {
    /// As typed.
    pub(crate) file: String,
    /// It holds nothing else.
    pub(crate) whole: bool,
    /// In what it differs, if it does.
    pub(crate) differs: Option<Finding>,
    /// The unified diff from the file to what would be written, if it can be shown.
    pub(crate) diff: Option<String>,
}

/// What `command` decided, and what came of a comparison.
pub(crate) fn report(
    command: &'static str,
    configuration: &Configuration,
    yaml: String,
    compared: Option<&Compared>,
) -> Report {
    let mut report = Report::new(command);
    for finding in configuration.findings() {
        report.found(finding.clone());
    }
    if let Some(compared) = compared {
        tell(&mut report, compared);
    }
    report.detail(&Details {
        eg_version: configuration.version().to_string(),
        mode: configuration.mode().name(),
        bridge_command: configuration.bridge().map(ToString::to_string),
        yaml: &yaml,
        check: compared.map(|it| Checked { file: &it.file, same: it.differs.is_none() }),
        diff: compared.and_then(|it| it.diff.as_deref()),
    });
    match compared {
        None => report.body = Body::data(yaml),
        Some(compared) => {
            let with_diff = |finding: &Finding| match &compared.diff {
                Some(diff) if finding.id == FindingId::ConfigDiffers => {
                    finding.clone().with_evidence("diff", format!("\n{}", shown(diff)))
                }
                _ => finding.clone(),
            };
            let found: Vec<_> = report.findings.iter().map(with_diff).collect();
            let state = if found.is_empty() { State::Passed } else { State::Found(found) };
            report.checks.push(Check { name: "configuration", subject: compared.file.clone(), state });
        }
    }
    report
}

/// The same, after the resources of the example were written to `file`.
pub(crate) fn with_example(mut report: Report, file: &Path) -> Report {
    let file = file.display().to_string();
    let words = format!(" `{}` has the resources of an example", printable(&file));
    report.talk.line(Line::default().plain("  ").with(Style::Good, "√").plain(words));
    report
        .talk
        .blank()
        .hint(format!("start the programs in the order of the comment, then type `curl -i {EXAMPLE_URL}`"));
    report
}

fn tell(report: &mut Report, compared: &Compared) {
    match &compared.differs {
        None => {
            let verb = if compared.whole { "is" } else { "holds" };
            let words = format!(" `{}` {verb} what `egext {}` writes", compared.file, report.command);
            report.talk.line(Line::default().plain("  ").with(Style::Good, "√").plain(words));
        }
        Some(finding) => report.found(finding.clone()),
    }
    if let Some(diff) = &compared.diff {
        report.body = Body::Text(shown(diff));
    }
}

/// For a terminal. What YAML permits stays as it is, so that `patch` can apply it.
fn shown(diff: &str) -> String {
    let is_kept = |character: &char| matches!(character, '\n' | '\r' | '\t');
    diff.split_inclusive(|character| is_kept(&character))
        .map(|part| match part.chars().next_back().filter(is_kept) {
            Some(end) => printable(&part[..part.len() - 1]) + end.encode_utf8(&mut [0; 1]),
            None => printable(part),
        })
        .collect()
}

/// What `egext config` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details<'a> {
    /// The release of Envoy Gateway that it is for.
    eg_version: String,
    /// How Envoy Gateway runs.
    mode: &'static str,
    /// The command of the bridge that it needs.
    bridge_command: Option<String>,
    /// The configuration itself.
    yaml: &'a str,
    /// What `--check` was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Checked<'a>>,
    /// The unified diff from the file to what would be written, if it can be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a str>,
}

/// A file, and whether it is what would be written.
#[derive(Serialize, JsonSchema)]
struct Checked<'a> {
    file: &'a str,
    same: bool,
}

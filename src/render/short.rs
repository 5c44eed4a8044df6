//! One line for each thing that was looked at, for `grep`, `awk` and `cut`.

use crate::report::{Report, Verdict};

/// The fields of a line stand between tabs, none is ever empty, and new fields would follow the last one.
pub(super) fn report(report: &Report) -> String {
    report.verdicts.iter().map(line).collect()
}

fn line(verdict: &Verdict) -> String {
    let Verdict { subject, layer, finding, .. } = verdict;
    let (id, message) = match finding {
        Some(finding) => (finding.id.name(), &*finding.message),
        None => (NOTHING, NOTHING),
    };
    let layer = layer.map_or(NOTHING, |layer| layer.name());
    [subject, verdict.word(), layer, id, message].join("\t") + "\n"
}

const NOTHING: &str = "-";

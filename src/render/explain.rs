//! What findings mean, from the table of ids.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::{Body, Entry, FindingId, Layer, Report, Severity};

/// Cause and cure of one finding.
pub(crate) fn one(id: FindingId) -> Report {
    report(&[id], explanation(id))
}

/// A line for each finding.
pub(crate) fn list(ids: &[FindingId]) -> Report {
    let line = |id: &FindingId| {
        let Entry { name, severity, cause, .. } = id.entry();
        let severity = severity.name();
        format!("{name:<35} {severity:<7} {cause}\n")
    };
    report(ids, ids.iter().map(line).collect())
}

fn report(ids: &[FindingId], text: String) -> Report {
    let mut report = Report::new("explain");
    report.body = Body::Text(text);
    report.detail(&Details { explanations: ids.iter().copied().map(Explanation::of).collect() });
    report
}

fn explanation(id: FindingId) -> String {
    let Entry { name, severity, layer, may_pass, cause, cure } = id.entry();
    let layer = layer.map_or_else(String::new, |layer| format!(", layer {layer}"));
    let passes = if *may_pass { ", may pass by itself" } else { "" };
    format!("{name} ({severity}{layer}{passes})\n\ncause: {cause}\ncure:  {cure}\n")
}

/// What `egext explain` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    explanations: Vec<Explanation>,
}

/// What a finding means.
#[derive(Serialize, JsonSchema)]
struct Explanation {
    id: FindingId,
    /// Its usual severity.
    severity: Severity,
    /// The layer of a channel that it is about, where that does not depend on when it shows.
    layer: Option<Layer>,
    /// Trying again soon may help without any repair.
    may_pass: bool,
    /// The cause.
    cause: &'static str,
    /// The cure.
    cure: &'static str,
}

impl Explanation {
    fn of(id: FindingId) -> Self {
        let Entry { severity, layer, may_pass, cause, cure, .. } = *id.entry();
        Self { id, severity, layer, may_pass, cause, cure }
    }
}

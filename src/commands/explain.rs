use schemars::JsonSchema;
use serde::Serialize;

use super::Error;
use crate::cli::Explain;
use crate::render::explanation;
use crate::report::{Body, Entry, FindingId, Layer, Report, Severity};

pub(super) fn run(arguments: &Explain) -> Result<Report, Error> {
    let mut report = Report::new("explain");
    let ids = match &arguments.id {
        Some(name) => vec![name.parse::<FindingId>()?],
        None => FindingId::ALL.to_vec(),
    };
    report.body = Body::Text(match arguments.id {
        Some(_) => explanation(ids[0]),
        None => ids.iter().map(|id| format!("{:<35} {}\n", id.name(), id.entry().severity)).collect(),
    });
    report.detail(&Details { explanations: ids.iter().map(|id| Explanation::of(*id)).collect() });
    Ok(report)
}

/// What `egext explain` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(super) struct Details {
    explanations: Vec<Explanation>,
}

/// What a finding means.
#[derive(Serialize, JsonSchema)]
struct Explanation {
    id: FindingId,
    /// How grave it usually is.
    severity: Severity,
    /// The layer of a channel that it is about, where that does not depend on when it shows.
    layer: Option<Layer>,
    /// Trying again soon may help without anybody doing anything about it.
    may_pass: bool,
    /// What leads to it.
    cause: &'static str,
    /// What ends it.
    cure: &'static str,
}

impl Explanation {
    fn of(id: FindingId) -> Self {
        let Entry { severity, layer, may_pass, cause, cure, .. } = *id.entry();
        Self { id, severity, layer, may_pass, cause, cure }
    }
}

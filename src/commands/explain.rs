use serde_json::json;

use super::Error;
use crate::cli::Explain;
use crate::report::{Body, Id, Layer, Report, explanation};

pub(super) fn run(arguments: &Explain) -> Result<Report, Error> {
    let mut report = Report::new("explain");
    let ids = match &arguments.id {
        Some(name) => vec![name.parse::<Id>()?],
        None => Id::ALL.to_vec(),
    };
    report.body = Body::Text(match arguments.id {
        Some(_) => explanation(ids[0]),
        None => ids.iter().map(|id| format!("{:<35} {}\n", id.name(), id.entry().severity)).collect(),
    });
    let entries = ids.iter().map(|id| {
        let entry = id.entry();
        json!({
            "id": entry.name, "severity": entry.severity, "layer": entry.layer.map(Layer::name),
            "may_pass": entry.may_pass, "cause": entry.cause, "cure": entry.cure,
        })
    });
    report.details.insert("explanations".to_owned(), entries.collect());
    Ok(report)
}

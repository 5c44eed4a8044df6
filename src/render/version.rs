use schemars::JsonSchema;
use serde::Serialize;

use crate::report::{Body, Report};

pub(crate) fn report(version: &'static str) -> Report {
    let mut report = Report::new("version");
    report.body = Body::Text(format!("egext {version}\n"));
    report.detail(&Details { version });
    report
}

/// What `egext version` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    version: &'static str,
}

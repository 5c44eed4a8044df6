//! The end of a bridge.

use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::bridge::Drained;
use crate::net::Address;
use crate::report::{Body, Finding, FindingId, Report};

pub(crate) fn report(address: &Address, drained: Drained) -> Report {
    let mut report = Report::new("bridge");
    report.body = Body::Data(Zeroizing::default());
    report.detail(&Details { listen: address.to_string() });
    if drained == Drained::Cut {
        let message = "calls under way were cut";
        let finding = Finding::new(FindingId::BridgeDrainCut, address.to_string(), message)
            .with_hint("a longer `--drain-timeout` gives them more time");
        report.found(finding);
    }
    report
}

/// What `egext bridge` adds to its JSON object, at its end.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// Where it listened.
    listen: String,
}

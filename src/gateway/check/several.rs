//! What is wrong with several files that are fine each by itself.

use std::collections::HashMap;

use super::part::Part;
use super::{Node, location};
use crate::gateway::releases::{Release, Value};
use crate::report::{Finding, FindingId};

/// The name that EG has for itself. `None` if it refuses what is written.
pub(super) fn controller(written: Option<&Node>) -> Option<&str> {
    match written {
        Some(name) => name.text(),
        None => Some(Release::default().value(Value::ControllerName)),
    }
}

pub(super) fn check(files: &[(&str, Part<'_>)]) -> Vec<Finding> {
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut findings = Vec::new();
    for (path, part) in files.iter().filter(|(_, part)| part.is_whole) {
        let document = &part.document;
        let name = document.root.at(&["gateway", "controllerName"]);
        let Some(text) = controller(name) else { continue };
        match first.get(text) {
            Some(other) if other != path => {
                let message = format!(
                    "`{text}` is the controller of `{other}` as well: both would serve the same GatewayClasses"
                );
                let place = name.map_or(document.root.place, |name| name.place);
                findings.push(
                    Finding::new(
                        FindingId::ConfigControllerTwice,
                        "gateway.controllerName",
                        super::clipped(&message),
                    )
                    .with_hint("give each EG that runs a `controllerName` of its own")
                    .at(location(path, part.shift.outer(place))),
                );
            }
            _ => {
                first.insert(text, path);
            }
        }
    }
    findings
}

//! How EG runs: its resource directories, and where Envoy is.

use std::path::Path;

use super::{Facts, Found, Mode, Node, clipped};
use crate::gateway::releases::{FAILURES, Failure};
use crate::report::{Finding, FindingId};

pub(super) fn check(found: &mut Found<'_>, facts: &Facts<'_>) {
    if !facts.is_from_files() {
        return;
    }
    if facts.mode == Some(Mode::Files) {
        nowhere(found, facts);
    }
    let paths = facts.root.at(&["provider", "custom", "resource", "file", "paths"]);
    for path in paths.map(Node::items).unwrap_or_default() {
        let text = path.text().unwrap_or_default();
        let message = match text {
            "" => "an empty path is the directory in which EG is started".to_owned(),
            text if !Path::new(text).is_absolute() => {
                format!("`{}` depends on the directory in which EG is started", clipped(text))
            }
            _ => continue,
        };
        let finding = Finding::new(FindingId::ConfigPath, PATHS, message);
        found.add(path.place, finding.with_hint("write an absolute path"));
    }
}

/// EG makes certificates for itself with `Host` only.
fn nowhere(found: &mut Found<'_>, facts: &Facts<'_>) {
    let Some(custom) = facts.root.at(&["provider"]).and_then(|provider| provider.get("custom")) else {
        return;
    };
    let place = custom.value.get("infrastructure").unwrap_or(custom).key_place;
    let sentence = FAILURES.iter().find(|row| row.id == Failure::NoCertificates).expect("it has a sentence");
    let message = format!(
        "EG {} has no certificates for its connection to Envoy with resources from files, unless it runs Envoy itself",
        found.release
    );
    let finding = Finding::new(FindingId::ConfigNoInfrastructure, "provider.custom.infrastructure", message)
        .with_evidence("EG says", sentence.text)
        .with_hint("write `infrastructure: {type: Host, host: {}}`");
    found.add(place, finding);
}

const PATHS: &str = "provider.custom.resource.file.paths";

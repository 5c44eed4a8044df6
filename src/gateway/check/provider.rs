//! How EG runs: its resource directories, and where Envoy is.

use std::path::Path;

use super::{Facts, Found, InPlace, Mode, Node, clipped};
use crate::gateway::releases::Failure;
use crate::report::{Finding, FindingId, Severity};

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
            text => {
                there(found, facts, text, path);
                continue;
            }
        };
        let finding = Finding::new(FindingId::ConfigPath, PATHS, message);
        found.add(path.place, finding.with_hint("write an absolute path"));
    }
}

/// What EG will find in a place, if it runs on this machine.
fn there(found: &mut Found<'_>, facts: &Facts<'_>, text: &str, path: &Node) {
    let Some(look) = facts.questions.look else { return };
    let finding = match look(text) {
        InPlace::Other => return,
        InPlace::Nothing => {
            let message = format!(
                "nothing is at `{}` on this machine, and EG {} goes on without a message",
                clipped(text),
                found.release
            );
            Finding::new(FindingId::ConfigPath, PATHS, message)
                .with_hint("make the directory before EG starts, or write the path of the one that is there")
        }
        InPlace::LinkToDirectory => {
            let message = format!(
                "`{}` is a link to a directory, which EG {} takes for a file: it loads no resources at all",
                clipped(text),
                found.release
            );
            let mut finding = Finding::new(FindingId::ConfigPath, PATHS, message)
                .with_hint("write the path of the directory itself");
            finding.severity = Severity::Error;
            finding
        }
    };
    found.add(path.place, finding);
}

/// EG makes certificates for itself with `Host` only.
fn nowhere(found: &mut Found<'_>, facts: &Facts<'_>) {
    let Some(custom) = facts.root.at(&["provider"]).and_then(|provider| provider.get("custom")) else {
        return;
    };
    let place = custom.value.get("infrastructure").unwrap_or(custom).key_place;
    let message = format!(
        "EG {} has no certificates for its connection to Envoy with resources from files, unless it runs Envoy itself",
        found.release
    );
    let finding = Finding::new(FindingId::ConfigNoInfrastructure, "provider.custom.infrastructure", message)
        .with_evidence("EG says", Failure::NoCertificates.says(&[]))
        .with_hint("write `infrastructure: {type: Host, host: {}}`");
    found.add(place, finding);
}

const PATHS: &str = "provider.custom.resource.file.paths";

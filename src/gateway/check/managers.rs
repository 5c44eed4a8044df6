//! Kinds of resources that the extension brings along.

use super::{Facts, Found};
use crate::gateway::releases::Fact;
use crate::report::{Finding, FindingId};

pub(super) fn check(found: &mut Found<'_>, facts: &Facts<'_>) {
    silent(found, facts);
    if !facts.is_from_files() {
        return;
    }
    for manager in &facts.managers {
        let keys = ["resources", "policyResources", "backendResources"];
        let named = keys.iter().find_map(|key| {
            let kinds = manager.node.get(key)?;
            kinds.value.items().first()?;
            Some(kinds)
        });
        let Some(named) = named else { continue };
        let subject = format!("{}.{}", manager.path, named.key);
        let finding = if manager.path != "extensionManager" {
            let message = format!(
                "EG {} cannot load objects of these kinds from files: it looks at `extensionManager` only",
                found.release
            );
            Finding::new(FindingId::ConfigManagersInStandalone, subject, message)
                .with_hint("with one extension, write it as `extensionManager`")
        } else if !facts.release.has(Fact::LoadCustom) {
            let message = format!(
                "EG {} cannot load objects of these kinds from files, and applies no file at all when one has any",
                found.release
            );
            Finding::new(FindingId::ConfigResourceNotLoadable, subject, message)
                .with_hint("use EG 1.7 or later, or keep such objects out of its directories")
        } else {
            continue;
        };
        found.add(named.key_place, finding);
    }
}

/// With two or more, EG goes on to the next without a line in its log
/// (v1.8.3:internal/xds/extensions/registry/manager.go).
fn silent(found: &mut Found<'_>, facts: &Facts<'_>) {
    if facts.managers.len() < 2 {
        return;
    }
    for manager in &facts.managers {
        let Some(entry) = manager.node.get("failOpen").filter(|entry| entry.value.is_true()) else {
            continue;
        };
        let message = format!(
            "with several extensions EG {} does not even log that this one failed, and goes on without it",
            found.release
        );
        let subject = format!("{}.failOpen", manager.path);
        let finding = Finding::new(FindingId::ConfigFailOpenSilent, subject, message);
        found.add(entry.key_place, finding.with_hint("take `failOpen` out, or watch the extension itself"));
    }
}

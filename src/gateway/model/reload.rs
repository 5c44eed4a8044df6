use super::{Reason, Refused};
use crate::gateway::document::{Node, Place};
use crate::gateway::releases::{Fact, Release};

/// Why `release` refuses the same text as a changed file, although it starts with it.
pub(in crate::gateway) fn validate_reload(root: &Node, release: Release) -> Option<Refused> {
    if !release.has(Fact::ReloadChecked) || release.has(Fact::ReloadDefaults) {
        return None;
    }
    let missing = ["gateway", "provider"].into_iter().find(|key| root.set(key).is_none())?;
    let place = root.get(missing).map_or(Place::START, |entry| entry.key_place);
    Some(Refused { place, text: format!("{missing} is unspecified"), reason: Reason::Other })
}

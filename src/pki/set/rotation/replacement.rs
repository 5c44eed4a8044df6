use std::path::Path;

use super::{Phase, Rotation};
use crate::pki::set::change::rotation_command;

/// The command that begins to replace the CA of the set in `directory`, or goes on where that has begun, for a hint.
pub fn replacement(directory: &Path) -> String {
    let command = |step: &str, flags: &str| rotation_command(step, flags, directory);
    let Ok(rotation) = Rotation::load(directory) else { return command("prepare", "") };
    let prepare = command("prepare", rotation.prepare_flags());
    match rotation.phase {
        Phase::Activated => format!("{}, then {prepare}", command("finish", "")),
        Phase::Idle => prepare,
        Phase::Prepared => command("activate", rotation.activate_flags()),
    }
}

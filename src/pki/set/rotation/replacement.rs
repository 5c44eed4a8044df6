use std::path::Path;

use super::{Phase, Rotation};
use crate::pki::set::change::rotation_command;

/// The command that begins to replace the CA of the set in `directory`, or goes on where that has begun, for a hint.
pub fn replacement(directory: &Path) -> String {
    match Rotation::load(directory) {
        Ok(rotation) => rotation.replacement(),
        Err(_) => rotation_command("prepare", "", directory),
    }
}

impl Rotation {
    /// The command that begins to replace the CA, or goes on where that has begun, for a hint.
    pub fn replacement(&self) -> String {
        let command = |step: &str, flags: &str| rotation_command(step, flags, self.set.directory());
        let prepare = command("prepare", self.prepare_flags());
        match self.phase {
            Phase::Activated => format!("{}, then {prepare}", command("finish", "")),
            Phase::Idle => prepare,
            Phase::Prepared => command("activate", self.activate_flags()),
        }
    }
}

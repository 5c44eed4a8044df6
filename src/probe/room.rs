//! For how many attempts at a time this process can open enough files.

use crate::net::{descriptor_limit, spare_descriptors};
use crate::report::Hint;

/// This process may not open as many files as one attempt needs.
#[derive(Debug, thiserror::Error)]
#[error("a probe needs a limit of {needed} open files, and this process has one of {limit}")]
pub struct TooFewDescriptors {
    /// The limit that is just enough, with the files that are open already.
    pub needed: usize,
    /// The limit of this process.
    pub limit: usize,
}

impl Hint for TooFewDescriptors {
    fn hint(&self) -> Option<String> {
        Some(format!("raise it for this shell: `ulimit -n {}`", self.needed))
    }
}

/// Fails if one attempt would end for want of descriptors: it would blame the target. To be asked inside the runtime, which
/// has some itself.
///
/// # Errors
/// When there are too few.
pub fn enough_for_a_probe() -> Result<(), TooFewDescriptors> {
    let lacking = OF_ATTEMPT - spare_descriptors(OF_ATTEMPT);
    let limit = descriptor_limit();
    match lacking {
        0 => Ok(()),
        _ => Err(TooFewDescriptors { needed: limit.saturating_add(lacking), limit }),
    }
}

/// How many attempts are made at a time, of those at so many targets.
pub(super) fn at_once(targets: usize) -> usize {
    let most = targets.clamp(1, MOST_AT_ONCE);
    (spare_descriptors(most * OF_ATTEMPT) / OF_ATTEMPT).max(1)
}

/// Can each of the targets have a connection that is kept, besides the attempts?
pub(super) fn has_room_to_keep(targets: usize) -> bool {
    let needed = targets.saturating_add(at_once(targets) * OF_ATTEMPT);
    needed <= descriptor_limit() && spare_descriptors(needed) == needed
}

/// A bound of memory.
const MOST_AT_ONCE: usize = 128;

/// What one attempt can have open at a time: the two connections of the layer `policy` and the two of the layer `gateway`;
/// our own, and those of the attempt before, which their tasks close only after it. The resolver has its files and sockets
/// when nothing but the last ones is open.
const OF_ATTEMPT: usize = 8;

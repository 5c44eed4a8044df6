//! Directories inside a set, which are refused as `--dir`.

use std::path::{Component, Path, PathBuf};

use super::StoreError;
use super::gateway_home::existing;
use super::place::{HIDDEN, LOCK};

/// Refuses a directory below the `.egext` of a set, such as the one that `current` leads to: its files are plain, so it would
/// be taken over like a copy, and the set around it could not be written to any more.
///
/// # Errors
/// When it is one, or would be.
pub fn refuse_inside(directory: &Path) -> Result<(), StoreError> {
    let real = existing(directory);
    // Who names a file of the set has made another mistake.
    if real.is_file() {
        return Ok(());
    }
    // A directory of the user may have the same name. Ours has a lock.
    let is_hidden = |path: &&Path| path.ends_with(HIDDEN) && path.join(LOCK).exists();
    let Some(hidden) = real.ancestors().find(is_hidden) else { return Ok(()) };
    let set = as_typed(directory).or_else(|| hidden.parent().map(Path::to_owned)).unwrap_or_default();
    Err(StoreError::InsideSet { directory: directory.into(), set })
}

/// What stands before `.egext`, if it was typed.
fn as_typed(directory: &Path) -> Option<PathBuf> {
    let is_other = |component: &Component<'_>| component.as_os_str() != HIDDEN;
    let before = directory.components().take_while(is_other).collect::<PathBuf>();
    let is_typed = directory.components().any(|component| !is_other(&component));
    is_typed.then(|| if before.as_os_str().is_empty() { ".".into() } else { before })
}

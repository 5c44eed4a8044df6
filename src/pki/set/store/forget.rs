//! Removes CA keys of old sets, also if the run that began this was killed.
//!
//! The old set stays for readers until the new one has replaced it, and only then its CA key can be removed: before, it is
//! the key of the set in use. So a link says with which new set the old key is to be removed; if the run is killed, the next
//! command finishes the removal.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::file::sync;
use super::handle::Directory;
use super::keep::{keep_ca_key, remove_kept};
use super::lock::lock;
use super::place::{DISCARDED, FORGOTTEN, Place, is_set};
use super::{StoreError, Undo};
use crate::pki::{CA_KEY_FILE, NEXT_CA_KEY_FILE};

/// Removes the CA keys that a killed run was about to remove. Does nothing, and takes no lock, if there was none.
///
/// # Errors
/// When a key that should be gone cannot be removed.
pub fn finish_forgetting(directory: &Path) -> Result<(), StoreError> {
    // A directory that we would not write to has no run of ours to finish; other commands judge it in their own way.
    let Ok(Some(found)) = Place::find(directory) else { return Ok(()) };
    let is_marked = |hidden: &Directory| MARKERS.iter().any(|marker| hidden.target(marker).is_some());
    if !found.hidden().is_some_and(is_marked) {
        return Ok(());
    }
    let (mut undo, mut changed) = (Undo::default(), Vec::new());
    match lock(directory, &mut undo, &mut changed) {
        Ok((place, _lock)) => place.sweep(),
        // The run is still under way, or another one that finishes it.
        Err(StoreError::Busy { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// For who holds the lock.
pub(super) fn forget(place: &Place) -> Result<(), StoreError> {
    let Some(hidden) = place.hidden() else { return Ok(()) };
    for marker in MARKERS {
        let Some(new) = hidden.target(marker) else { continue };
        // Otherwise the new set did not take its place, and the key is that of the set in use.
        if place.current()?.as_ref() == Some(&new) {
            forget_beside(&new, hidden, marker)?;
        }
        let failed = |source| StoreError::failed("remove", &hidden.path_of(marker), source);
        hidden.remove(marker).map_err(failed)?;
    }
    Ok(())
}

/// No CA key stays but that of the set `new`, and with the weaker marker those that `egext` cannot make again.
fn forget_beside(new: &OsStr, hidden: &Directory, marker: &str) -> Result<(), StoreError> {
    let current = hidden.open(new)?;
    for (name, kind) in hidden.entries()? {
        // Also of what is swept only after this: the marker goes when no key is left.
        if kind.is_dir() && name != new && is_set(&name) {
            let set = hidden.open(name)?;
            if marker == FORGOTTEN {
                keep_ca_key(hidden, &set, &[&current])?;
            }
            remove_ca_keys(&set)?;
        }
    }
    if marker == DISCARDED { remove_kept(hidden) } else { Ok(()) }
}

const MARKERS: [&str; 2] = [FORGOTTEN, DISCARDED];

/// On disk, too: when the report says that a key is removed, the user may give the machine away.
fn remove_ca_keys(set: &Directory) -> Result<(), StoreError> {
    for name in [CA_KEY_FILE, NEXT_CA_KEY_FILE] {
        match set.remove(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result.map_err(|source| StoreError::failed("remove", &set.path_of(name), source))?,
        }
    }
    sync(&[set.unsynced()])
}

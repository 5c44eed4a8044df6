//! The only way to change a set: read it, lock it, read it again, decide, write everything at once.
//!
//! A command decides in a closure, from one snapshot of the set, and returns an [`Edit`]: what to write, what to remove,
//! and the result. A dry run calls the same closure and drops the edit, so it refuses what the command would refuse.
//! A dry run takes no lock, because the lock is a file, and a dry run writes nothing.

use std::path::Path;

use super::member::{self, MemberError};
use super::store::{self, Contents, Forget, SetFile, Snapshot, Store, StoreError};

/// What a command writes to a set, and what came of it.
pub struct Edit<T> {
    files: Vec<SetFile>,
    removed: Vec<String>,
    forgets: Forget,
    outcome: T,
}

impl<T> Edit<T> {
    /// Nothing is written.
    pub fn none(outcome: T) -> Self {
        Self::new(Vec::new(), outcome)
    }

    /// Writes `files`, in the place of those with the same names.
    pub fn new(files: Vec<SetFile>, outcome: T) -> Self {
        Self { files, removed: Vec::new(), forgets: Forget::Nothing, outcome }
    }

    /// Removes these files, too.
    #[must_use]
    pub fn without(self, removed: Vec<String>) -> Self {
        Self { removed, ..self }
    }

    /// Says which CA keys go with the set before.
    #[must_use]
    pub fn forgetting(self, forgets: Forget) -> Self {
        Self { forgets, ..self }
    }

    /// The same with another outcome.
    pub fn map<U>(self, outcome: impl FnOnce(T) -> U) -> Edit<U> {
        let Self { files, removed, forgets, outcome: before } = self;
        Edit { files, removed, forgets, outcome: outcome(before) }
    }

    /// Changes the set in `store`, or leaves it as it is.
    fn apply(self, store: Store) -> Result<T, StoreError> {
        let Self { files, removed, forgets, outcome } = self;
        match (files.is_empty() && removed.is_empty(), forgets) {
            (true, Forget::All) => store.discard_other_ca_keys()?,
            (true, _) => {}
            (false, forgets) => store.forgetting(forgets).update(&files, &removed)?,
        }
        Ok(outcome)
    }
}

/// Changes the set in `directory` by the edit that `act` returns. With `dry_run` nothing is written, and no lock is made.
/// `names` are the files that may be written.
///
/// # Errors
/// When there is no set, `act` refuses, something foreign is in the way, another command is writing, or the disk does not
/// take what is written. The set is as before then.
pub fn change<T, E: From<MemberError> + From<StoreError>>(
    directory: &Path,
    names: &[&str],
    dry_run: bool,
    act: impl FnOnce(Snapshot) -> Result<Edit<T>, E>,
) -> Result<T, E> {
    if dry_run {
        let set = member::set(directory)?;
        store::rehearse(directory, names)?;
        return Ok(act(set)?.outcome);
    }
    // A lock would make a directory where there is no set.
    member::set(directory)?;
    let store = Store::open(directory, names)?;
    // Another command may have changed it before the lock was ours.
    let set = store.snapshot()?.ok_or_else(|| MemberError::NoSet { directory: directory.into() })?;
    Ok(act(set)?.apply(store)?)
}

/// Makes a set in `directory` of the files that `act` returns, in the place of everything that is there. `act` is told what
/// that is. With `dry_run` nothing is written.
///
/// # Errors
/// As [`change`], but there may be no set.
pub fn create<T, E: From<StoreError>>(
    directory: &Path,
    names: &[&str],
    dry_run: bool,
    act: impl FnOnce(Contents) -> Result<Edit<T>, E>,
) -> Result<T, E> {
    if dry_run {
        store::rehearse(directory, names)?;
        return Ok(act(store::judge(directory)?)?.outcome);
    }
    let store = Store::open(directory, names)?;
    let Edit { files, forgets, outcome, .. } = act(store.contents().clone())?;
    if !files.is_empty() {
        store.forgetting(forgets).write(&files)?;
    }
    Ok(outcome)
}

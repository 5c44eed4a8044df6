//! Where the system's file events are not used: files are compared at intervals.

use std::future::pending;
use std::path::Path;

/// What the system reports about some files: nothing.
#[derive(Debug, Default)]
pub(super) struct Notices;

impl Notices {
    /// Watches the files at these paths, where they are now.
    pub(super) fn watch<'a>(&mut self, _: impl Iterator<Item = &'a Path>) {}

    /// Returns when one of the files may have changed.
    pub(super) async fn changed(&mut self) {
        pending().await
    }
}

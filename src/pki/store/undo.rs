use std::fs;
use std::path::PathBuf;

/// What was made on the way, taken away again when the way does not lead to its end.
#[derive(Debug, Default)]
pub(super) struct Undo(Vec<PathBuf>);

impl Undo {
    /// `path` was made.
    pub(super) fn remember(&mut self, path: PathBuf) {
        self.0.push(path);
    }

    /// All of it stays.
    pub(super) fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        for path in self.0.drain(..).rev() {
            // A directory goes only when it is empty: what others have put there stays. Whatever cannot be
            // removed is swept by the next writer; the error that led here is the one to report.
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        }
    }
}

use std::ffi::{OsStr, OsString};

use super::handle::Directory;
use super::place::Place;

/// What was made on the way, taken away again when the way does not lead to its end.
#[derive(Debug, Default)]
pub(super) struct Undo(Vec<Made>);

#[derive(Debug)]
struct Made {
    parent: Directory,
    name: OsString,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Directory,
    File,
    /// A file that goes with its directory, and stays where others have begun to use that.
    LastFile,
    /// One of our links, which was removed and is made again.
    RemovedLink,
}

impl Undo {
    /// A directory was made.
    pub(super) fn directory(&mut self, parent: &Directory, name: impl AsRef<OsStr>) {
        self.remember(parent, name.as_ref(), Kind::Directory);
    }

    /// A file or a link was made.
    pub(super) fn file(&mut self, parent: &Directory, name: impl AsRef<OsStr>) {
        self.remember(parent, name.as_ref(), Kind::File);
    }

    /// A file was made that goes only when nothing else is left.
    pub(super) fn last_file(&mut self, parent: &Directory, name: impl AsRef<OsStr>) {
        self.remember(parent, name.as_ref(), Kind::LastFile);
    }

    /// One of our links was removed.
    pub(super) fn removed_link(&mut self, parent: &Directory, name: impl AsRef<OsStr>) {
        self.remember(parent, name.as_ref(), Kind::RemovedLink);
    }

    /// What was made has another name now.
    pub(super) fn renamed(&mut self, from: &OsStr, to: &OsStr) {
        for made in self.0.iter_mut().filter(|made| made.name == from) {
            to.clone_into(&mut made.name);
        }
    }

    /// All of it stays.
    pub(super) fn keep(&mut self) {
        self.0.clear();
    }

    fn remember(&mut self, parent: &Directory, name: &OsStr, kind: Kind) {
        self.0.push(Made { parent: parent.clone(), name: name.to_owned(), kind });
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        for Made { parent, name, kind } in self.0.drain(..).rev() {
            // A directory goes only when it is empty: what others have put there stays. Whatever cannot be
            // removed is swept by the next writer; the error that led here is the one to report.
            let _ = match kind {
                Kind::Directory => parent.remove_directory(&name),
                Kind::File => parent.remove(&name),
                Kind::LastFile if parent.entries().is_ok_and(|entries| entries.len() == 1) => {
                    parent.remove(&name)
                }
                Kind::LastFile => Ok(()),
                Kind::RemovedLink => {
                    name.to_str().map_or(Ok(()), |text| parent.symlink(&Place::target(text), text))
                }
            };
        }
    }
}

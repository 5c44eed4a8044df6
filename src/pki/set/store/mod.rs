//! The only module that writes certificates and keys.
//!
//! # How a set is replaced
//!
//! ```text
//! certs/
//!   ca.crt      -> .egext/current/ca.crt        links, made once and never changed
//!   server.crt  -> .egext/current/server.crt    (and so on)
//!   .gitignore                                if the directory is new
//!   .egext/
//!     .gitignore                              keeps the keys out of commits
//!     current   -> set-5f0c…                    the only thing that a new set changes
//!     previous  -> set-91aa…
//!     lock
//!     set-5f0c…/ca.crt, ca.key, server.crt, …   never changed once written
//!     set-91aa…/…
//!     kept-4c07…/ca.crt, ca.key               of a CA that `egext` did not make: see `keep`
//! ```
//!
//! A new set is written into a new directory, `new-…`, synced to disk, and then renamed to `set-…`. So a `set-…` without
//! links was not left by a killed run: it was copied without its links, perhaps with the only key of a CA, and
//! it is refused, not removed. Then one rename replaces `current`. So a reader finds the whole old set or the whole new one,
//! also after a `kill -9` or a power failure at any moment. The first time, the links are made before `current` exists:
//! they and `current` point to nothing until the set gets its name, and then all of them are valid at once. The kubelet
//! publishes Secrets in the same way.
//!
//! Other ways were rejected for these reasons:
//!
//! * Six renames, one for each file: in between, a reader finds a certificate and the key of another one.
//! * Exchanging the whole directory (`renameat2`): a program that has the directory open or mounted, such as a container
//!   with a bind mount, keeps the old one and never sees the new set; and a mount point cannot be
//!   exchanged at all. Files of the user in the directory would be moved, too.
//!
//! The writer cannot prevent that a set is replaced while a reader opens two files in a row. So the previous set
//! stays, for a reader that has resolved `current` once and is still reading, and for a user who
//! typed `--force` by mistake: a lost CA key cannot be made again. The set before the previous one is removed.
//!
//! # What is kept
//!
//! A file that replaces another has its mode, its owner and its group, set before anything is written into
//! it; the directory of a set has those of the previous one: if the user has opened a key to a group, there was
//! a reason. A change of some files ([`Store::update`]) keeps the others, with their modes and owners.
//!
//! A file whose name begins with a dot belongs to the set and gets no link: it is only for `egext` itself, and
//! is not copied with the files of the directory.
//!
//! # What a directory is
//!
//! [`judge`](fn@judge) says it, for every command: nothing, a set of ours, a set of plain files (a copy, which the next
//! change converts), half a set, or something else.
//!
//! # What is never touched
//!
//! A file, directory or link that is not one of the above is never changed: if it is in the way, an error names it. No link
//! of another user is followed.
//!
//! A user who can write to a directory on the path could replace it between two of our calls. So each is opened once,
//! its owner and mode are judged by the handle (`trust`), and all later calls use one name below that handle and
//! follow no link: reading, writing, changing owner and mode, deleting, and undoing. `rustix` has
//! these calls (`openat` and others). `cap-std` was rejected: it keeps a path inside a
//! directory, which is only half of this, and has no owners, no `fchown` and no exchange of two names.
//!
//! Envoy Gateway stores its own certificates in files of the same names, and overwrites existing ones without a
//! warning; so nothing is written below its directory either.

mod acl;
mod error;
mod file;
mod forget;
mod gateway_home;
mod git;
mod handle;
mod inside;
mod judge;
mod keep;
mod lock;
mod place;
mod plain;
mod publish;
mod snapshot;
mod take_over;
mod trust;
mod undo;
mod way;

use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use zeroize::Zeroizing;

pub use error::StoreError;
pub use file::{make_directory, replace_alone, write_alone, write_open};
pub use forget::finish_forgetting;
pub use git::{Unignored, unignored};
pub use inside::refuse_inside;
pub use judge::{Contents, judge, refuse_foreign, rehearse};
pub use keep::{OtherCaKey, other_ca_keys};
pub(in crate::pki) use place::HIDDEN;
pub use place::{current, previous};
pub use snapshot::Snapshot;
pub use trust::Untrusted;
pub use way::{open_trusted, trust, trust_of};

use handle::Directory;
use judge::Judgement;
use lock::{Lock, lock};
use place::Place;
use plain::Plain;
use undo::Undo;

/// One file of a set.
pub struct SetFile {
    /// Its name, without a directory.
    pub name: String,
    /// What it holds.
    pub text: Zeroizing<String>,
    /// Nobody but its owner may read it.
    pub secret: bool,
}

/// A directory that no other process writes to at the moment.
#[derive(Debug)]
pub struct Store {
    /// As the user named it.
    directory: PathBuf,
    place: Place,
    judgement: Judgement,
    /// What is there, where it is a copy that was not made by us.
    copy: Option<Plain>,
    /// Which CA keys go with the set before.
    forgets: Forget,
    /// Directories with new entries that are not on disk yet.
    changed: Vec<Directory>,
    // Before the lock: what is undone is undone while the lock is held.
    undo: Undo,
    _lock: Lock,
}

impl Store {
    /// Makes `directory` if it is missing, and locks it against other writers.
    ///
    /// What was made is taken away again when nothing is written.
    ///
    /// # Errors
    /// When the directory cannot be written to, others could replace files in it, another process is writing, or
    /// something foreign is in the way of one of `names`.
    pub fn open(directory: &Path, names: &[&str]) -> Result<Self, StoreError> {
        let (mut undo, mut changed) = (Undo::default(), Vec::new());
        gateway_home::refuse(directory)?;
        refuse_inside(directory)?;
        refuse_foreign(directory, names)?;
        let (place, lock) = lock(directory, &mut undo, &mut changed)?;
        // Once more: the holder of the lock before may have left something.
        let judgement = Judgement::of(&place)?;
        judgement.refuse_foreign(&place, names)?;
        let is_copy = judgement.contents == Contents::Plain;
        let copy = is_copy.then(|| Plain::load(&place)).transpose()?;
        place.sweep()?;
        let directory = directory.into();
        Ok(Self { directory, place, judgement, copy, forgets: Forget::Nothing, changed, undo, _lock: lock })
    }

    /// The set that is there, to be read by the handle by which it will be replaced. None where there is none.
    ///
    /// # Errors
    /// When something foreign is among its files.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        Snapshot::of(&self.directory, &self.place)
    }

    /// What the directory holds.
    pub fn contents(&self) -> &Contents {
        &self.judgement.contents
    }

    /// Says which CA keys go with the set before. It stays for readers, and they have no use for them.
    #[must_use]
    pub fn forgetting(self, forgets: Forget) -> Self {
        Self { forgets, ..self }
    }

    /// Replaces what is there by `files`, all at once.
    ///
    /// # Errors
    /// When the disk is full or does not take what is written. The set before is untouched then.
    pub fn write(self, files: &[SetFile]) -> Result<(), StoreError> {
        self.publish(files, &[])
    }

    /// Replaces what is there by itself with `files` in it and without those `removed`, all at once.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn update(mut self, files: &[SetFile], removed: &[String]) -> Result<(), StoreError> {
        self.take_over()?;
        let changed = |name: &str| {
            removed.iter().any(|removed| removed == name) || files.iter().any(|file| file.name == name)
        };
        let mut kept = self.place.current_set()?.as_ref().map_or(Ok(Vec::new()), Place::files_of)?;
        kept.retain(|name| !changed(name));
        self.publish(files, &kept)
    }
}

/// Which CA keys go when a set is replaced, but for the one that is in the new set.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Forget {
    /// All of them, also those that were kept before.
    All,
    /// None. They stay with the set before, until there is another one.
    #[default]
    Nothing,
    /// Those of CAs that `egext` made. A key that it cannot make again is kept in another place.
    Own,
}

const ALONE: Mode = Mode::from_raw_mode(0o700);

const PUBLIC: Mode = Mode::from_raw_mode(0o644);

//! The one module that writes certificates and keys.
//!
//! # How a set is replaced
//!
//! ```text
//! certs/
//!   ca.crt      -> .egext/current/ca.crt        links, made once and never changed
//!   server.crt  -> .egext/current/server.crt    (and so on)
//!   .gitignore
//!   .egext/
//!     current   -> set-5f0c…                    the one thing that a new set changes
//!     previous  -> set-91aa…
//!     lock
//!     set-5f0c…/ca.crt, ca.key, server.crt, …   never changed once written
//!     set-91aa…/…
//! ```
//!
//! A new set is written into a directory of its own and synced to disk. Then one rename puts a new `current`
//! in the place of the old one. So a reader, or the disk after a `kill -9` or a power failure at any moment,
//! has the whole old set or the whole new one. The first time, the links are made before `current` is there:
//! they lead nowhere, and then all six lead somewhere at once. The kubelet publishes Secrets in the same way.
//!
//! Other ways were left for these reasons:
//!
//! * Six renames, one for each file: in between, a reader finds a certificate and the key of another.
//! * Exchanging the whole directory (`renameat2`): who has the directory open or mounted, as every container
//!   with a bind mount has, keeps the old one and never sees the new set; and a mount point cannot be
//!   exchanged at all. It would take along foreign files in it, too.
//!
//! A reader that opens two files in a row may be overtaken in between, whatever the writer does. So the set
//! before stays, for a reader that has resolved `current` once and is still reading, and for a user who
//! typed `--force` too soon: a lost CA key cannot be made again. The set before that one is removed.
//!
//! # What is kept
//!
//! A file that replaces another has its mode, its owner and its group, from before anything is written into
//! it; the directory of a set has those of the one before. Who has opened the key to a group has done so for
//! a reason. A change of some files ([`Store::update`]) takes the others along, with all that they are.
//!
//! A file whose name begins with a dot belongs to the set and gets no link: what is only for `egext` itself
//! should not travel when somebody copies the directory's files.
//!
//! # What is never touched
//!
//! A file, directory or link that is not one of the above, even when it is in the way: it is named in an
//! error. Nothing here follows a link that somebody else has made.
//!
//! Envoy Gateway keeps certificates of its own in files of the same names, and overwrites them without a
//! word; so nothing is written below its directory either.

mod file;
mod gateway_home;
mod place;
mod undo;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use file::write_alone;
pub use place::{Contents, contents, current, previous, refuse_foreign, set_contents, set_files};

use file::{Access, make_directories, make_directory, open_directory, random_name, sync, write_new};
use place::Place;
use undo::Undo;

use crate::report::Hint;

/// One file of a set.
pub struct SetFile<'a> {
    /// Its name, without a directory.
    pub name: &'a str,
    /// What it holds.
    pub text: Zeroizing<String>,
    /// Nobody but its owner may read it.
    pub secret: bool,
}

/// A directory that nobody else writes to at the moment.
#[derive(Debug)]
pub struct Store {
    place: Place,
    /// Directories with new entries that are not on disk yet.
    changed: Vec<PathBuf>,
    // Before the lock: what is undone is undone while the lock is held.
    undo: Undo,
    _lock: File,
}

impl Store {
    /// Makes `directory` if it is missing, and locks it against other writers.
    ///
    /// What was made is taken away again when nothing is written.
    ///
    /// # Errors
    /// When the directory cannot be written to, somebody else is writing, or something foreign is in the way
    /// of one of `names`.
    pub fn open(directory: &Path, names: &[&str]) -> Result<Self, StoreError> {
        let place = Place::new(directory);
        let (mut undo, mut changed) = (Undo::default(), Vec::new());
        gateway_home::refuse(directory)?;
        place.refuse_foreign(names)?;
        let lock = lock(&place, &mut undo, &mut changed)?;
        // Once more: whoever held the lock before may have left something.
        place.refuse_foreign(names)?;
        place.sweep()?;
        Ok(Self { place, changed, undo, _lock: lock })
    }

    /// Replaces what is there by `files`, all at once.
    ///
    /// # Errors
    /// When the disk is full or does not take what is written. The set before is untouched then.
    pub fn write(self, files: &[SetFile<'_>]) -> Result<(), StoreError> {
        self.publish(files, &[])
    }

    /// Replaces what is there by itself with `files` in it and without those `removed`, all at once.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn update(self, files: &[SetFile<'_>], removed: &[&str]) -> Result<(), StoreError> {
        let changed = |name: &str| removed.contains(&name) || files.iter().any(|file| file.name == name);
        let mut kept = self.place.set_files()?;
        kept.retain(|name| !changed(name));
        self.publish(files, &kept)
    }

    /// Makes a set of `files` and of those of the current one that are `kept`.
    fn publish(mut self, files: &[SetFile<'_>], kept: &[String]) -> Result<(), StoreError> {
        let set = format!("set-{}", random_name()?);
        let (directory, replaced) = (self.place.hidden(&set), self.place.current());
        let before = replaced.as_ref().map(|replaced| self.place.hidden_directory().join(replaced));
        let access = |name: &str| match &before {
            Some(before) => Access::of(&before.join(name)),
            None => Ok(None),
        };
        make_directory(&directory, 0o700, &mut self.undo)?;
        let mut unsynced = Vec::new();
        for file in files {
            let mode = if file.secret { 0o600 } else { 0o644 };
            let path = directory.join(file.name);
            let (text, access) = (file.text.as_bytes(), access(file.name)?);
            unsynced.push((write_new(&path, text, mode, access, &mut self.undo)?, path));
        }
        for name in kept {
            let (from, path) = (self.place.current_directory().join(name), directory.join(name));
            let failed = |source| StoreError::failed("read", &from, source);
            let text = Zeroizing::new(fs::read(&from).map_err(failed)?);
            unsynced.push((write_new(&path, &text, 0o600, Access::of(&from)?, &mut self.undo)?, path));
        }
        let opened = open_directory(&directory)?;
        if let Some(access) = before.as_deref().map(Access::of).transpose()?.flatten() {
            access.apply(&opened, &directory)?;
        }
        unsynced.push((opened, directory));
        sync(&unsynced)?;
        let names = files.iter().map(|file| file.name).chain(kept.iter().map(String::as_str));
        let names = names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>();
        for name in &names {
            self.link(name)?;
        }
        self.ignore_by_git()?;
        if let Some(replaced) = &replaced {
            self.point("previous", replaced)?;
        }
        self.point("current", OsStr::new(&set))?;
        // From here on the new set is what readers see.
        self.undo.keep();
        self.place.remove_idle_links(&names)?;
        self.changed.extend([self.place.hidden_directory(), self.place.directory().into()]);
        let changed = self.changed.drain(..).map(|path| Ok((open_directory(&path)?, path)));
        sync(&changed.collect::<Result<Vec<_>, StoreError>>()?)?;
        if replaced.is_some() {
            // What cannot be removed now is removed by the next writer.
            let _ = self.place.sweep();
        }
        Ok(())
    }

    /// The name that users know: a link into the current set.
    fn link(&mut self, name: &str) -> Result<(), StoreError> {
        let link = self.place.directory().join(name);
        match symlink(Place::target(name), &link) {
            Ok(()) => {
                self.undo.remember(link);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.place.refuse_foreign(&[name]),
            Err(source) => Err(StoreError::failed("create", &link, source)),
        }
    }

    /// Keys are not for commits. A file that is there already knows better.
    fn ignore_by_git(&mut self) -> Result<(), StoreError> {
        let path = self.place.directory().join(".gitignore");
        match write_new(&path, GITIGNORE, 0o644, None, &mut self.undo) {
            Err(StoreError::Failed { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// Replaces one of our links, so that there is never none.
    fn point(&mut self, name: &str, target: &OsStr) -> Result<(), StoreError> {
        let path = self.place.hidden(name);
        let temporary = self.place.hidden(&format!("{name}.{}", random_name()?));
        symlink(target, &temporary).map_err(|source| StoreError::failed("create", &temporary, source))?;
        self.undo.remember(temporary.clone());
        #[expect(clippy::disallowed_methods, reason = "this is the one place that writes files")]
        fs::rename(&temporary, &path).map_err(|source| StoreError::failed("replace", &path, source))
    }
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another `egext` is writing.
    #[error("another `egext` is writing to `{}`", directory.display())]
    Busy {
        /// The directory.
        directory: PathBuf,
    },
    /// Something is there already, and is not replaced.
    #[error("`{}` exists, and is not overwritten", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`", path.display())]
    Failed {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something that we did not make is in the way.
    #[error("`{}` was not made by this command, and is not overwritten", path.display())]
    Foreign {
        /// What is in the way.
        path: PathBuf,
    },
    /// The directory belongs to Envoy Gateway, which overwrites the files in it.
    #[error("`{}` belongs to Envoy Gateway, whose own certificates are there", home.display())]
    GatewayHome {
        /// Envoy Gateway's directory.
        home: PathBuf,
    },
    /// The operating system has no random numbers.
    #[error("cannot choose a name: the operating system gave no random numbers")]
    NoRandomness,
}

impl StoreError {
    /// The same about `path`, where the user knows nothing of `temporary`.
    fn about(self, temporary: &Path, path: &Path) -> Self {
        match self {
            Self::Failed { action, path: failed, source } if failed == temporary => {
                Self::failed(action, path, source)
            }
            other => other,
        }
    }

    fn failed(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Failed { action, path: path.into(), source }
    }
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Busy { .. } => "wait until it has ended, and try again".to_owned(),
            Self::Failed { action, source, .. } => match source.kind() {
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                    "`--dir` names a directory; a part of this path is a file".to_owned()
                }
                io::ErrorKind::FileTooLarge => "raise the limit on the size of files: `ulimit -f`".to_owned(),
                io::ErrorKind::NotFound => "a part of this path is a link that leads nowhere".to_owned(),
                io::ErrorKind::PermissionDenied if *action == "keep the owner of" => {
                    "run it as root, or as the user who owns the file".to_owned()
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "name a directory that you may write to with `--dir`".to_owned()
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room and try again; nothing was changed".to_owned()
                }
                _ => return None,
            },
            Self::Exists { .. } => "name another file, or remove this one".to_owned(),
            Self::Foreign { .. } => "move it away, or name another directory with `--dir`".to_owned(),
            Self::GatewayHome { .. } => {
                "name another directory with `--dir`: these files have the same names, and `envoy-gateway certgen` overwrites them".to_owned()
            }
            Self::NoRandomness => "look at `dmesg` for `random`, and try again".to_owned(),
        })
    }
}

/// Holds until it is dropped, or until the process ends in whatever way.
fn lock(place: &Place, undo: &mut Undo, changed: &mut Vec<PathBuf>) -> Result<File, StoreError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match try_lock(place, undo, changed) {
            Ok(Some(file)) => return Ok(file),
            Ok(None) if attempts == ATTEMPTS => {
                return Err(StoreError::Busy { directory: place.directory().into() });
            }
            // Another writer has failed, and has just taken away the directories that it had made.
            Err(StoreError::Failed { source, .. })
                if source.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS => {}
            Ok(None) => {}
            Err(error) => return Err(error),
        }
    }
}

/// None when what was locked is no longer the lock.
fn try_lock(place: &Place, undo: &mut Undo, changed: &mut Vec<PathBuf>) -> Result<Option<File>, StoreError> {
    make_directories(place.directory(), undo, changed)?;
    make_directory(&place.hidden_directory(), 0o700, undo)?;
    let path = place.hidden("lock");
    let failed = |source| StoreError::failed("lock", &path, source);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Busy { directory: place.directory().into() });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // Who failed before us has removed its lock. What we hold then is a file without a name, and the next
    // writer would lock another one.
    let (held, named) = (file.metadata().map_err(failed)?, fs::symlink_metadata(&path).map_err(failed)?);
    if (named.dev(), named.ino()) != (held.dev(), held.ino()) {
        return Ok(None);
    }
    if place.current().is_none() {
        undo.remember(path);
    }
    Ok(Some(file))
}

/// How often the lock is tried when others come and go at the same moment.
const ATTEMPTS: usize = 10;

const GITIGNORE: &[u8] = b"# Made by egext: keys are not for commits.\n*\n";

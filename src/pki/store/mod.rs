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
mod git;
mod handle;
mod judge;
mod lock;
mod place;
mod plain;
mod snapshot;
mod take_over;
mod trust;
mod undo;
mod way;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;
use zeroize::Zeroizing;

pub use file::write_alone;
pub use git::{Unignored, unignored};
pub use judge::{Contents, judge, refuse_foreign};
pub use place::previous;
pub use snapshot::Snapshot;
pub use trust::Untrusted;
pub use way::{open_trusted, trust};

use file::{Access, random_name, sync, write_new};
use handle::{Directory, PRIVATE, ReadError};
use judge::Judgement;
use lock::{Lock, lock};
use place::{CURRENT, PREVIOUS, Place, SET};
use plain::Plain;
use undo::Undo;

use crate::pki::rotation::NEXT_CA_KEY_FILE;
use crate::pki::{CA_KEY_FILE, IdentityError};
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
    /// As the user named it.
    directory: PathBuf,
    place: Place,
    judgement: Judgement,
    /// What is there, where it is a copy that was not made by us.
    copy: Option<Plain>,
    /// No CA's key stays but one that is written now.
    forgets: bool,
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
    /// When the directory cannot be written to, others could replace files in it, somebody else is writing, or
    /// something foreign is in the way of one of `names`.
    pub fn open(directory: &Path, names: &[&str]) -> Result<Self, StoreError> {
        let (mut undo, mut changed) = (Undo::default(), Vec::new());
        gateway_home::refuse(directory)?;
        refuse_foreign(directory, names)?;
        let (place, lock) = lock(directory, &mut undo, &mut changed)?;
        // Once more: whoever held the lock before may have left something.
        let judgement = Judgement::of(&place)?;
        judgement.refuse_foreign(&place, names)?;
        let is_copy = judgement.contents == Contents::Plain;
        let copy = is_copy.then(|| Plain::load(&place)).transpose()?;
        place.sweep()?;
        let directory = directory.into();
        Ok(Self { directory, place, judgement, copy, forgets: false, changed, undo, _lock: lock })
    }

    /// The set that is there, to be read by the handle by which it will be replaced. None where there is none.
    ///
    /// # Errors
    /// When something foreign is among its files.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        Snapshot::of(&self.directory, &self.place)
    }

    /// Once the new set is there, no key of a CA is left that is not in it: it is removed from the set before, which
    /// stays for readers, and they have no use for it.
    #[must_use]
    pub fn forget_ca_keys(self) -> Self {
        Self { forgets: true, ..self }
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
    pub fn update(mut self, files: &[SetFile<'_>], removed: &[&str]) -> Result<(), StoreError> {
        self.take_over()?;
        let changed = |name: &str| removed.contains(&name) || files.iter().any(|file| file.name == name);
        let mut kept = self.place.current_set()?.as_ref().map_or(Ok(Vec::new()), Place::files_of)?;
        kept.retain(|name| !changed(name));
        self.publish(files, &kept)
    }

    /// Makes a set of `files` and of those of the current one that are `kept`.
    fn publish(mut self, files: &[SetFile<'_>], kept: &[String]) -> Result<(), StoreError> {
        self.take_over()?;
        let replaced = self.place.current()?;
        let before = self.place.replaceable_set()?;
        let set = format!("{SET}{}", random_name()?);
        let hidden = self.hidden()?;
        let directory = self.make_set(&hidden, &set)?;
        let mut unsynced = Vec::new();
        for file in files {
            let access = before.as_ref().map_or(Ok(None), |before| Access::of_file(before, file.name))?;
            let mode = if file.secret { PRIVATE } else { PUBLIC };
            let text = file.text.as_bytes();
            unsynced.push(write_new(&directory, file.name, text, mode, access, &mut self.undo)?);
        }
        for (name, before) in kept.iter().zip(std::iter::repeat(before.as_ref())) {
            let Some(before) = before else { break };
            let (text, access) = take_along(before, name)?;
            unsynced.push(write_new(&directory, name, &text, PRIVATE, Some(access), &mut self.undo)?);
        }
        if let Some(before) = &before {
            Access::of(&before.own_status()?).apply(directory.file(), directory.path())?;
        }
        unsynced.push(directory.unsynced());
        sync(&unsynced)?;
        let names = files.iter().map(|file| file.name).chain(kept.iter().map(String::as_str));
        let names = names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>();
        for name in &names {
            self.link(name)?;
        }
        if let Some(replaced) = &replaced {
            self.point(&hidden, PREVIOUS, replaced)?;
        }
        self.point(&hidden, CURRENT, OsStr::new(&set))?;
        // From here on the new set is what readers see.
        self.undo.keep();
        self.place.remove_idle_links(&names)?;
        self.changed.extend([hidden, self.place.directory().clone()]);
        sync(&self.changed.iter().map(Directory::unsynced).collect::<Vec<_>>())?;
        let swept = if replaced.is_some() { self.place.sweep() } else { Ok(()) };
        if self.forgets {
            swept?;
            return before.as_ref().map_or(Ok(()), remove_ca_keys);
        }
        // What cannot be removed now is removed by the next writer.
        Ok(())
    }

    fn hidden(&self) -> Result<Directory, StoreError> {
        let missing = || StoreError::failed("open", &self.directory, Errno::NOENT.into());
        self.place.hidden().cloned().ok_or_else(missing)
    }

    fn make_set(&mut self, hidden: &Directory, name: &str) -> Result<Directory, StoreError> {
        hidden.make(name, ALONE)?;
        self.undo.directory(hidden, name);
        hidden.open(name)
    }

    /// The name that users know: a link into the current set.
    fn link(&mut self, name: &str) -> Result<(), StoreError> {
        let directory = self.place.directory();
        match directory.symlink(&Place::target(name), name) {
            Ok(()) => {
                self.undo.file(directory, name);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.place.refuse_foreign_name(name)
            }
            Err(source) => Err(StoreError::failed("create", &directory.path_of(name), source)),
        }
    }

    /// Replaces one of our links, so that there is never none.
    fn point(&mut self, hidden: &Directory, name: &str, target: &OsStr) -> Result<(), StoreError> {
        let temporary = format!("{name}.{}", random_name()?);
        let failed = |source| StoreError::failed("create", &hidden.path_of(&temporary), source);
        hidden.symlink(target, &temporary).map_err(failed)?;
        self.undo.file(hidden, &temporary);
        let (temporary, name) = (OsStr::new(&temporary), OsStr::new(name));
        match hidden.status(name)? {
            Some(status) if status.kind().is_dir() => hidden.replace_directory(temporary, name),
            _ => hidden.rename(temporary, name),
        }
    }
}

/// On disk, too: who is told that a key is gone may sell the machine.
fn remove_ca_keys(set: &Directory) -> Result<(), StoreError> {
    for name in [CA_KEY_FILE, NEXT_CA_KEY_FILE] {
        match set.remove(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result.map_err(|source| StoreError::failed("remove", &set.path_of(name), source))?,
        }
    }
    sync(&[set.unsynced()])
}

/// What a file of the set before holds, and who may do what with it: of one and the same file.
fn take_along(set: &Directory, name: &str) -> Result<(Zeroizing<Vec<u8>>, Access), StoreError> {
    let path = set.path_of(name);
    match set.read(name) {
        Ok((text, status)) => Ok((text, Access::of(&status))),
        Err(ReadError::Failed(source)) => Err(StoreError::failed("read", &path, source)),
        Err(ReadError::NotAFile) => Err(StoreError::Foreign { path }),
        Err(ReadError::TooLarge) => {
            Err(StoreError::failed("take along", &path, io::ErrorKind::FileTooLarge.into()))
        }
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
    /// Only some of the files are there. Whoever took the others may want them back.
    #[error("`{}` holds half a set: {} missing", directory.display(), missing_words(missing))]
    Half {
        /// The directory.
        directory: PathBuf,
        /// Those that are there were not made by `egext`.
        foreign: bool,
        /// The names of the files that are not there.
        missing: Vec<String>,
    },
    /// The files are no set, though all are there.
    #[error("`{}` was not issued by the CA in `{}`", certificate.display(), ca.display())]
    Mixture {
        /// The certificate.
        certificate: PathBuf,
        /// The CA's.
        ca: PathBuf,
    },
    /// What should lead to a set beside it leads somewhere else.
    #[error("`{}` leads to `{}`, not to a set of `egext certs`", path.display(), target.display())]
    Stray {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Others could replace files.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A plain file of a set cannot be used.
    #[error(transparent)]
    Unusable(#[from] IdentityError),
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
        let half_set = |rest: &str| format!("put back what is missing, or {rest}");
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
            Self::Half { foreign: true, .. } => {
                half_set("move the other files away, or name another directory with `--dir`")
            }
            Self::Half { .. } => half_set("make a wholly new set: `egext certs init --force`"),
            Self::Mixture { .. } => "copy the set again as a whole: files of two sets were mixed".to_owned(),
            Self::Unusable(error) => return error.hint(),
            Self::Stray { .. } => "somebody has changed it: put the link back, or name another directory with `--dir`".to_owned(),
            Self::Untrusted(error) => return error.hint(),
            Self::NoRandomness => "look at `dmesg` for `random`, and try again".to_owned(),
        })
    }
}

fn missing_words(missing: &[String]) -> String {
    let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("{names} {verb}")
}

const ALONE: Mode = Mode::from_raw_mode(0o700);

const PUBLIC: Mode = Mode::from_raw_mode(0o644);

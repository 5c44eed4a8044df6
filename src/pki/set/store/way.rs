//! The path to a directory, component by component, each judged by its handle.
//!
//! Links are followed only here, and only those that belong to the effective user or to root and are in
//! directories where no other user can replace them. If every component is trusted in this sense, no other user can
//! replace one during the run; and if one does, all later work happens below the handle of the
//! directory that was judged.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;

use super::StoreError;
use super::handle::{Directory, Status};
use super::trust::{Owners, Strictness, Untrusted};
use super::undo::Undo;

/// Opens a directory. None where there is none.
pub(super) fn find(path: &Path, strictness: Strictness) -> Result<Option<Directory>, StoreError> {
    match Walk::new(path)?.go(|_, _, _| Ok(None))? {
        Some(walk) => walk.finish(strictness).map(Some),
        None => Ok(None),
    }
}

/// Opens a directory, and makes what is missing: it for its owner alone, and what is above it as usual, but for
/// no other user to write to. True where it was not there.
pub(super) fn make(
    path: &Path,
    strictness: Strictness,
    undo: &mut Undo,
    changed: &mut Vec<Directory>,
) -> Result<(Directory, bool), StoreError> {
    let mut is_new = false;
    let walk = Walk::new(path)?.go(|parent, name, is_last| {
        let parent = parent.reopen(parent.path())?;
        if parent.make(name, if is_last { ALONE } else { AS_USUAL })? {
            undo.directory(&parent, name);
            changed.push(parent.clone());
            is_new = is_last;
        }
        Ok(Some(parent))
    })?;
    Ok((walk.ok_or_else(|| not_found(path))?.finish(strictness)?, is_new))
}

/// Could a user other than the effective one and root put something else in the place of the file or directory at `path`?
///
/// Links are followed, so that of a set or a Secret that the kubelet has mounted everything is looked at on the way.
/// What is not there, or cannot be looked at, is no finding: reading it is an error.
///
/// # Errors
/// The first file, directory or link that others can change.
pub fn trust(path: &Path) -> Result<(), Untrusted> {
    trust_by(path, Owners::effective())
}

/// The same where the file or directory belongs to `owner`, another user: root looks at the files of a service.
///
/// # Errors
/// As [`trust`].
pub fn trust_of(path: &Path, owner: u32) -> Result<(), Untrusted> {
    trust_by(path, Owners::effective().and(owner))
}

fn trust_by(path: &Path, owners: Owners) -> Result<(), Untrusted> {
    let walk = Walk::by(path, owners).and_then(|walk| walk.go(|_, _, _| Ok(None)));
    match walk {
        Err(StoreError::Untrusted(untrusted)) => Err(untrusted),
        _ => Ok(()),
    }
}

/// Opens a directory in which only the effective user and root can put something else in the place of ours.
///
/// # Errors
/// When it is not there, or when others can change what is in it or what leads to it.
pub fn open_trusted(path: &Path) -> Result<OwnedFd, StoreError> {
    let directory = find(path, Strictness::Passed)?.ok_or_else(|| not_found(path))?;
    directory.file().try_clone().map_err(|source| StoreError::failed("open", path, source))
}

/// Where we are, and what is still ahead.
struct Walk<'a> {
    path: &'a Path,
    owners: Owners,
    here: Directory,
    status: Status,
    /// With whether it was typed, and did not come from a link.
    ahead: VecDeque<(OsString, bool)>,
    links: usize,
}

impl<'a> Walk<'a> {
    fn new(path: &'a Path) -> Result<Self, StoreError> {
        Self::by(path, Owners::effective())
    }

    fn by(path: &'a Path, owners: Owners) -> Result<Self, StoreError> {
        if path.as_os_str().is_empty() {
            return Err(not_found(path));
        }
        let start = Path::new(if path.is_absolute() { "/" } else { "." });
        let here = Directory::start(start).map_err(|source| StoreError::failed("open", path, source))?;
        let status = here.own_status()?;
        let mut walk = Self { path, owners, here, status, ahead: VecDeque::new(), links: 0 };
        if path.is_relative() {
            walk.judge_above()?;
        }
        walk.judge(Strictness::Passed)?;
        walk.ahead.extend(names(path).map(|name| (name, true)));
        Ok(walk)
    }

    /// Goes on until nothing is ahead. For what is missing `or_make` returns the directory in which it has made it;
    /// nothing is made where a link leads to.
    fn go(
        mut self,
        mut or_make: impl FnMut(&Directory, &OsStr, bool) -> Result<Option<Directory>, StoreError>,
    ) -> Result<Option<Self>, StoreError> {
        while let Some((name, typed)) = self.ahead.pop_front() {
            let next = match self.here.search(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let is_last = self.ahead.is_empty();
                    if !typed {
                        return Err(not_found(self.path));
                    }
                    let Some(parent) = or_make(&self.here, &name, is_last)? else { return Ok(None) };
                    parent.search(&name)
                }
                next => next,
            };
            match next {
                Ok(next) => self.enter(next)?,
                Err(error) if is_no_directory(&error) => self.follow(&name)?,
                Err(source) => return Err(StoreError::failed("open", self.path, source)),
            }
        }
        Ok(Some(self))
    }

    /// The directory itself, judged as it deserves, by the name that the user knows.
    fn finish(self, strictness: Strictness) -> Result<Directory, StoreError> {
        self.judge(strictness)?;
        self.here.reopen(self.path)
    }

    fn enter(&mut self, next: Directory) -> Result<(), StoreError> {
        self.status = next.own_status()?;
        self.here = next;
        self.judge(Strictness::Passed)
    }

    fn follow(&mut self, name: &OsStr) -> Result<(), StoreError> {
        let failed = |source| StoreError::failed("open", self.path, source);
        let found = self.here.link_status(name).map_err(failed)?;
        let (status, target) = found.ok_or_else(|| not_found(self.path))?;
        let shown = self.shown().join(name);
        let Some(target) = target else {
            if status.kind().is_file() && self.ahead.is_empty() {
                self.owners.judge(&status, &shown, Strictness::Own)?;
            }
            return Err(failed(Errno::NOTDIR.into()));
        };
        self.owners.judge_owner(&status, &shown)?;
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(StoreError::failed("open", self.path, Errno::LOOP.into()));
        }
        let target = PathBuf::from(target);
        if target.is_absolute() {
            let root = Directory::start(Path::new("/"));
            self.enter(root.map_err(|source| StoreError::failed("open", self.path, source))?)?;
        }
        for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
            self.ahead.push_front((name, false));
        }
        Ok(())
    }

    fn judge(&self, strictness: Strictness) -> Result<(), StoreError> {
        Ok(self.owners.judge(&self.status, &self.shown(), strictness)?)
    }

    /// What a message calls where we are: as it was typed, where that is what we are in.
    fn shown(&self) -> PathBuf {
        let path = self.here.path();
        let shown = path.strip_prefix(".").unwrap_or(path);
        if shown.as_os_str().is_empty() { path.into() } else { shown.into() }
    }

    /// What is above the working directory.
    fn judge_above(&self) -> Result<(), StoreError> {
        let (mut here, mut status) = (self.here.clone(), self.status);
        loop {
            // Where it cannot be passed, what is above it is closed to us; the working directory is open already.
            let Ok(above) = here.search(OsStr::new("..")) else { return Ok(()) };
            let of_above = above.own_status()?;
            if of_above.is_same(&status) {
                return Ok(());
            }
            self.owners.judge(&of_above, &real(above.path()), Strictness::Passed)?;
            (here, status) = (above, of_above);
        }
    }
}

/// Without dots, where that can be found out.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.into())
}

fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::Prefix(_) | Component::RootDir => None,
    })
}

fn is_no_directory(error: &io::Error) -> bool {
    [Errno::NOTDIR, Errno::LOOP].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn not_found(path: &Path) -> StoreError {
    StoreError::failed("open", path, Errno::NOENT.into())
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

const ALONE: Mode = Mode::from_raw_mode(0o700);

/// Not for others to write to, whatever the umask says.
const AS_USUAL: Mode = Mode::from_raw_mode(0o755);

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::StoreError;
use super::handle::{Directory, LIMIT, ReadError};
use super::judge::{Contents, Judgement};
use super::place::{CURRENT, HIDDEN, Place};
use super::plain::Plain;
use crate::pki::IdentityError;

/// The files of a set at one moment: opened once, and read by name below that handle, whatever becomes of the
/// directory meanwhile. A new set gets a new directory, so a snapshot is never a mixture of two.
#[derive(Debug)]
pub struct Snapshot {
    directory: PathBuf,
    source: Source,
    names: Vec<String>,
    withdrawn: Vec<String>,
}

#[derive(Debug)]
enum Source {
    /// Read already.
    Copy(Plain),
    Set(Directory),
}

impl Snapshot {
    /// Opens the set that readers see in `directory`. None where there is none. Needs no lock; who is about to write
    /// takes [`Store::snapshot`](super::Store::snapshot).
    ///
    /// # Errors
    /// When the directory cannot be searched, others could replace files in it, or something foreign is among them.
    pub fn open(directory: &Path) -> Result<Option<Self>, StoreError> {
        // The set that we have read the name of is swept when two more were published since.
        for _ in 0..ATTEMPTS {
            let Some(place) = Place::find(directory)? else { return Ok(None) };
            match Self::of(directory, &place) {
                Err(StoreError::Failed { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
        Place::find(directory)?.map_or(Ok(None), |place| Self::of(directory, &place))
    }

    pub(super) fn of(directory: &Path, place: &Place) -> Result<Option<Self>, StoreError> {
        let Judgement { contents, withdrawn, .. } = Judgement::of(place)?;
        let set = match contents {
            Contents::Dangling { links } => {
                return Err(StoreError::Dangling { directory: directory.into(), links });
            }
            Contents::Foreign { path } => return Err(StoreError::Foreign { path }),
            Contents::Nothing => return Ok(None),
            Contents::Plain => {
                let copy = Plain::load(place)?;
                let names = copy.files.iter().map(|file| file.name.clone()).collect();
                let source = Source::Copy(copy);
                return Ok(Some(Self { directory: directory.into(), source, names, withdrawn }));
            }
            Contents::OneSide { role } => {
                return Err(StoreError::OneSide { directory: directory.into(), role });
            }
            Contents::Half { foreign, missing, .. } => match place.current_set()? {
                Some(set) if !foreign => set,
                _ => return Err(StoreError::Half { directory: directory.into(), foreign, missing }),
            },
            Contents::Ours => {
                let Some(set) = place.current_set()? else { return Ok(None) };
                set
            }
        };
        let names = Place::files_of(&set)?;
        Ok(Some(Self { directory: directory.into(), source: Source::Set(set), names, withdrawn }))
    }

    /// The names of all files of the set, in alphabetical order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What further certificates are called that are in the set, though the user has deleted them by the names that users
    /// know. They stay as they are until they are removed or put back: no command renews them, or makes their names again.
    pub fn withdrawn(&self) -> &[String] {
        &self.withdrawn
    }

    /// Is there a file `name`?
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// What messages call the file `name`: as the user knows it.
    pub fn path(&self, name: &str) -> PathBuf {
        match name.starts_with('.') {
            // It has no name in the directory itself.
            true => self.directory.join(HIDDEN).join(CURRENT).join(name),
            false => self.directory.join(name),
        }
    }

    /// The directory, as the user named it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads the file `name`, and wipes it from memory afterwards: it may hold a key.
    ///
    /// # Errors
    /// When it is not there, is no regular file, or is larger than any certificate or key.
    pub fn read(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let path = || self.path(name);
        let read = match &self.source {
            Source::Copy(copy) => match copy.file(name) {
                Some(file) => return Ok(file.text.clone()),
                None => Err(ReadError::Failed(Errno::NOENT.into())),
            },
            Source::Set(set) => set.read(name),
        };
        match read {
            Ok((text, _)) => Ok(text),
            Err(ReadError::Failed(source)) => Err(IdentityError::Unreadable { path: path(), source }),
            Err(ReadError::NotAFile) => {
                let source = io::Error::other("it is not a regular file");
                Err(IdentityError::Unreadable { path: path(), source })
            }
            Err(ReadError::TooLarge) => Err(IdentityError::TooLarge { path: path(), limit: LIMIT }),
        }
    }
}

/// How often it is tried when others publish at the same moment.
const ATTEMPTS: usize = 10;

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::StoreError;
use super::handle::{Directory, LIMIT, ReadError};
use super::place::Place;
use crate::pki::IdentityError;

/// The files of a set at one moment: opened once, and read by name below that handle, whatever becomes of the
/// directory meanwhile. A new set gets a new directory, so a snapshot is never a mixture of two.
#[derive(Debug)]
pub struct Snapshot {
    directory: PathBuf,
    set: Directory,
    names: Vec<String>,
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
        let Some(set) = place.current_set()? else { return Ok(None) };
        let names = Place::files_of(&set)?;
        Ok(Some(Self { directory: directory.into(), set, names }))
    }

    /// The names of all files of the set, in alphabetical order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Is `name` among them?
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// What messages call the file `name`: as the user knows it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
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
        match self.set.read(name) {
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

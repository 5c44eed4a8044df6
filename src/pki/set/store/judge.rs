//! What a directory contains: nothing, a set, a part of a set, or something else.

use std::path::{Path, PathBuf};

use super::handle::Directory;
use super::place::Place;
use super::trust::Owners;
use super::{StoreError, gateway_home, plain, refuse_inside};
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, Role, SET_FILES};

/// What a directory holds of a set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Contents {
    /// The links of a set, and not the directory that they lead to: a copy that left it out.
    Dangling {
        /// What they are called.
        links: Vec<String>,
    },
    /// All files of a set are there, and one of them is not ours to replace: a link that another user has made, or a
    /// file in the place of one of ours.
    Foreign {
        /// Which one.
        path: PathBuf,
    },
    /// Some files of a set.
    Half {
        /// The names of the others.
        missing: Vec<String>,
        /// Some of those that are there were not made by [`Store`](super::Store).
        foreign: bool,
        /// The current set has the others: only the links to them are missing.
        is_whole: bool,
    },
    /// No file of a set.
    Nothing,
    /// The plain files of one side, without the CA's key: another machine was given them, and signs nothing.
    OneSide {
        /// The side.
        role: Role,
    },
    /// A set as [`Store`](super::Store) writes it.
    Ours,
    /// All files of a set, plain and our own: a copy, or a set that was restored. The next change makes it ours.
    Plain,
}

impl Contents {
    /// Are they the files that one side needs, made on another machine?
    pub fn is_one_side(&self) -> bool {
        matches!(self, Self::OneSide { .. })
    }

    /// Refuses what is in `directory` if it is part of a set.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn refuse_parts(self, directory: &Path) -> Result<(), StoreError> {
        let directory = directory.to_owned();
        Err(match self {
            Self::Foreign { .. } | Self::Nothing | Self::Ours | Self::Plain => return Ok(()),
            Self::Dangling { links } => StoreError::Dangling { directory, links },
            Self::Half { missing: links, is_whole: true, .. } => StoreError::LinkMissing { directory, links },
            Self::Half { foreign, missing, .. } => StoreError::Half { directory, foreign, missing },
            Self::OneSide { role } => StoreError::OneSide { directory, role },
        })
    }
}

/// What is in `directory`? Reads only, and needs no lock.
///
/// # Errors
/// When the directory cannot be searched, or others could replace files in it.
pub fn judge(directory: &Path) -> Result<Contents, StoreError> {
    loop {
        let Some(place) = Place::find(directory)? else { return Ok(Contents::Nothing) };
        let before = place.current()?;
        let judgement = Judgement::of(&place);
        // A set was published while we looked: what was missing then may be there now.
        if place.current()? == before {
            return judgement.map(|judgement| judgement.contents);
        }
    }
}

/// Would [`Store::open`](super::Store::open) find something foreign in the way of `names`? Reads only.
///
/// # Errors
/// When it would, or the directory cannot be searched.
pub fn refuse_foreign(directory: &Path, names: &[&str]) -> Result<(), StoreError> {
    match Place::find(directory)? {
        Some(place) => Judgement::of(&place)?.refuse_foreign(&place, names),
        None => Ok(()),
    }
}

/// Refuses what [`Store::open`](super::Store::open) would refuse, without a lock. Reads only.
///
/// # Errors
/// When something foreign is in the way of one of `names`, or the directory is no place for a set.
pub fn rehearse(directory: &Path, names: &[&str]) -> Result<(), StoreError> {
    gateway_home::refuse(directory)?;
    refuse_inside(directory)?;
    refuse_foreign(directory, names)
}

/// [`Contents`] with what a writer has to know.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) contents: Contents,
    /// Names that are no links yet, and hold what the current set holds: a command was killed while taking over a copy.
    pub(super) unlinked: Vec<String>,
    /// What further certificates are called that are in the current set, and whose own name was deleted. Links are made
    /// before the set that they lead to is in its place, so no killed run leaves this: the user did it.
    pub(super) withdrawn: Vec<String>,
}

impl Judgement {
    pub(super) fn of(place: &Place) -> Result<Self, StoreError> {
        let set = place.replaceable_set()?;
        let in_set = set.as_ref().map_or(Ok(Vec::new()), Place::files_of)?;
        let mut names = SET_FILES.map(str::to_owned).to_vec();
        let further =
            in_set.iter().filter(|name| !name.starts_with('.') && !SET_FILES.contains(&name.as_str()));
        names.extend(further.cloned());
        let (mut missing, mut same, mut other, mut foreign) = (Vec::new(), Vec::new(), Vec::new(), None);
        let mut withdrawn = Vec::new();
        let (mut linked, mut idle_links, mut lost) = (0, Vec::new(), 0);
        for name in names {
            let belongs = SET_FILES.contains(&name.as_str());
            match State::of(place, set.as_ref(), &in_set, &name)? {
                // The CA's key may be elsewhere: a link to nothing is a loss, none at all is a choice.
                State::Missing { link } if belongs && (link || name != CA_KEY_FILE) => {
                    lost += usize::from(link || !in_set.contains(&name));
                    idle_links.extend(link.then(|| name.clone()));
                    missing.push(name);
                }
                State::Missing { link } => {
                    withdrawn
                        .extend(name.strip_suffix(".crt").filter(|_| !belongs && !link).map(str::to_owned));
                }
                State::Linked => linked += usize::from(belongs),
                State::Same => same.push(name),
                State::Plain if belongs => other.push(name),
                State::Foreign | State::Plain => foreign = foreign.or(Some(name)),
            }
        }
        let some = linked > 0 || !same.is_empty() || !other.is_empty() || foreign.is_some();
        let path = |name: &str| place.directory().path_of(name);
        let side =
            side(&other).filter(|_| linked + idle_links.len() == 0 && same.is_empty() && foreign.is_none());
        let contents = match (missing.is_empty(), &foreign, other.first()) {
            _ if !some && !idle_links.is_empty() && place.hidden().is_none() => {
                Contents::Dangling { links: idle_links.clone() }
            }
            _ if !some => Contents::Nothing,
            (false, foreign, plain) => {
                let foreign = foreign.is_some() || plain.is_some();
                let half = Contents::Half { foreign, missing, is_whole: !foreign && lost == 0 };
                side.map_or(half, |role| Contents::OneSide { role })
            }
            (true, Some(name), _) => Contents::Foreign { path: path(name) },
            (true, None, None) => Contents::Ours,
            (true, None, Some(_)) if linked == 0 => Contents::Plain,
            (true, None, Some(name)) => Contents::Foreign { path: path(name) },
        };
        if contents == Contents::Nothing {
            refuse_unlinked(place, !idle_links.is_empty())?;
        }
        let unlinked = if contents == Contents::Ours { same } else { Vec::new() };
        Ok(Self { contents, unlinked, withdrawn })
    }

    /// Looks whether anything that a writer of `names` would replace belongs to another user.
    pub(super) fn refuse_foreign(&self, place: &Place, names: &[&str]) -> Result<(), StoreError> {
        let is_copy = self.contents == Contents::Plain;
        let taken_over = |name: &str| {
            is_copy && SET_FILES.contains(&name) || self.unlinked.iter().any(|known| known == name)
        };
        let others = names.iter().filter(|name| !taken_over(name)).copied().collect::<Vec<_>>();
        place.refuse_foreign(&others, is_copy)
    }
}

/// Whose files these are: all that one side needs, and nothing else of a set.
fn side(names: &[String]) -> Option<Role> {
    Role::SERVER_FIRST.into_iter().find(|role| {
        let files = [CA_CERTIFICATE_FILE, role.certificate_file(), role.key_file()];
        names.len() == files.len() && files.iter().all(|file| names.iter().any(|name| name == file))
    })
}

/// Who would take it for nothing would make a new CA, and remove the one that is there. No killed run leaves this: the
/// first set gets its name when all links are there that lead to it.
fn refuse_unlinked(place: &Place, has_links: bool) -> Result<(), StoreError> {
    let (sets, current) = place.unlinked_sets()?;
    // The current set is there, without its files.
    let is_emptied = has_links && current;
    let hidden = place.hidden().filter(|_| !sets.is_empty() && !is_emptied);
    let Some(hidden) = hidden else { return Ok(()) };
    let (directory, hidden) = (place.directory().path().into(), hidden.path().into());
    Err(StoreError::Unlinked { directory, hidden, sets, current, has_links })
}

/// What stands where a file of a set belongs.
enum State {
    Foreign,
    /// Our link, to a file of the current set.
    Linked,
    /// Nothing, or our link that leads nowhere.
    Missing {
        link: bool,
    },
    /// A file that the current set has not, or not so.
    Plain,
    /// A file with the contents of that in the current set.
    Same,
}

impl State {
    fn of(place: &Place, set: Option<&Directory>, in_set: &[String], name: &str) -> Result<Self, StoreError> {
        let directory = place.directory();
        let is_in_set = in_set.iter().any(|known| known == name);
        let Some(status) = directory.status(name)? else { return Ok(Self::Missing { link: false }) };
        if status.kind().is_symlink() {
            return Ok(match directory.target(name) {
                Some(target) if target != Place::target(name) => Self::Foreign,
                _ if is_in_set => Self::Linked,
                _ => Self::Missing { link: true },
            });
        }
        let owners = Owners::effective();
        if !status.kind().is_file() || owners.judge_owner(&status, &directory.path_of(name)).is_err() {
            return Ok(Self::Foreign);
        }
        Ok(match set.filter(|_| is_in_set) {
            Some(set) if plain::is_same(directory, set, name) => Self::Same,
            _ => Self::Plain,
        })
    }
}

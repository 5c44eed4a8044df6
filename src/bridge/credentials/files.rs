//! Which directories have to be watched, so that a change of some files is seen.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The directories of files and of the links that lead to them, and the names there.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Places {
    pub(super) directories: BTreeSet<PathBuf>,
    pub(super) names: BTreeSet<OsString>,
}

impl Places {
    /// Of these files. A set is replaced by a new link above its files: `..data` in a mounted Secret, `.egext/current` in
    /// our own, so every link on the way counts.
    pub(super) fn of<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        let mut places = Self::default();
        paths.for_each(|path| places.follow(path));
        places
    }

    fn follow(&mut self, path: &Path) {
        let mut here = PathBuf::from(".");
        let mut links = 0;
        let mut ahead = parts(path);
        while let Some(part) = ahead.pop_front() {
            let next = here.join(&part);
            match fs::read_link(&next) {
                Ok(target) if links < MOST_LINKS => {
                    links += 1;
                    self.note(&here, part);
                    for part in parts(&target).into_iter().rev() {
                        ahead.push_front(part);
                    }
                }
                _ if ahead.is_empty() => self.note(&here, part),
                // An absolute part replaces what is before it.
                _ => here = next,
            }
        }
    }

    fn note(&mut self, directory: &Path, name: OsString) {
        self.directories.insert(directory.to_owned());
        self.names.insert(name);
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_watched() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        fs::create_dir_all(root.join("certs/.egext/sets/1")).expect("new directories");
        symlink("sets/1", root.join("certs/.egext/current")).expect("a link");
        symlink(".egext/current/ca.crt", root.join("certs/ca.crt")).expect("a link");
        symlink(root.join("certs"), root.join("named")).expect("a link");
        let places = Places::of([&*root.join("named/ca.crt")].into_iter());
        let certs = root.join("certs");
        for watched in [root, &certs, &certs.join(".egext"), &certs.join(".egext/sets/1")] {
            assert!(places.directories.contains(watched), "{watched:?} in {places:?}");
        }
        for name in ["named", "ca.crt", "current"] {
            assert!(places.names.contains(&OsString::from(name)), "{name} in {places:?}");
        }
    }

    #[test]
    fn a_circle_of_links_has_an_end() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        symlink("b", directory.path().join("a")).expect("a link");
        symlink("a", directory.path().join("b")).expect("a link");
        let places = Places::of([&*directory.path().join("a/ca.crt")].into_iter());
        assert!(places.names.contains(&OsString::from("a")), "{places:?}");
    }
}

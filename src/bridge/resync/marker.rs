//! The marker: an HTTPRoute in Envoy Gateway's resource directory that changes the configuration without changing what
//! any request gets. The only code of the bridge that writes files.
//!
//! Envoy Gateway translates again only if what it has computed from its files has changed, and an HTTPRoute whose match
//! has another number is such a change on every release. It is written to a hidden file first, which Envoy Gateway
//! ignores, and renamed: so it never reads a half of it, and gets one event and not two. The hidden file is made when
//! the need arises, and stays until the need is over: a bridge that was killed in between finds it at its next start.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::net::Address;

/// The names and the first line of what one bridge writes.
#[derive(Clone, Debug)]
pub(super) struct Marker {
    name: String,
    head: String,
}

/// A resource directory, open: whatever its path leads to later, what is done is done here.
#[derive(Debug)]
pub(super) struct Place {
    directory: OwnedFd,
    path: PathBuf,
}

/// What is in the directory under one of our names.
#[derive(Debug, Eq, PartialEq)]
enum Found {
    Nothing,
    /// With what is in it.
    Ours(String),
    Foreign,
}

/// Why a directory has no new marker.
#[derive(Debug)]
pub(super) enum WriteError {
    /// A file with the name of ours is not ours.
    Foreign(PathBuf),
    Io(io::Error),
}

impl From<Errno> for WriteError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Marker {
    /// Each bridge has names of its own, by the address that it listens on: two that serve the same Envoy Gateway never
    /// write the same file, and one that starts again finds what it left.
    pub(super) fn of(listen: &Address) -> Self {
        let address = match listen {
            Address::Unix(path) => {
                std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
            }
            address => address.to_string(),
        };
        let name = format!("egext-resync-{:016x}", fnv1a(address.as_bytes()));
        // On one line, whatever is in a path.
        let head = format!("# Made by egext bridge --resync, which listens on {}\n", address.escape_debug());
        Self { name, head }
    }

    /// The name that Envoy Gateway sees.
    pub(super) fn file(&self) -> String {
        format!("{}.yaml", self.name)
    }

    fn hidden(&self) -> String {
        format!(".{}.tmp", self.name)
    }

    /// The routes: one for each namespace, because a Gateway accepts routes of its own namespace unless it says
    /// otherwise. All of them have the same fields every time: a field that is left out of a file stays in effect in
    /// Envoy Gateway, which merges objects.
    fn text(&self, gateways: &BTreeMap<String, Vec<String>>, number: u32) -> String {
        let mut text = format!("{}{ABOUT}", self.head);
        for (index, (namespace, names)) in gateways.iter().enumerate() {
            let separator = if index == 0 { "" } else { "---\n" };
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "{separator}apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: {}\n  \
                 namespace: {}\nspec:\n  parentRefs:\n",
                self.name,
                quoted(namespace)
            );
            for name in names {
                let _ = writeln!(text, "    - name: {}", quoted(name));
            }
            let _ = write!(text, "{RULE}              {VALUE}\"{number}\"\n{FILTER}");
        }
        text
    }
}

impl Place {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { directory, path: path.to_owned() })
    }

    /// Did a bridge leave something here?
    pub(super) fn has_rest_of(&self, marker: &Marker) -> Result<bool, WriteError> {
        let left = [self.find(&marker.file(), marker)?, self.find(&marker.hidden(), marker)?];
        Ok(left.iter().any(|found| matches!(found, Found::Ours(_))))
    }

    /// Notes that a marker is needed, where the next bridge finds it.
    pub(super) fn note(&self, marker: &Marker) -> Result<(), WriteError> {
        self.write(marker, &marker.head)
    }

    /// Gives the directory a marker that differs from the one that is there.
    pub(super) fn publish(
        &self,
        marker: &Marker,
        gateways: &BTreeMap<String, Vec<String>>,
    ) -> Result<(), WriteError> {
        let before = match self.find(&marker.file(), marker)? {
            Found::Nothing => None,
            Found::Ours(text) => number_in(&text),
            Found::Foreign => return Err(WriteError::Foreign(self.path.join(marker.file()))),
        };
        let mut number = fastrand::u32(1..);
        while Some(number) == before {
            number = fastrand::u32(1..);
        }
        self.write(marker, &marker.text(gateways, number))?;
        renameat(&self.directory, marker.hidden(), &self.directory, marker.file())?;
        // The note of the need, for as long as the marker has had no effect. It is the marker itself if this fails.
        let _ = self.note(marker);
        Ok(())
    }

    /// Removes what is ours.
    pub(super) fn clear(&self, marker: &Marker) -> Result<(), WriteError> {
        for name in [marker.file(), marker.hidden()] {
            if let Found::Ours(_) = self.find(&name, marker)? {
                unlinkat(&self.directory, name, AtFlags::empty())?;
            }
        }
        Ok(())
    }

    /// The hidden file, with this text.
    fn write(&self, marker: &Marker, text: &str) -> Result<(), WriteError> {
        let name = marker.hidden();
        match self.find(&name, marker)? {
            Found::Nothing => {}
            Found::Ours(_) => unlinkat(&self.directory, &name, AtFlags::empty())?,
            Found::Foreign => return Err(WriteError::Foreign(self.path.join(name))),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.directory, &name, flags, READABLE)?;
        // Envoy Gateway may be another user, and a file that it cannot read spoils its whole directory. There is no
        // secret in it.
        fchmod(&file, READABLE)?;
        let mut file = File::from(file);
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // A disk that is full: not even a rest of ours stays there.
            let _ = unlinkat(&self.directory, &name, AtFlags::empty());
            return Err(error.into());
        }
        Ok(())
    }

    fn find(&self, name: &str, marker: &Marker) -> Result<Found, WriteError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            // A symbolic link; a file that we may not read; a socket.
            Err(Errno::LOOP | Errno::MLINK | Errno::ACCESS | Errno::NXIO) => return Ok(Found::Foreign),
            Err(error) => return Err(error.into()),
        };
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Ok(Found::Foreign);
        }
        let mut text = Vec::new();
        File::from(file).take(MOST).read_to_end(&mut text)?;
        // Killed while it wrote: a beginning of ours, or nothing yet.
        let is_ours = text.starts_with(marker.head.as_bytes())
            || (name.starts_with('.') && marker.head.as_bytes().starts_with(&text));
        match is_ours {
            true => Ok(Found::Ours(String::from_utf8_lossy(&text).into_owned())),
            false => Ok(Found::Foreign),
        }
    }
}

fn number_in(text: &str) -> Option<u32> {
    let (_, behind) = text.split_once(VALUE)?;
    behind.split('"').nth(1)?.parse().ok()
}

/// A JSON string is a YAML string as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Names that stay the same from release to release, which no hash of the standard library promises.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

const READABLE: Mode = Mode::from_raw_mode(0o644);

/// Far more than a marker for a thousand Gateways has.
const MOST: u64 = 1 << 20;

const ABOUT: &str = "\
# It makes Envoy Gateway ask its extension server again after an error, and is removed when that is done. It redirects
# only requests that have the header and the number below.
";

const RULE: &str = "\
\x20 rules:
\x20   - matches:
\x20       - headers:
\x20           - type: Exact
\x20             name: x-egext-resync
";

const VALUE: &str = "value: ";

const FILTER: &str = "\
\x20     filters:
\x20       - type: RequestRedirect
\x20         requestRedirect:
\x20           statusCode: 302
";

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker::of(&"unix:/run/egext/eg.sock".parse().expect("an address"))
    }

    #[test]
    fn each_marker_has_another_number_than_the_one_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let (place, marker) = (Place::open(directory.path()).expect("open"), marker());
        let gateways = BTreeMap::from([("a".to_owned(), vec!["g".to_owned()])]);
        let mut before = None;
        for _ in 0..20 {
            place.publish(&marker, &gateways).expect("written");
            let text = std::fs::read_to_string(directory.path().join(marker.file())).expect("there");
            let number = number_in(&text);
            assert!(number.is_some() && number != before, "{text}");
            before = number;
        }
        place.clear(&marker).expect("removed");
        assert_eq!(std::fs::read_dir(directory.path()).expect("open").count(), 0);
    }
}

//! What each release of Envoy Gateway (EG) does with its configuration: the only table of it.
//!
//! [`FACTS`] says what works in which release, a column for each minor release, and [`PATCHES`] what other patch
//! releases do differently. [`VALUES`] says what a release uses if nothing is written. [`REFUSALS`] has the
//! sentences with which EG ends at its start, in the order of its checks, and [`FAILURES`] those of what fails later.
//!
//! A source is `TAG:PATH:LINE` in github.com/envoyproxy/gateway. The tag is the newest patch release of a minor
//! release that Go's module proxy serves: 1.4.3, 1.5.9, 1.6.3, 1.7.2, 1.8.3, 1.9.1. The first source of a row is of
//! the first release that has it, or of the last one that has not; the last source is of the newest.

mod facts;
mod sentences;
mod values;

use std::fmt::{self, Display};
use std::str::FromStr;

pub use facts::{Cell, FACTS, Fact, Group, PATCHES, Patch, Row};
pub use sentences::{FAILURES, Failure, REFUSALS, Refusal, STATUS_CODES, Sentence};
pub use values::{VALUES, Value, ValueRow};

use super::ValueError;

/// A minor release of EG.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum Version {
    V1_4,
    V1_5,
    V1_6,
    V1_7,
    V1_8,
    #[default]
    V1_9,
}

impl Version {
    /// All of them, ascending. Before 1.4, EG calls no extension server outside Kubernetes.
    pub const ALL: &[Self] = &[Self::V1_4, Self::V1_5, Self::V1_6, Self::V1_7, Self::V1_8, Self::V1_9];

    /// Does what `fact` is about work in this release?
    pub fn has(self, fact: Fact) -> bool {
        Release::from(self).has(fact)
    }

    /// The number, such as `1.9`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
            Self::V1_8 => "1.8",
            Self::V1_9 => "1.9",
        }
    }

    /// The patch release whose code this table was read from.
    pub const fn read_from(self) -> u32 {
        match self {
            Self::V1_4 | Self::V1_6 | Self::V1_8 => 3,
            Self::V1_5 => 9,
            Self::V1_7 => 2,
            Self::V1_9 => 1,
        }
    }
}

impl FromStr for Version {
    type Err = ValueError;

    /// `1.9`, `v1.9`, `1.9.0` and `v1.9.3` are all 1.9.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse::<Release>().map(|release| release.minor)
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The release that reads a configuration: a minor release, and the patch release if one was named.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Release {
    /// The minor release.
    pub minor: Version,
    /// `None` means the patch release that the table was read from.
    pub patch: Option<u32>,
}

impl Release {
    /// Every minor release, as it was read.
    pub fn all() -> Vec<Self> {
        Version::ALL.iter().copied().map(Self::from).collect()
    }

    /// What this release does with what `fact` is about.
    pub fn cell(self, fact: Fact) -> Cell {
        let number = self.patch.unwrap_or(self.minor.read_from());
        let differs = PATCHES
            .iter()
            .find(|patch| patch.fact == fact && patch.minor == self.minor && patch.numbers.contains(&number));
        differs.map_or(fact.row().cells[self.minor as usize], |patch| patch.cell)
    }

    /// Does what `fact` is about work in this release?
    pub fn has(self, fact: Fact) -> bool {
        self.cell(fact) == Cell::Yes
    }

    /// What this release does if it cannot connect to an extension server: its calls have no deadline, and `failOpen` is
    /// about calls that fail.
    pub fn without_connection(self) -> String {
        match self.has(Fact::UnreachableWaits) {
            true => format!(
                "EG {self} waits without a limit, so no gateway gets a new configuration; `failOpen` does not help"
            ),
            false => format!("every hook of EG {self} fails"),
        }
    }

    /// What this release uses for `value` if nothing is written. Of a minor release only one patch release was read, and
    /// another one can have another default, such as a newer Envoy.
    pub fn value(self, value: Value) -> &'static str {
        value.row().cells[self.minor as usize]
    }
}

impl From<Version> for Release {
    fn from(minor: Version) -> Self {
        Self { minor, patch: None }
    }
}

impl Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            Some(patch) => f.pad(&format!("{}.{patch}", self.minor)),
            None => f.pad(self.minor.name()),
        }
    }
}

impl FromStr for Release {
    type Err = ValueError;

    /// `1.9` and `v1.9` are the minor release, `1.9.0` and `v1.9.3` patch releases of it.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let unknown = || ValueError::Version { text: text.to_owned() };
        let numbers = text.strip_prefix('v').unwrap_or(text);
        let (minor, patch) = match numbers.match_indices('.').nth(1) {
            Some((dot, _)) => (&numbers[..dot], Some(&numbers[dot + 1..])),
            None => (numbers, None),
        };
        let minor = Version::ALL.iter().copied().find(|known| known.name() == minor).ok_or_else(unknown)?;
        // `parse` would take a sign.
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let number =
            |digits: &str| digits.parse::<u32>().ok().filter(|_| is_number(digits)).ok_or_else(unknown);
        let patch = patch.map(number).transpose()?;
        Ok(Self { minor, patch })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_stand_where_they_are_looked_up() {
        for (index, row) in FACTS.iter().enumerate() {
            assert_eq!(row.fact as usize, index, "{row:?}");
        }
        for (index, row) in VALUES.iter().enumerate() {
            assert_eq!(row.value as usize, index, "{row:?}");
        }
    }

    #[test]
    fn every_row_says_where_it_was_read() {
        let facts = FACTS.iter().flat_map(|row| row.sources);
        let values = VALUES.iter().flat_map(|row| row.sources);
        let sentences = REFUSALS.iter().map(|row| &row.source).chain(FAILURES.iter().map(|row| &row.source));
        for source in facts.chain(values).chain(sentences) {
            let (tag, path) = source.split_once(':').expect("TAG:PATH");
            let release = tag.strip_prefix('v').expect("a tag").parse::<Release>().expect("a release");
            assert_eq!(release.patch, Some(release.minor.read_from()), "{source}");
            let (file, line) = path.rsplit_once(':').expect("PATH:LINE");
            assert!(file.ends_with(".go") || file == "go.mod", "{source}");
            line.parse::<u32>().expect("a line");
        }
    }

    #[test]
    fn a_patch_release_that_differs_says_so_and_where_it_was_read() {
        for patch in PATCHES {
            let column = patch.fact.row().cells[patch.minor as usize];
            assert_ne!(patch.cell, column, "{patch:?}");
            assert!(!patch.numbers.contains(&patch.minor.read_from()), "{patch:?}");
            let (tag, _) = patch.source.split_once(':').expect("TAG:PATH");
            let read = tag.parse::<Release>().expect("a release");
            assert_eq!(read.minor, patch.minor, "{patch:?}");
            assert!(patch.numbers.contains(&read.patch.expect("a patch release")), "{patch:?}");
        }
        let cell = |text: &str| text.parse::<Release>().expect(text).cell(Fact::OfflineEnvoy);
        assert_eq!((cell("1.9.0"), cell("1.9.1"), cell("1.9")), (Cell::Yes, Cell::Never, Cell::Never));
    }

    #[test]
    fn a_release_says_one_sentence_of_each_kind_at_most() {
        for release in Release::all() {
            let said = REFUSALS.iter().filter(|row| row.is_of(release)).map(|row| row.id).collect::<Vec<_>>();
            for (index, id) in said.iter().enumerate() {
                assert!(!said[..index].contains(id), "{release}: {id:?}");
            }
        }
        for row in REFUSALS {
            assert!(row.since <= row.until, "{row:?}");
        }
    }

    #[test]
    fn a_release_is_named_in_many_ways() {
        for text in ["1.9", "v1.9", "1.9.0", "v1.9.12"] {
            assert_eq!(text.parse::<Version>().expect(text), Version::V1_9);
            let release = text.parse::<Release>().expect(text);
            assert_eq!(release.to_string(), text.trim_start_matches('v'));
        }
        for version in Version::ALL {
            assert_eq!(version.to_string().parse::<Version>().expect("printed form"), *version);
        }
        for text in [
            "",
            "v",
            "1",
            "1.3",
            "1.10",
            "2.0",
            "1.9.",
            "1.9.x",
            "1.9.+1",
            "1.9.0-rc.1",
            "1.90",
            "vv1.9",
            " 1.9",
        ] {
            text.parse::<Release>().expect_err(text);
        }
    }

    #[test]
    fn a_sentence_takes_its_values() {
        let sentence = FAILURES.iter().find(|row| row.id == Failure::CaNotFound).expect("in the table");
        assert!(sentence.with(&["a", "b"]).ends_with("cannot find Secret a in namespace b"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "v?[0-9.]{0,8}.{0,3}") {
            let _ = text.parse::<Release>();
        }
    }
}

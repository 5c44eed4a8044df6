//! The table of finding ids. `egext explain` and `docs/findings.md` are made from it.
//!
//! A row has these columns: the variant and the stable name, the severity, `@` and the layer of the channel (if it has
//! one), `may_pass` (if it may pass by itself), cause, cure. Everything that code has to know about an id is a column here,
//! so that no module keeps its own list or parses a name.

mod bridge;
mod certs;
mod config;
mod doctor;
mod layer;
mod probe;

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Serialize, Serializer};

pub use self::layer::Layer;
use self::{bridge::bridge, certs::certs, config::config, doctor::doctor, probe::probe};
use super::Severity;

/// A row of the table.
#[derive(Debug)]
pub struct Entry {
    /// The stable name, such as `probe.connect.refused`.
    pub name: &'static str,
    /// Its usual severity.
    pub severity: Severity,
    /// The layer of a channel that it is about, where that does not depend on when it shows.
    pub layer: Option<Layer>,
    /// Trying again soon may help without any repair.
    pub may_pass: bool,
    /// What leads to it: no full stop.
    pub cause: &'static str,
    /// What ends it: no full stop.
    pub cure: &'static str,
}

/// A name that is not in the table.
#[derive(Debug, thiserror::Error)]
#[error("no finding is called `{name}`")]
pub struct UnknownId {
    name: String,
    nearest: Option<&'static str>,
}

impl UnknownId {
    /// The name that was probably meant.
    pub fn nearest(&self) -> Option<&'static str> {
        self.nearest
    }
}

/// Columns that a row can lack.
macro_rules! column {
    () => {
        None
    };
    (@ $layer:ident) => {
        Some(Layer::$layer)
    };
    (; bool) => {
        false
    };
    (may_pass; bool) => {
        true
    };
}

macro_rules! table {
    ([] $(
        $variant:ident = $name:literal, $severity:ident $(@ $layer:ident)?, $($may_pass:ident,)?
            $cause:literal, $cure:literal;
    )*) => {
        /// The stable name of a finding. What each means is in its [`Entry`].
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[expect(missing_docs, reason = "the table says what each means")]
        pub enum FindingId { $($variant,)* }

        impl FindingId {
            /// All ids, in the order of the layers and then of the alphabet.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its row in the table.
            pub fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$variant => &Entry {
                        name: $name,
                        severity: Severity::$severity,
                        layer: column!($(@ $layer)?),
                        may_pass: column!($($may_pass)?; bool),
                        cause: $cause,
                        cure: $cure,
                    },)*
                }
            }
        }
    };
}

// Each group passes its rows, behind those that it was given, to the next name in the list; the last is `table`.
bridge! { [certs config doctor probe table] }

impl FindingId {
    /// The stable name.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
}

impl Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FindingId {
    type Err = UnknownId;

    fn from_str(name: &str) -> Result<Self, UnknownId> {
        Self::ALL
            .iter()
            .find(|id| id.name() == name)
            .copied()
            .ok_or_else(|| UnknownId { name: name.to_owned(), nearest: nearest(name) })
    }
}

impl Serialize for FindingId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for FindingId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FindingId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let description = "The stable name of a finding; `docs/findings.md` says what each means.";
        schemars::json_schema!({ "description": description, "type": "string", "enum": Self::ALL })
    }
}

/// An id that ends as `name` does, or that shares its longest beginning, and of several such its end as well.
fn nearest(name: &str) -> Option<&'static str> {
    let names = || FindingId::ALL.iter().map(|id| id.name());
    let beginning = |other: &str| other.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let end = |other: &str| {
        let pairs = other.bytes().rev().zip(name.bytes().rev());
        pairs.take_while(|(a, b)| a == b).count()
    };
    names().find(|other| !name.is_empty() && other.ends_with(name)).or_else(|| {
        let closest = names().max_by_key(|other| (beginning(other), end(other)));
        closest.filter(|other| beginning(other) > "probe.".len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse_back() {
        let mut seen = std::collections::HashSet::new();
        for id in FindingId::ALL {
            assert!(seen.insert(id.name()), "`{id}` stands twice");
            assert_eq!(id.name().parse::<FindingId>().expect("in the table"), *id);
        }
    }

    #[test]
    fn texts_are_fragments() {
        for id in FindingId::ALL {
            let Entry { cause, cure, .. } = id.entry();
            for text in [cause, cure] {
                assert!(!text.ends_with('.'), "`{id}`: {text}");
                assert!(text.starts_with(|c: char| c.is_lowercase() || c == '`'), "`{id}`: {text}");
            }
        }
    }
}

//! The keys that each release of Envoy Gateway (EG) reads, with what Go calls them: `schema/fields.txt`.
//!
//! The file is made from EG's own types by reflection, one release after the other. A line with indentation is a key of the
//! type above it: `KEY: KIND GO_TYPE [of KIND GO_TYPE] [via EMBEDDED] [FIRST-LAST]`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Version;

/// A key.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    /// The embedded struct that it belongs to, which some releases name in a type error.
    pub(super) embedded: &'static str,
    /// The first release that reads it.
    pub(super) since: Version,
    /// The last release that reads it.
    pub(super) until: Version,
}

impl Field {
    /// Does this release read it?
    pub(super) fn is_of(&self, version: Version) -> bool {
        (self.since..=self.until).contains(&version)
    }
}

/// What a key holds. The text is what Go calls it.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Bool(&'static str),
    Bytes(&'static str),
    /// It has a parser of its own.
    Custom(&'static str),
    Float(&'static str),
    /// With the number of its bits.
    Integer(&'static str, u8),
    List(&'static str, Box<Self>),
    Map(&'static str, Box<Self>),
    Object(&'static str),
    Text(&'static str),
}

impl Shape {
    /// Go's name.
    pub(super) fn go(&self) -> &'static str {
        match self {
            Self::Bool(go)
            | Self::Bytes(go)
            | Self::Custom(go)
            | Self::Float(go)
            | Self::Integer(go, _)
            | Self::List(go, _)
            | Self::Map(go, _)
            | Self::Object(go)
            | Self::Text(go) => go,
        }
    }

    fn parse(text: &'static str) -> Self {
        let text = text.trim_start_matches('*');
        let (word, go) = text.split_once(' ').unwrap_or((text, ""));
        let inner = || go.split_once(" of ").expect("a kind of its items");
        match word {
            "bool" => Self::Bool(go),
            "bytes" => Self::Bytes(go),
            "custom" => Self::Custom(go),
            "float32" | "float64" => Self::Float(go),
            "list" => Self::List(inner().0, Box::new(Self::parse(inner().1))),
            "map" => Self::Map(inner().0, Box::new(Self::parse(inner().1))),
            "object" => Self::Object(go),
            "string" => Self::Text(go),
            number => Self::Integer(go, number.trim_start_matches(char::is_alphabetic).parse().unwrap_or(64)),
        }
    }
}

/// The type of an EnvoyGateway file.
pub(super) const ROOT: &str = "v1alpha1.EnvoyGateway";

/// All keys that a type has had in any release.
pub(super) fn fields(of: &str) -> &'static [Field] {
    TYPES.get(of).map_or(&[], Vec::as_slice)
}

/// The key of a type, if this release reads it.
pub(super) fn field(of: &str, key: &str, version: Version) -> Option<&'static Field> {
    fields(of).iter().find(|field| field.key == key && field.is_of(version))
}

static TYPES: LazyLock<HashMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let mut types: HashMap<&'static str, Vec<Field>> = HashMap::new();
    let mut name = "";
    for line in include_str!("schema/fields.txt").lines() {
        match line.strip_prefix("  ") {
            Some(line) => types.entry(name).or_default().push(parse(line)),
            None => name = line,
        }
    }
    types
});

fn parse(line: &'static str) -> Field {
    let (key, rest) = line.split_once(": ").expect("a key");
    let span = |text: &str| {
        let (since, until) = text.split_once('-')?;
        Some((since.parse::<Version>().ok()?, until.parse::<Version>().ok()?))
    };
    let with_span = rest.rsplit_once(' ').and_then(|(rest, last)| Some((rest, span(last)?)));
    let (rest, (since, until)) = with_span.unwrap_or((rest, (Version::V1_4, Version::V1_9)));
    let (shape, embedded) = rest.split_once(" via ").unwrap_or((rest, ""));
    Field { key, shape: Shape::parse(shape), embedded, since, until }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_key_whose_types_are_there() {
        let mut keys = 0;
        for fields in TYPES.values() {
            for field in fields {
                keys += 1;
                assert!(!field.shape.go().is_empty(), "{field:?}");
                assert!(field.since <= field.until, "{field:?}");
                assert!(!field.shape.go().contains(' '), "{field:?}");
            }
        }
        assert_eq!(
            keys,
            include_str!("schema/fields.txt").lines().filter(|line| line.starts_with(' ')).count()
        );
    }

    #[test]
    fn a_key_is_known_in_the_releases_that_read_it() {
        let manager = "v1alpha1.ExtensionManager";
        assert!(field(manager, "backendResources", Version::V1_4).is_none());
        assert!(field(manager, "backendResources", Version::V1_5).is_some());
        assert!(field(manager, "failopen", Version::V1_9).is_none(), "case counts");
        let manager = field(ROOT, "extensionManagers", Version::V1_8).expect("in the file");
        let Shape::List(_, item) = &manager.shape else { panic!("a list: {manager:?}") };
        assert_eq!(item.go(), "v1alpha1.ExtensionManager");
    }
}

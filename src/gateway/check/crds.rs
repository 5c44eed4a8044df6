//! The keys of the objects that EG's loader validates by their CRD: `crds.txt`, which is made from the CRDs of all releases.
//!
//! A line without indentation is a version of a kind: `API_VERSION KIND FIRST-LAST [panics FIRST-LAST]`. Below it a line is a key:
//! `KEY[] [{}] [required [FIRST-LAST]] [in FIRST-LAST] [= PATH]`. `[]` is a list; `{}` an object without keys; `in` the
//! releases that have the key, where not all have it that have the key above it; `PATH` where the same keys stand below.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::gateway::releases::Version;

/// A version of a kind.
pub(super) struct Crd {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    span: Span,
    panics: Option<Span>,
    level: usize,
}

impl Crd {
    pub(super) fn is_of(&self, release: Version) -> bool {
        self.span.has(release)
    }

    pub(super) fn since(&self) -> Version {
        self.span.0
    }

    /// EG takes an object of this version for one of another version, and ends.
    pub(super) fn panics(&self, release: Version) -> bool {
        self.panics.is_some_and(|span| span.has(release))
    }

    /// Its own keys besides those of every object.
    pub(super) fn keys(&self) -> &'static [Key] {
        &TABLE.levels[self.level]
    }
}

/// A key of a mapping.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// How many lists are around each mapping below it.
    pub(super) lists: usize,
    /// Has it no keys, while others would be refused?
    pub(super) is_empty: bool,
    span: Span,
    required: Option<Span>,
    level: usize,
}

impl Key {
    pub(super) fn is_of(&self, release: Version) -> bool {
        self.span.has(release)
    }

    pub(super) fn is_required(&self, release: Version) -> bool {
        self.required.is_some_and(|span| span.has(release))
    }

    pub(super) fn since(&self) -> Version {
        self.span.0
    }

    pub(super) fn until(&self) -> Version {
        self.span.1
    }

    /// Those below it. None if it is a scalar, or has the keys that its user gives it.
    pub(super) fn keys(&self) -> &'static [Self] {
        &TABLE.levels[self.level]
    }
}

/// All versions of all kinds of a group.
pub(super) fn of_group(group: &str) -> impl Iterator<Item = &'static Crd> {
    TABLE.crds.iter().filter(move |crd| crd.api_version.split_once('/').is_some_and(|(own, _)| own == group))
}

/// The first and the last release.
#[derive(Clone, Copy)]
struct Span(Version, Version);

impl Span {
    const ALL: Self = Self(Version::V1_4, Version::V1_9);

    fn has(self, release: Version) -> bool {
        (self.0..=self.1).contains(&release)
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        Some(Self(first.parse().ok()?, last.parse().ok()?))
    }
}

struct Table {
    crds: Vec<Crd>,
    /// The keys of each mapping. The first one has none.
    levels: Vec<Vec<Key>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { crds: Vec::new(), levels: vec![Vec::new()] };
    let mut paths = HashMap::new();
    // The level and the path of each mapping that the line can belong to, the outermost first.
    let mut open: Vec<(usize, String)> = Vec::new();
    for line in include_str!("crds.txt").lines() {
        let text = line.trim_start();
        let level = table.levels.len();
        let path = match (line.len() - text.len()) / 2 {
            0 => {
                open.clear();
                let crd = Crd::parse(text, level);
                let path = format!("{} {}", crd.api_version, crd.kind);
                table.crds.push(crd);
                path
            }
            depth => {
                open.truncate(depth);
                let (above, path) = open.last().expect("a level above");
                let (text, same) =
                    text.split_once(" = ").map_or((text, None), |(text, same)| (text, Some(same)));
                let key = Key::parse(text, same.map_or(level, |same| paths[same]));
                let path = format!("{path}.{}", key.name);
                table.levels[*above].push(key);
                path
            }
        };
        table.levels.push(Vec::new());
        paths.insert(path.clone(), level);
        open.push((level, path));
    }
    table
});

impl Crd {
    fn parse(line: &'static str, level: usize) -> Self {
        let (line, panics) =
            line.split_once(" panics ").map_or((line, None), |(line, span)| (line, Span::parse(span)));
        let mut words = line.split(' ');
        let mut word = || words.next().expect("an API version, a kind and its releases");
        let (api_version, kind, span) = (word(), word(), word());
        Self { api_version, kind, span: Span::parse(span).expect("releases"), panics, level }
    }
}

impl Key {
    fn parse(line: &'static str, level: usize) -> Self {
        let mut words = line.split(' ').peekable();
        let written = words.next().expect("a key");
        let name = written.trim_end_matches("[]");
        let lists = (written.len() - name.len()) / 2;
        let mut key = Self { name, lists, is_empty: false, span: Span::ALL, required: None, level };
        while let Some(word) = words.next() {
            match word {
                "{}" => key.is_empty = true,
                "required" => {
                    let span = words.peek().and_then(|word| Span::parse(word));
                    if span.is_some() {
                        words.next();
                    }
                    key.required = Some(span.unwrap_or(Span::ALL));
                }
                "in" => key.span = words.next().and_then(Span::parse).expect("releases"),
                _ => unreachable!("`{line}`"),
            }
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let lines = include_str!("crds.txt").lines().count();
        assert_eq!(TABLE.crds.len() + TABLE.levels.iter().flatten().count(), lines);
    }

    #[test]
    fn a_level_that_is_written_once_is_that_of_all_its_places() {
        let gateway = |version: &str| {
            let name = format!("gateway.networking.k8s.io/{version}");
            let mut all = of_group("gateway.networking.k8s.io");
            all.find(|crd| crd.kind == "Gateway" && crd.api_version == name).expect("a Gateway")
        };
        let names = |crd: &Crd| {
            let spec = crd.keys().iter().find(|key| key.name == "spec").expect("a spec");
            let listeners = spec.keys().iter().find(|key| key.name == "listeners").expect("listeners");
            assert_eq!(listeners.lists, 1);
            listeners.keys().iter().map(|key| key.name).collect::<Vec<_>>()
        };
        assert_eq!(names(gateway("v1")), ["allowedRoutes", "hostname", "name", "port", "protocol", "tls"]);
        assert_eq!(names(gateway("v1")), names(gateway("v1beta1")));
    }
}

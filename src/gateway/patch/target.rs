use super::lines::Lines;
use super::{Document, Entry, Node, PatchError};

/// What a file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// An EnvoyGateway file, or the `extensionManager` of one: the extension is at its top level.
    EnvoyGateway,
    /// Values for EG's Helm chart: the extension is below `config.envoyGateway`.
    HelmValues,
}

impl Target {
    /// Says what a text is, unless the caller knows.
    pub(super) fn of(root: &Node, known: Option<Self>) -> Result<Self, PatchError> {
        let kind = root.set("kind").and_then(Node::text);
        let is_part = known.is_none() && root.get("extensionManager").is_some();
        let target = match kind {
            Some("EnvoyGateway") => Self::EnvoyGateway,
            None if is_part => Self::EnvoyGateway,
            None if known.is_some() || root.at(&["config", "envoyGateway"]).is_some() => Self::HelmValues,
            _ => return Err(PatchError::Foreign),
        };
        match known {
            Some(known) if known != target => Err(PatchError::Foreign),
            _ => Ok(target),
        }
    }

    /// The keys above `extensionManager`.
    pub(super) const fn path(self) -> &'static [&'static str] {
        match self {
            Self::EnvoyGateway => &[],
            Self::HelmValues => &["config", "envoyGateway"],
        }
    }

    /// What a person has to decide.
    pub(super) fn refuse_odd(self, lines: &Lines<'_>, document: &Document) -> Result<(), PatchError> {
        let mut parent = &document.root;
        twice(parent)?;
        for key in self.path() {
            let Some(entry) = parent.get(key) else { return Ok(()) };
            parent = &entry.value;
            twice(parent)?;
        }
        if let Some(entry) = parent.get("extensionManagers") {
            return Err(PatchError::Plural { place: entry.key_place });
        }
        let Some(entry) = parent.get("extensionManager") else { return Ok(()) };
        refuse_shared(lines, entry)
    }
}

fn twice(node: &Node) -> Result<(), PatchError> {
    let twice = node.entries().iter().find(|entry| entry.is_overridden);
    let later = |key: &str| node.get(key).map(|entry| entry.key_place);
    match twice {
        Some(entry) => Err(PatchError::Twice {
            key: entry.key.to_string(),
            place: later(&entry.key).unwrap_or(entry.key_place),
        }),
        None => Ok(()),
    }
}

/// Nothing in an entry may stand for something else.
fn refuse_shared(lines: &Lines<'_>, entry: &Entry) -> Result<(), PatchError> {
    let line = lines.rest(entry.key_place);
    let value = line.split_once(':').map_or("", |(_, value)| value.trim_start());
    if line.starts_with("<<") || value.starts_with(['&', '*']) {
        return Err(PatchError::Anchor { place: entry.key_place });
    }
    twice(&entry.value)?;
    entry.value.entries().iter().try_for_each(|entry| refuse_shared(lines, entry))?;
    for item in entry.value.items() {
        let place = item.place;
        let line = lines.line(Lines::number(place));
        let dashed = line.trim_start().trim_start_matches(['-', ' ']);
        if dashed.starts_with(['&', '*']) {
            return Err(PatchError::Anchor { place });
        }
        twice(item)?;
        item.entries().iter().try_for_each(|entry| refuse_shared(lines, entry))?;
    }
    Ok(())
}

use super::{Entry, Kind, Node, PatchError, Place, managers};
use crate::gateway::config_map::embedded;
use crate::gateway::model::API_VERSION;

/// What a file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// A ConfigMap: a text in it is an EnvoyGateway file.
    ConfigMap,
    /// An EnvoyGateway file, or the extension of one: it is at its top level.
    EnvoyGateway,
    /// Values for EG's Helm chart: the extension is below `config.envoyGateway`.
    HelmValues,
}

impl Target {
    /// Says what a text is, unless the caller knows.
    pub(super) fn of(root: &Node, known: Option<Self>) -> Result<Self, PatchError> {
        let kind = root.set("kind").and_then(Node::text);
        let foreign = || PatchError::Foreign { place: root.set("kind").unwrap_or(root).place };
        let has_extension = SINGLE_AND_LIST.iter().any(|key| root.get(key).is_some());
        let is_part = known.is_none() && has_extension;
        let target = match kind {
            Some("ConfigMap") if embedded(root).is_some() => Self::ConfigMap,
            Some("EnvoyGateway") => {
                refuse_version(root)?;
                Self::EnvoyGateway
            }
            None if is_part => Self::EnvoyGateway,
            None if known.is_some() || root.at(&["config", "envoyGateway"]).is_some() => Self::HelmValues,
            _ => return Err(foreign()),
        };
        match known {
            Some(known) if known != target => Err(foreign()),
            _ => Ok(target),
        }
    }

    /// The keys above the extension.
    pub(super) const fn path(self) -> &'static [&'static str] {
        match self {
            Self::ConfigMap | Self::EnvoyGateway => &[],
            Self::HelmValues => &["config", "envoyGateway"],
        }
    }

    /// What a person has to decide before `wanted` is put in.
    pub(super) fn refuse_odd(self, root: &Node, wanted: &Node) -> Result<(), PatchError> {
        let mut parent = root;
        twice(parent)?;
        for key in self.path() {
            let Some(entry) = parent.get(key) else { return Ok(()) };
            parent = &entry.value;
            twice(parent)?;
        }
        let set = |key: &str| parent.get(key).filter(|entry| !entry.value.is_null());
        match (SINGLE_AND_LIST.map(set), wanted.get(managers::KEY)) {
            ([Some(single), Some(list)], _) => {
                Err(PatchError::Both { place: single.key_place.max(list.key_place) })
            }
            ([Some(entry), None], Some(_)) => Err(PatchError::Singular { place: entry.key_place }),
            ([None, Some(entry)], None) => {
                let names = entry.value.items().iter().filter_map(managers::name).map(str::to_owned);
                Err(PatchError::Plural { names: names.collect(), place: entry.key_place })
            }
            ([Some(entry), None], None) => refuse_shared(&entry.value, entry.key_place),
            ([None, Some(entry)], Some(wanted)) => refuse_odd_list(entry, &wanted.value),
            ([None, None], _) => Ok(()),
        }
    }
}

/// A version that is missing is another matter: it can be added.
fn refuse_version(root: &Node) -> Result<(), PatchError> {
    let Some(node) = root.set("apiVersion") else { return Ok(()) };
    let version = match &node.kind {
        Kind::Text(text) => text.to_string(),
        Kind::Integer(number) => number.to_string(),
        _ => "no text".to_owned(),
    };
    match version.as_str() {
        API_VERSION => Ok(()),
        _ => Err(PatchError::Version { version, place: node.place }),
    }
}

/// Each of `wanted` must have one place in the list.
fn refuse_odd_list(list: &Entry, wanted: &Node) -> Result<(), PatchError> {
    if list.value.is_shared {
        return Err(PatchError::Anchor { place: list.key_place });
    }
    if !matches!(list.value.kind, Kind::List(_)) {
        return Err(PatchError::NoList { key: list.key.to_string(), place: list.key_place });
    }
    for name in wanted.items().iter().filter_map(managers::name) {
        let mut of_name = list.value.items().iter().filter(|item| managers::name(item) == Some(name));
        if let Some(item) = of_name.next() {
            refuse_shared(item, item.place)?;
        }
        if let Some(item) = of_name.next() {
            return Err(PatchError::Namesake { name: name.to_owned(), place: item.place });
        }
    }
    Ok(())
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

/// Nothing in a value may stand for something else. `place` is that of its key, if it has one.
fn refuse_shared(node: &Node, place: Place) -> Result<(), PatchError> {
    if node.is_shared {
        return Err(PatchError::Anchor { place });
    }
    twice(node)?;
    node.entries().iter().try_for_each(|entry| refuse_shared(&entry.value, entry.key_place))?;
    node.items().iter().try_for_each(|item| refuse_shared(item, item.place))
}

/// One extension, and a list of them.
const SINGLE_AND_LIST: [&str; 2] = ["extensionManager", managers::KEY];

//! What EG's loader refuses of an object of a kind that it knows.
//!
//! EG validates objects of the Gateway API and its own by their whole CRD, as the API server does. Of that this knows the keys, and
//! which of them have to be there; of values it knows only names and labels.

use super::Node;
use super::crds::{self, Crd, Key};
use crate::gateway::base64;
use crate::gateway::document::{Entry, Kind, Place};
use crate::gateway::model::{json_type, nearest_word};
use crate::gateway::releases::Release;

/// Why EG cannot load an object.
pub(super) struct Fault {
    pub(super) place: Place,
    /// In EG's words, as far as they are short.
    pub(super) why: String,
    pub(super) hint: String,
    /// Does EG end? Otherwise it goes on without any object.
    pub(super) is_fatal: bool,
}

impl Fault {
    pub(super) fn new(place: Place, why: impl Into<String>) -> Self {
        let hint = "repair it or move it out of the directory: EG reads every file in it, whatever its name, but no hidden ones";
        Self { place, why: why.into(), hint: hint.to_owned(), is_fatal: false }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

pub(super) fn fault(root: &Node, group: &str, kind: &str, release: Release) -> Option<Fault> {
    match group {
        "" => unknown_core_kind(root, kind).or_else(|| core(root, kind)).or_else(|| {
            nameless(root, "metadata.name: Required value: name is required").filter(|_| kind != "List")
        }),
        "gateway.envoyproxy.io" | "gateway.networking.k8s.io" => {
            let version = root.set("apiVersion")?.text()?;
            let crd = crds::of_group(group)
                .find(|crd| crd.kind == kind && crd.api_version == version && crd.is_of(release.minor));
            let Some(crd) = crd else { return Some(unknown_kind(root, group, kind, release)) };
            let object = Level { release, node: root, path: String::new(), keys: crd.keys() };
            strings(root)
                .or_else(|| twice(root))
                .or_else(|| object.unknown())
                .or_else(|| object.missing())
                .or_else(|| nameless(root, "metadata.name: Required value: name or generateName is required"))
                .or_else(|| panics(root, crd, release))
        }
        _ => None,
    }
}

/// The name, and what is around it, is text in every kind.
fn strings(root: &Node) -> Option<Fault> {
    let (key, entry) = names_and_labels(root).find(|(_, entry)| is_no_text(entry))?;
    let found = json_type(&entry.value.kind);
    let why = format!("json: cannot unmarshal {found} into Go struct field ObjectMeta.{key} of type string");
    Some(quotes(entry, why))
}

/// What names and labels an object, each with the key of `metadata` that it is at.
fn names_and_labels(root: &Node) -> impl Iterator<Item = (&str, &Entry)> {
    let metadata = root.set("metadata");
    let names = NAMES.iter().filter_map(move |key| metadata?.get(key)).map(|entry| (&*entry.key, entry));
    let maps = MAPS.iter().filter_map(move |key| Some((*key, metadata?.set(key)?)));
    names.chain(maps.flat_map(|(key, node)| node.entries().iter().map(move |entry| (key, entry))))
}

/// EG is strict here, unlike with its own file.
fn twice(node: &Node) -> Option<Fault> {
    if let Some(first) = node.entries().iter().find(|entry| entry.is_overridden) {
        let place = node.get(&first.key).map_or(first.key_place, |last| last.key_place);
        let why = format!("key \"{}\" already set in map", first.key);
        return Some(Fault::new(place, why).with_hint(format!("line {} has it, too", first.key_place.line)));
    }
    let values = node.entries().iter().map(|entry| &entry.value);
    values.chain(node.items()).find_map(twice)
}

/// Objects of Kubernetes itself have unknown fields as they please, and values of the right type.
fn core(root: &Node, kind: &str) -> Option<Fault> {
    let values = |key: &str| root.set(key).map(Node::entries).unwrap_or_default();
    let (texts, bytes) = match kind {
        "ConfigMap" => (values("data"), values("binaryData")),
        "Secret" => (values("stringData"), values("data")),
        _ => Default::default(),
    };
    let mut all = names_and_labels(root).map(|(_, entry)| entry).chain(texts).chain(bytes);
    if let Some(entry) = all.find(|entry| is_no_text(entry)) {
        let key = &entry.key;
        return Some(quotes(entry, format!("the value of `{key}` is no text")));
    }
    let is_encoded = |entry: &&Entry| base64::decode(entry.value.text().unwrap_or_default()).is_ok();
    let entry = bytes.iter().find(|entry| !is_encoded(entry))?;
    let why = format!("the value of `{}` is not Base64", entry.key);
    Some(Fault::new(entry.value.place, why).with_hint("write what `base64 -w0 FILE` prints"))
}

/// Only a slip of the fingers is known for sure: a release can have kinds that this list has not.
fn unknown_core_kind(root: &Node, kind: &str) -> Option<Fault> {
    let near = nearest_word(kind, CORE_KINDS.iter().copied()).filter(|_| !CORE_KINDS.contains(&kind))?;
    let (version, place) = (root.set("apiVersion")?.text()?, root.set("kind")?.place);
    let why = format!("no kind \"{kind}\" is registered for version \"{version}\" in scheme");
    Some(Fault::new(place, why).with_hint(format!("did you mean `{near}`?")))
}

/// A kind that the release does not have, or not in this version.
fn unknown_kind(root: &Node, group: &str, kind: &str, release: Release) -> Fault {
    let (version, place) = read(root, "apiVersion");
    let of_release = || crds::of_group(group).filter(|crd| crd.is_of(release.minor));
    let same_kind = of_release().find(|crd| crd.kind == kind && !crd.panics(release.minor));
    let is_version = of_release().any(|crd| crd.api_version == version);
    let hint = match (same_kind, nearest_word(kind, of_release().map(|crd| crd.kind))) {
        (Some(crd), _) => format!("write `apiVersion: {}`", crd.api_version),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => {
            let later = crds::of_group(group).filter(|crd| crd.kind == kind).map(Crd::since).min();
            let has = later.map(|since| format!("EG has this kind from {since} on: "));
            format!("{}move the object out of the directory", has.unwrap_or_default())
        }
    };
    if !is_version {
        return Fault::new(place, format!("failed to locate OpenAPI spec for GV: {version}")).with_hint(hint);
    }
    // The version is what is wrong if the release has the kind in another one.
    let place = same_kind.map_or(read(root, "kind").1, |_| place);
    Fault::new(place, format!("kind {kind} not found in {version} groupversion")).with_hint(hint)
}

/// EG expects another version of the kind than the one that its loader has made of the object.
fn panics(root: &Node, crd: &Crd, release: Release) -> Option<Fault> {
    if !crd.panics(release.minor) {
        return None;
    }
    let (group, version) = crd.api_version.split_once('/')?;
    let expected = crds::of_group(group)
        .find(|other| other.kind == crd.kind && other.is_of(release.minor) && !other.panics(release.minor))?;
    let expected = expected.api_version;
    let expected_version = expected.split_once('/')?.1;
    let kind = crd.kind;
    let why = format!(
        "panic: interface conversion: interface {{}} is {version}.{kind}Spec, not {expected_version}.{kind}Spec"
    );
    let fault =
        Fault::new(read(root, "apiVersion").1, why).with_hint(format!("write `apiVersion: {expected}`"));
    Some(Fault { is_fatal: true, ..fault })
}

/// A text of the object, and where it stands.
fn read<'n>(root: &'n Node, key: &str) -> (&'n str, Place) {
    root.set(key).map_or(("", root.place), |node| (node.text().unwrap_or_default(), node.place))
}

/// Also a `metadata` that is none.
fn nameless(root: &Node, why: &str) -> Option<Fault> {
    let name = root.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let place = root.get("metadata").map_or(root.place, |metadata| metadata.key_place);
    name.is_empty().then(|| Fault::new(place, why).with_hint("write `metadata: {name: NAME}`"))
}

/// A mapping of an object.
struct Level<'n> {
    release: Release,
    node: &'n Node,
    /// Empty for the object itself.
    path: String,
    keys: &'static [Key],
}

impl<'n> Level<'n> {
    /// A key that the release does not have, here or below. One without a value counts, too.
    fn unknown(&self) -> Option<Fault> {
        self.node.entries().iter().find_map(|entry| match self.key(&entry.key) {
            Some(key) => self.below(key).iter().find_map(Self::unknown),
            None if self.path.is_empty() && OBJECT.contains(&&*entry.key) => {
                let metadata = (&*entry.key == "metadata").then_some(&entry.value)?;
                let key = metadata.entries().iter().find(|entry| !METADATA.contains(&&*entry.key))?;
                Some(unknown_key(key, "metadata", METADATA))
            }
            None => Some(self.refused(entry)),
        })
    }

    /// A key that is not there, here or below.
    fn missing(&self) -> Option<Fault> {
        let is_missing =
            |key: &&Key| key.is_required(self.release.minor) && self.node.set(key.name).is_none();
        if let Some(key) = self.keys.iter().find(is_missing) {
            let why = format!("{}: Required value", join(&self.path, key.name));
            return Some(Fault::new(self.node.place, why).with_hint(format!("write `{}`", key.name)));
        }
        let keys = self.keys.iter().filter(|key| key.is_of(self.release.minor));
        keys.flat_map(|key| self.below(key)).find_map(|level| level.missing())
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name && key.is_of(self.release.minor))
    }

    fn refused(&self, entry: &Entry) -> Fault {
        let names = self.keys.iter().filter(|key| key.is_of(self.release.minor)).map(|key| key.name);
        let names: Vec<_> = OBJECT.iter().copied().filter(|_| self.path.is_empty()).chain(names).collect();
        let fault = unknown_key(entry, &self.path, &names);
        match self.keys.iter().find(|key| key.name == &*entry.key) {
            Some(key) if key.since() > self.release.minor => {
                fault.with_hint(format!("take it out: EG has it from {} on", key.since()))
            }
            Some(key) => fault.with_hint(format!("take it out: EG had it up to {}", key.until())),
            None => fault,
        }
    }

    /// The mappings at a key, each with its path. A scalar has no keys that could be judged, nor has what is free to have any.
    fn below(&self, key: &'static Key) -> Vec<Self> {
        let Some(value) = self.node.set(key.name).filter(|_| key.is_empty || !key.keys().is_empty()) else {
            return Vec::new();
        };
        let mut found = vec![(join(&self.path, key.name), value)];
        for _ in 0..key.lists {
            let items = found.iter().flat_map(|(path, list)| {
                let items = list.items().iter().enumerate();
                items.map(move |(index, item)| (format!("{path}[{index}]"), item))
            });
            found = items.collect();
        }
        let is_map = |node: &Node| matches!(node.kind, Kind::Map(_));
        let found = found.into_iter().filter(|(_, node)| is_map(node));
        found.map(|(path, node)| Self { release: self.release, node, path, keys: key.keys() }).collect()
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn unknown_key(entry: &Entry, path: &str, keys: &[&str]) -> Fault {
    let hint = match nearest_word(&entry.key, keys.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if (1..=MANY).contains(&keys.len()) => {
            format!("take it out: the keys here are {}", keys.join(", "))
        }
        None => "take it out".to_owned(),
    };
    let why = format!("{}: Invalid value: value provided for unknown field", join(path, &entry.key));
    Fault::new(entry.key_place, why).with_hint(hint)
}

/// Null is read as no text at all, which is fine.
fn is_no_text(entry: &Entry) -> bool {
    !matches!(entry.value.kind, Kind::Null | Kind::Text(_))
}

fn quotes(entry: &Entry, why: String) -> Fault {
    let hint = match entry.value.kind {
        Kind::List(_) | Kind::Map(_) => "write a text",
        _ => "put it into quotes: YAML takes words such as `y`, `on` and `1.10` for other things",
    };
    Fault::new(entry.value.place, why).with_hint(hint)
}

const NAMES: &[&str] = &["name", "namespace"];

const MAPS: &[&str] = &["annotations", "labels"];

/// What every object has.
const OBJECT: &[&str] = &["apiVersion", "kind", "metadata"];

const METADATA: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Too many keys for a hint.
const MANY: usize = 16;

/// Of Kubernetes itself.
const CORE_KINDS: &[&str] = &[
    "Binding",
    "ComponentStatus",
    "ConfigMap",
    "Endpoints",
    "Event",
    "LimitRange",
    "List",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "Service",
    "ServiceAccount",
];

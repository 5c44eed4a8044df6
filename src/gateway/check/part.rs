//! Which part of a file EG reads: all of it, what a ConfigMap holds, or what the Helm chart makes of values.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Document, Node, manifests};
use crate::gateway::config_map::{Shift, embedded};
use crate::gateway::document::{self, Entry, Format, Kind, Place, Unreadable};
use crate::gateway::model::nearest_word;
use crate::gateway::releases::{Release, Value};

/// What EG reads.
pub(super) struct Part<'a> {
    /// Where only a part is given, with what is the same for all that it may be a part of.
    pub(super) document: Cow<'a, Document>,
    /// Where in the file it stands.
    pub(super) shift: Shift,
    /// Does it say how EG runs?
    pub(super) is_whole: bool,
    /// Keys of Helm values that the chart does not read.
    pub(super) misplaced: Vec<Misplaced>,
}

/// A key of Helm values that the chart does not read.
pub(super) struct Misplaced {
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) meant: Chart,
}

/// What the chart would read.
pub(super) enum Chart {
    /// The same key in another case.
    Case(&'static str),
    /// The same key below this one.
    Level(String),
}

/// What a file is.
pub(super) enum Content<'a> {
    /// What EG reads.
    Part(Part<'a>),
    /// A ConfigMap with a text that EG cannot parse.
    Unreadable(Format, Unreadable),
    /// A Secret, which counts where something refers to it.
    Secrets,
    /// Something else, in words.
    Other(String),
}

pub(super) fn content(document: &Document) -> Content<'_> {
    let root = &document.root;
    let has = |key: &str| root.get(key).is_some();
    let is_ours = MANAGERS.iter().any(|key| has(key));
    let all = |is_whole, document| {
        Content::Part(Part { document, shift: Shift::None, is_whole, misplaced: Vec::new() })
    };
    match root.set("kind").and_then(Node::text).unwrap_or_default() {
        "ConfigMap" => config_map(root),
        _ if !manifests::of(root).is_empty() => Content::Secrets,
        "" if values_at(root).is_some() => values(document),
        "" if is_ours && root.entries().iter().all(|entry| STANZA.contains(&&*entry.key)) => {
            all(false, Cow::Owned(completed(document)))
        }
        "" if has("apiVersion") || is_ours || !has("deployment") => all(true, Cow::Borrowed(document)),
        "" => Content::Other("a file of Helm values without `config`".to_owned()),
        kind if is_ours || nearest_word(kind, [KIND].into_iter()).is_some() => {
            all(true, Cow::Borrowed(document))
        }
        kind => Content::Other(format!("an object of kind `{kind}`")),
    }
}

/// The file that EG's Deployment mounts.
fn config_map(root: &Node) -> Content<'_> {
    let embedded = embedded(root).and_then(|(_, node)| Some((node, node.text()?)));
    let Some((node, text)) = embedded else {
        return Content::Other("a ConfigMap without an EnvoyGateway file".to_owned());
    };
    let shift = Shift::of(node);
    match document::read(text) {
        Ok(document) => Content::Part(Part {
            document: Cow::Owned(document),
            shift,
            is_whole: true,
            misplaced: Vec::new(),
        }),
        Err(error) => {
            let place = shift.outer(error.place);
            Content::Unreadable(Format::of(text), Unreadable { place, ..error })
        }
    }
}

/// The path to the values of the chart: at the top level, or below the name of a chart that depends on it.
fn values_at(root: &Node) -> Option<Vec<&str>> {
    let is_config = |node: &Node| {
        let configs = node.entries().iter().filter(|entry| entry.key.eq_ignore_ascii_case("config"));
        configs
            .flat_map(|config| config.value.entries())
            .any(|entry| SECTIONS.contains(&&*entry.key) || entry.key.eq_ignore_ascii_case("envoyGateway"))
    };
    if is_config(root) {
        return Some(Vec::new());
    }
    let mut below = root.entries().iter().filter(|entry| !entry.is_overridden && is_config(&entry.value));
    below.next().map(|entry| vec![&*entry.key])
}

fn values(document: &Document) -> Content<'_> {
    let path = values_at(&document.root).unwrap_or_default();
    let values = document.root.at(&path).unwrap_or(&document.root);
    let config = values.get("config").filter(|entry| !entry.is_overridden);
    let prefix = |path: &[&str], key: &str| [path, &[key]].concat().join(".");
    let level = prefix(&[&*path, &["config"]].concat(), "envoyGateway");
    let above = values.entries().iter().map(|entry| (path.clone(), entry));
    let inside = config.into_iter().flat_map(|config| config.value.entries());
    let inside = inside.map(|entry| ([&*path, &["config"]].concat(), entry));
    let mis_cased: Vec<_> = above
        .clone()
        .zip(std::iter::repeat("config"))
        .chain(inside.clone().zip(std::iter::repeat("envoyGateway")))
        .filter(|((_, entry), key)| &*entry.key != *key && entry.key.eq_ignore_ascii_case(key))
        .map(|((path, entry), key)| Misplaced {
            path: prefix(&path, &entry.key),
            place: entry.key_place,
            meant: Chart::Case(key),
        })
        .collect();
    let misplaced = above.chain(inside).filter(|(_, entry)| SECTIONS.contains(&&*entry.key));
    let misplaced = misplaced
        .map(|(path, entry)| Misplaced {
            path: prefix(&path, &entry.key),
            place: entry.key_place,
            meant: Chart::Level(level.clone()),
        })
        .chain(mis_cased)
        .collect();
    let place = config.map_or(Place::START, |config| config.key_place);
    let empty = || Node { kind: Kind::Map(Vec::new()), place, is_block: false, is_shared: false };
    let own = config.and_then(|config| config.value.set("envoyGateway")).cloned().unwrap_or_else(empty);
    let document = Document { root: with_chart(own), ..document.clone() };
    Content::Part(Part { document: Cow::Owned(document), shift: Shift::None, is_whole: true, misplaced })
}

/// A stanza with what EG asks of a whole file.
fn completed(document: &Document) -> Document {
    let mut whole = document.clone();
    add(&mut whole.root, &["apiVersion"], API_VERSION);
    add(&mut whole.root, &["kind"], KIND);
    whole
}

/// With what the chart writes if it is given no other values, as far as EG would refuse to start without it.
fn with_chart(mut root: Node) -> Node {
    let controller = Release::default().value(Value::ControllerName);
    let lines: [(&[&str], &str); 4] = [
        (&["apiVersion"], API_VERSION),
        (&["kind"], KIND),
        (&["gateway", "controllerName"], controller),
        (&["provider", "type"], "Kubernetes"),
    ];
    for (path, value) in lines {
        add(&mut root, path, value);
    }
    root
}

/// Adds a text at the end of a path, unless there is another value, or null, which takes the chart's away.
fn add(node: &mut Node, path: &[&str], value: &str) {
    let place = node.place;
    let (Kind::Map(entries), [key, rest @ ..]) = (&mut node.kind, path) else { return };
    if let Some(entry) = entries.iter_mut().find(|entry| &*entry.key == *key && !entry.is_overridden) {
        return add(&mut entry.value, rest, value);
    }
    let kind = if rest.is_empty() { Kind::Text(value.into()) } else { Kind::Map(Vec::new()) };
    let mut value_node = Node { kind, place, is_block: false, is_shared: false };
    add(&mut value_node, rest, value);
    entries.push(Entry { key: Arc::from(*key), key_place: place, value: value_node, is_overridden: false });
}

/// What `egext config stanza` writes: with a preset, also switches of EG that the extension needs.
const STANZA: &[&str] = &["extensionApis", "extensionManager", "extensionManagers"];

const MANAGERS: &[&str] = &["extensionManager", "extensionManagers"];

/// The keys of an EnvoyGateway file that people put at another level of Helm values.
const SECTIONS: &[&str] = &["extensionApis", "extensionManager", "extensionManagers", "gateway", "provider"];

const API_VERSION: &str = "gateway.envoyproxy.io/v1alpha1";
const KIND: &str = "EnvoyGateway";

//! Manifests of Secrets, as `kubectl` and the API server of Kubernetes read them.

use zeroize::Zeroizing;

use super::{Document, Node, Place, location};
use crate::gateway::base64::{self, NotBase64};
use crate::gateway::document::{Entry, Kind};
use crate::report::{Finding, Location};

/// The manifest of a Secret.
pub(super) struct Secret<'a> {
    path: &'a str,
    root: &'a Node,
}

/// Those of all documents of a file. `kubectl` takes the items of a List for objects of their own.
pub(super) fn secrets<'a>(path: &'a str, documents: &'a [Document]) -> impl Iterator<Item = Secret<'a>> {
    documents.iter().flat_map(|document| of(&document.root)).map(move |root| Secret { path, root })
}

/// The Secrets that an object is or has.
pub(super) fn of(root: &Node) -> Vec<&Node> {
    let is_secret = |item: &&Node, otherwise: &str| kind(item).unwrap_or(otherwise) == "Secret";
    let items = || root.set("items").map(Node::items).unwrap_or_default().iter();
    match kind(root) {
        Some("Secret") => vec![root],
        Some("List") => items().filter(|item| is_secret(item, "")).collect(),
        // In a list of one kind, the API server leaves it out.
        Some("SecretList") => items().filter(|item| is_secret(item, "Secret")).collect(),
        _ => Vec::new(),
    }
}

fn kind(root: &Node) -> Option<&str> {
    root.set("kind").and_then(Node::text)
}

/// The Secret that EG gets by this name. `kubectl apply` leaves the last of several, and decides where one goes for which
/// no namespace is written.
pub(super) fn find<'a, 'b>(
    secrets: &'b [Secret<'a>],
    (name, namespace): (&str, &str),
) -> Option<&'b Secret<'a>> {
    let called = |own: Option<&str>| {
        let is_it = move |secret: &&Secret<'_>| secret.name() == Some(name) && secret.namespace() == own;
        secrets.iter().rev().find(is_it)
    };
    called(Some(namespace)).or_else(|| called(None))
}

impl Secret<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.root.at(&["metadata", key]).and_then(Node::text)
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.text("name")
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.text("namespace")
    }

    /// Is it the other one, with other values?
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let names = |secret: &Self| (secret.name().map(str::to_owned), secret.namespace().map(str::to_owned));
        let differs = |key: &&str| {
            let value = |secret: &Self| secret.value(key).and_then(|(value, _)| value.ok());
            value(self) != value(other)
        };
        names(self) == names(other) && ["tls.crt", "tls.key"].iter().any(differs)
    }

    /// A value, decoded, and where it stands. The API server puts `stringData` into `data`.
    pub(super) fn value(&self, key: &str) -> Option<(Decoded, Place)> {
        if let Some(node) = self.root.at(&["stringData", key]) {
            return Some((Ok(node.text()?.as_bytes().to_vec().into()), node.place));
        }
        let node = self.root.at(&["data", key])?;
        Some((base64::decode(node.text()?), node.place))
    }

    /// The first value of which the API server makes nothing, so that it refuses the Secret.
    pub(super) fn unread(&self) -> Option<(&Entry, Option<NotBase64>)> {
        let is_text = |entry: &Entry| entry.value.is_null() || entry.value.text().is_some();
        let values = |key| self.root.set(key).map(Node::entries).unwrap_or_default().iter();
        let count = |entry: &&Entry| !entry.is_overridden;
        let data = values("data").filter(count).find_map(|entry| match &entry.value.kind {
            Kind::Text(text) => base64::decode(text).err().map(|error| (entry, Some(error))),
            // Bytes, one by one.
            Kind::List(_) => None,
            _ => (!is_text(entry)).then_some((entry, None)),
        });
        let strings = || values("stringData").filter(count).find(|entry| !is_text(entry));
        data.or_else(|| strings().map(|entry| (entry, None)))
    }

    pub(super) fn is_of_type(&self, wanted: &str) -> Option<Place> {
        let kind = self.root.get("type").filter(|kind| kind.value.text() == Some(wanted));
        kind.map(|kind| kind.value.place)
    }

    /// Of its values.
    pub(super) fn place(&self) -> Place {
        let keys = ["data", "stringData"].iter().find_map(|key| self.root.get(key));
        keys.map_or(self.root.place, |entry| entry.key_place)
    }

    pub(super) fn location(&self) -> Location {
        location(self.path, self.place())
    }

    pub(super) fn at(&self, place: Place, finding: Finding) -> Finding {
        finding.at(location(self.path, place))
    }
}

/// A value; it may be a key.
pub(super) type Decoded = Result<Zeroizing<Vec<u8>>, NotBase64>;

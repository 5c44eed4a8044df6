//! Which sort of file it is.

use super::{Document, Facts, Mode, Node};
use crate::gateway::document::{Entry, Kind, Place};

/// What a document is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Content {
    /// An EnvoyGateway file, or what was meant to be one.
    EnvoyGateway,
    /// Something else, in words.
    Other(String),
    /// The `extensionManager` part of one, as `egext config stanza` writes it.
    Stanza,
}

pub(super) fn content(document: &Document) -> Content {
    let root = &document.root;
    let has = |key: &str| root.get(key).is_some();
    let kind = root.set("kind").and_then(Node::text).unwrap_or_default();
    let is_ours = MANAGERS.iter().any(|key| has(key));
    match kind {
        "EnvoyGateway" => Content::EnvoyGateway,
        "" if !is_ours && (has("config") || has("deployment")) => {
            Content::Other("a file of Helm values".to_owned())
        }
        "" if has("apiVersion") || has("kind") => Content::EnvoyGateway,
        "" if is_ours && root.entries().iter().all(|entry| MANAGERS.contains(&&*entry.key)) => {
            Content::Stanza
        }
        // Also an empty file: EG says of it that its kind is missing.
        "" => Content::EnvoyGateway,
        _ if is_ours => Content::EnvoyGateway,
        kind => Content::Other(format!("an object of kind `{kind}`")),
    }
}

/// A stanza with what EG asks of a whole file.
pub(super) fn completed(document: &Document) -> Document {
    let mut whole = document.clone();
    if let Kind::Map(entries) = &mut whole.root.kind {
        let text = |text: &str| Node { kind: Kind::Text(text.into()), place: Place::START };
        let header = [("apiVersion", "gateway.envoyproxy.io/v1alpha1"), ("kind", "EnvoyGateway")];
        entries.extend(header.map(|(key, value)| Entry {
            key: key.into(),
            key_place: Place::START,
            value: text(value),
            is_overridden: false,
        }));
    }
    whole
}

/// What EG does with a file that it accepts: `standalone, hooks Route, Translation, to unix:/run/egext/eg.sock`.
pub(super) fn summary(facts: &Facts<'_>) -> String {
    let mut words: Vec<String> = facts.mode.map(Mode::name).map(str::to_owned).into_iter().collect();
    for manager in &facts.managers {
        let hooks: Vec<_> = manager.hooks("post").iter().filter_map(Node::text).map(super::clipped).collect();
        let tls = if manager.node.at(&["service", "tls"]).is_some() { "TLS" } else { "plaintext" };
        words.push(format!("hooks {}", hooks.join(", ")));
        words.push(format!("{tls} to {}", super::clipped(&target(manager.node))));
    }
    if facts.managers.is_empty() {
        words.push("no extension".to_owned());
    }
    words.join("; ")
}

fn target(manager: &Node) -> String {
    let Some(service) = manager.set("service") else { return String::new() };
    let text = |node: &Node, key: &str| node.set(key).and_then(Node::text).unwrap_or_default().to_owned();
    let port = |node: &Node| match node.set("port").map(|port| &port.kind) {
        Some(Kind::Integer(port)) => *port,
        _ => 0,
    };
    let host =
        |key: &str, name: &str| service.set(key).map(|node| format!("{}:{}", text(node, name), port(node)));
    host("fqdn", "hostname")
        .or_else(|| host("ip", "address"))
        .or_else(|| service.set("unix").map(|unix| format!("unix:{}", text(unix, "path"))))
        .unwrap_or_else(|| format!("{}:{}", text(service, "host"), port(service)))
}

pub(super) const MANAGERS: &[&str] = &["extensionManager", "extensionManagers"];

//! What EG's loader refuses of an object of a kind that it knows.
//!
//! EG validates objects of the Gateway API and its own by their whole CRD. Here are the fields that each configuration has;
//! a key counts as known if any release has it.

use data_encoding::BASE64;

use super::Node;
use crate::gateway::document::{Entry, Kind, Place};
use crate::gateway::model::{API_VERSION, json_type, nearest_word};

/// Why EG cannot load an object.
pub(super) struct Fault {
    pub(super) place: Place,
    /// In EG's words, as far as they are short.
    pub(super) why: String,
    pub(super) hint: String,
}

impl Fault {
    pub(super) fn new(place: Place, why: impl Into<String>) -> Self {
        let hint = "repair it or move it out of the directory: EG reads every file in it, whatever its name, but no hidden ones";
        Self { place, why: why.into(), hint: hint.to_owned() }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

pub(super) fn fault(root: &Node, group: &str, kind: &str) -> Option<Fault> {
    match group {
        "" => unknown_kind(root, kind, CORE_KINDS, |version| {
            format!("no kind \"{kind}\" is registered for version \"{version}\" in scheme")
        })
        .or_else(|| core(root, kind))
        .or_else(|| nameless(root).filter(|_| kind != "List")),
        "gateway.networking.k8s.io" => unknown_version(root, VERSIONS)
            .or_else(|| {
                unknown_kind(root, kind, KINDS, |version| {
                    format!("kind {kind} not found in {version} groupversion")
                })
            })
            .or_else(|| strings(root))
            .or_else(|| levels(root, kind))
            .or_else(|| nameless(root)),
        "gateway.envoyproxy.io" => unknown_version(root, &[API_VERSION])
            .or_else(|| strings(root))
            .or_else(|| unknown(root, "", OBJECT))
            .or_else(|| nameless(root)),
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
    let is_encoded = |entry: &&Entry| {
        let text = entry.value.text().unwrap_or_default();
        let text: String = text.chars().filter(|c| !"\r\n".contains(*c)).collect();
        BASE64.decode(text.as_bytes()).is_ok()
    };
    let entry = bytes.iter().find(|entry| !is_encoded(entry))?;
    let why = format!("the value of `{}` is not Base64", entry.key);
    Some(Fault::new(entry.value.place, why).with_hint("write what `base64 -w0 FILE` prints"))
}

/// Only a slip of the fingers is known for sure: a release can have kinds that this list has not.
fn unknown_kind(root: &Node, kind: &str, kinds: &[&str], why: impl FnOnce(&str) -> String) -> Option<Fault> {
    let near = nearest_word(kind, kinds.iter().copied()).filter(|_| !kinds.contains(&kind))?;
    let (version, place) = (root.set("apiVersion")?.text()?, root.set("kind")?.place);
    Some(Fault::new(place, why(version)).with_hint(format!("did you mean `{near}`?")))
}

/// Not one of those that there are; the first of them has most kinds.
fn unknown_version(root: &Node, versions: &[&str]) -> Option<Fault> {
    let version = root.set("apiVersion")?;
    let written = version.text().filter(|text| !versions.contains(text))?;
    let why = format!("failed to locate OpenAPI spec for GV: {written}");
    Some(Fault::new(version.place, why).with_hint(format!("write `apiVersion: {}`", versions.first()?)))
}

/// Also a `metadata` that is none.
fn nameless(root: &Node) -> Option<Fault> {
    let name = root.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let place = root.get("metadata").map_or(root.place, |metadata| metadata.key_place);
    let fault = || Fault::new(place, "metadata.name: Required value: name is required");
    name.is_empty().then(|| fault().with_hint("write `metadata: {name: NAME}`"))
}

/// The mappings of an object of which all keys are known.
fn levels(root: &Node, kind: &str) -> Option<Fault> {
    unknown(root, "", OBJECT).or_else(|| {
        let mut levels = LEVELS.iter().filter(|level| level.kinds.contains(&kind));
        levels.find_map(|level| {
            all(root, level.path).into_iter().find_map(|(path, node)| {
                unknown(node, &format!("{path}."), level.keys)
                    .or_else(|| missing(node, &path, level.required))
            })
        })
    })
}

/// The mappings at the end of a path, each with its own: `[]` stands for every item of a list.
fn all<'n>(root: &'n Node, path: &str) -> Vec<(String, &'n Node)> {
    let mut found = vec![(String::new(), root)];
    for part in path.split('.') {
        let key = part.trim_end_matches("[]");
        let mut next = Vec::new();
        for (path, node) in found {
            let Some(value) = node.set(key) else { continue };
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            match part.ends_with("[]") {
                true => {
                    let items = value.items().iter().enumerate();
                    next.extend(items.map(|(index, item)| (format!("{path}[{index}]"), item)));
                }
                false => next.push((path, value)),
            }
        }
        found = next;
    }
    found
}

fn unknown(node: &Node, prefix: &str, keys: &[&str]) -> Option<Fault> {
    let entry = node.entries().iter().find(|entry| !keys.contains(&&*entry.key))?;
    let hint = match nearest_word(&entry.key, keys.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("take it out: the keys here are {}", keys.join(", ")),
    };
    let why = format!("{prefix}{}: Invalid value: value provided for unknown field", entry.key);
    Some(Fault::new(entry.key_place, why).with_hint(hint))
}

fn missing(node: &Node, path: &str, required: &[&str]) -> Option<Fault> {
    let key = required.iter().find(|key| node.set(key).is_none())?;
    let why = format!("{path}.{key}: Required value");
    Some(Fault::new(node.place, why).with_hint(format!("write `{key}`")))
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

/// A mapping, what it can have, and what it must have.
struct Level {
    kinds: &'static [&'static str],
    path: &'static str,
    keys: &'static [&'static str],
    required: &'static [&'static str],
}

const NAMES: &[&str] = &["name", "namespace"];

const MAPS: &[&str] = &["annotations", "labels"];

const OBJECT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];

/// Of the Gateway API.
const VERSIONS: &[&str] = &[
    "gateway.networking.k8s.io/v1",
    "gateway.networking.k8s.io/v1alpha2",
    "gateway.networking.k8s.io/v1alpha3",
    "gateway.networking.k8s.io/v1beta1",
];

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

const KINDS: &[&str] = &[
    "BackendTLSPolicy",
    "GRPCRoute",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "ListenerSet",
    "ReferenceGrant",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
];

const ROUTES: &[&str] = &["GRPCRoute", "HTTPRoute"];

const LEVELS: &[Level] = &[
    Level {
        kinds: &["GatewayClass"],
        path: "spec",
        keys: &["controllerName", "description", "parametersRef"],
        required: &[],
    },
    Level {
        kinds: &["Gateway"],
        path: "spec",
        keys: &[
            "addresses",
            "allowedListeners",
            "backendTLS",
            "defaultScope",
            "gatewayClassName",
            "infrastructure",
            "listeners",
            "tls",
        ],
        required: &["gatewayClassName", "listeners"],
    },
    Level {
        kinds: &["Gateway"],
        path: "spec.listeners[]",
        keys: &["allowedRoutes", "hostname", "name", "port", "protocol", "tls"],
        required: &["name", "port", "protocol"],
    },
    Level {
        kinds: ROUTES,
        path: "spec",
        keys: &["hostnames", "parentRefs", "rules", "useDefaultGateways"],
        required: &[],
    },
    Level {
        kinds: ROUTES,
        path: "spec.parentRefs[]",
        keys: &["group", "kind", "name", "namespace", "port", "sectionName"],
        required: &["name"],
    },
    Level {
        kinds: ROUTES,
        path: "spec.rules[]",
        keys: &["backendRefs", "filters", "matches", "name", "retry", "sessionPersistence", "timeouts"],
        required: &[],
    },
    Level {
        kinds: ROUTES,
        path: "spec.rules[].backendRefs[]",
        keys: &["filters", "group", "kind", "name", "namespace", "port", "weight"],
        required: &["name"],
    },
    Level {
        kinds: &["HTTPRoute"],
        path: "spec.rules[].filters[]",
        keys: &[
            "cors",
            "extensionRef",
            "externalAuth",
            "requestHeaderModifier",
            "requestMirror",
            "requestRedirect",
            "responseHeaderModifier",
            "type",
            "urlRewrite",
        ],
        required: &["type"],
    },
];

//! The least that EG needs around an extension to call it: resources for a directory that it reads.

use super::releases::{Fact, Release, Value};
use super::yaml::{Item, KeyValue, Node, comment, document};
use super::{Configuration, DEFAULT_NAMESPACE, Resource};

/// The file in the directory. EG reads every file there, whatever its name.
pub const EXAMPLE_FILE: &str = "egext-example.yaml";

/// Where Envoy answers in the example.
pub const EXAMPLE_URL: &str = "http://localhost:8888/";

/// Resources for standalone mode: a gateway with one route, which Envoy answers itself, and an object of each kind
/// that the extension attaches to routes or gateways, where the release can load it.
pub(super) fn resources(configuration: &Configuration) -> String {
    let request = &configuration.request;
    let release = Release::from(request.version);
    let controller = request.file.as_ref().map_or("", |file| file.controller_name.as_str());
    // Objects of the extension's own kinds: an entry of a list keeps EG from loading any.
    let is_loaded = release.has(Fact::LoadCustom) && request.name.is_none();
    let attached = request.resources.first().filter(|_| is_loaded);
    let policy = request.policy_resources.first().filter(|_| is_loaded);
    let has_proxy = release.has(Fact::LoadEnvoyProxyHost);
    let mut text = String::new();
    comment(&mut text, &header(request.version.name()), 0);
    let documents = [
        Some(class(controller, has_proxy)),
        has_proxy.then(|| proxy(release.value(Value::EnvoyVersion))),
        Some(gateway()),
        Some(answer()),
        Some(route(attached)),
        attached.map(|kind| custom(kind, vec![])),
        policy.map(|kind| custom(kind, vec![target()])),
    ];
    let documents = documents.into_iter().flatten().map(|entries| document(&entries));
    text + &documents.collect::<Vec<_>>().join("---\n")
}

fn header(version: &str) -> String {
    format!(
        "Resources for Envoy Gateway (EG) {version} in standalone mode. Made by `egext config gateway --with-example`.\n\
         With EG, the bridge and the extension server running, `curl -i {EXAMPLE_URL}` gets an answer of Envoy.\n"
    )
}

fn class(controller: &str, has_proxy: bool) -> Vec<KeyValue> {
    let mut spec = vec![KeyValue::new("controllerName", controller)];
    if has_proxy {
        let parameters = vec![
            KeyValue::new("group", EG),
            KeyValue::new("kind", "EnvoyProxy"),
            KeyValue::new("name", NAME),
            KeyValue::new("namespace", DEFAULT_NAMESPACE),
        ];
        spec.push(KeyValue::new("parametersRef", parameters));
    }
    object(GATEWAY_V1, "GatewayClass", vec![KeyValue::new("name", NAME)], spec)
}

fn proxy(version: &str) -> Vec<KeyValue> {
    let host = vec![KeyValue::new("envoyVersion", version).commented(ENVOY)];
    let provider = vec![KeyValue::new("type", "Host"), KeyValue::new("host", host)];
    namespaced(EG_V1, "EnvoyProxy", vec![KeyValue::new("provider", provider)])
}

fn gateway() -> Vec<KeyValue> {
    let listener = vec![
        KeyValue::new("name", "http"),
        KeyValue::new("protocol", "HTTP"),
        KeyValue::new("port", Node::Integer(PORT)),
    ];
    let spec =
        vec![KeyValue::new("gatewayClassName", NAME), KeyValue::new("listeners", one(Node::Map(listener)))];
    namespaced(GATEWAY_V1, "Gateway", spec)
}

/// Not a backend: it would have to run, and before 1.6 on another host.
fn answer() -> Vec<KeyValue> {
    let body = vec![KeyValue::new("type", "Inline"), KeyValue::new("inline", "hello from Envoy\n")];
    let response = vec![
        KeyValue::new("contentType", "text/plain"),
        KeyValue::new("statusCode", Node::Integer(200)),
        KeyValue::new("body", body),
    ];
    namespaced(EG_V1, "HTTPRouteFilter", vec![KeyValue::new("directResponse", response)])
}

fn route(attached: Option<&Resource>) -> Vec<KeyValue> {
    // Behind an answer EG looks at no filter (v1.9.1:internal/gatewayapi/filters.go:101).
    let attached = attached.map(|kind| filter(&kind.group, &kind.kind));
    let filters = attached.into_iter().chain([filter(EG, "HTTPRouteFilter")]);
    let filters = filters.map(|value| Item { value, note: "" });
    let rule = vec![KeyValue::new("filters", Node::List(filters.collect()))];
    let parent = vec![KeyValue::new("name", NAME)];
    let spec = vec![
        KeyValue::new("parentRefs", one(Node::Map(parent))),
        KeyValue::new("rules", one(Node::Map(rule))),
    ];
    namespaced(GATEWAY_V1, "HTTPRoute", spec)
}

fn filter(group: &str, kind: &str) -> Node {
    let reference =
        vec![KeyValue::new("group", group), KeyValue::new("kind", kind), KeyValue::new("name", NAME)];
    Node::Map(vec![KeyValue::new("type", "ExtensionRef"), KeyValue::new("extensionRef", reference)])
}

/// An object of the extension, of which only the author of the extension knows what belongs into it.
fn custom(kind: &Resource, spec: Vec<KeyValue>) -> Vec<KeyValue> {
    let mut entries = namespaced(&format!("{}/{}", kind.group, kind.version), &kind.kind, spec);
    let spec = entries.pop().expect("`object` ends with it");
    entries.push(spec.commented(FILL_IN));
    entries
}

fn target() -> KeyValue {
    let gateway = vec![
        KeyValue::new("group", "gateway.networking.k8s.io"),
        KeyValue::new("kind", "Gateway"),
        KeyValue::new("name", NAME),
    ];
    KeyValue::new("targetRefs", one(Node::Map(gateway)))
}

fn namespaced(version: &str, kind: &str, spec: Vec<KeyValue>) -> Vec<KeyValue> {
    let metadata = vec![KeyValue::new("name", NAME), KeyValue::new("namespace", DEFAULT_NAMESPACE)];
    object(version, kind, metadata, spec)
}

fn object(version: &str, kind: &str, metadata: Vec<KeyValue>, spec: Vec<KeyValue>) -> Vec<KeyValue> {
    vec![
        KeyValue::new("apiVersion", version),
        KeyValue::new("kind", kind),
        KeyValue::new("metadata", metadata),
        KeyValue::new("spec", spec),
    ]
}

fn one(value: Node) -> Node {
    Node::List(vec![Item { value, note: "" }])
}

const NAME: &str = "egext-example";

const GATEWAY_V1: &str = "gateway.networking.k8s.io/v1";

const EG: &str = "gateway.envoyproxy.io";

const EG_V1: &str = "gateway.envoyproxy.io/v1alpha1";

/// That of [`EXAMPLE_URL`].
const PORT: u64 = 8888;

const FILL_IN: &str = "Fill in what the extension reads: it gets this object with the hook.";

const ENVOY: &str = "\
Of EG's release. EG downloads it, unless `envoy-versions/VERSION/bin/envoy` is in its `dataHome`. Without a
version some releases ask the network for the newest.";

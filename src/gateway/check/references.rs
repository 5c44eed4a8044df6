//! What resource files refer to: EG's file provider knows no objects but those that it loads.

use super::part::Part;
use super::{Mode, Node, Place, clipped, envoy, location, several};
use crate::gateway::DEFAULT_NAMESPACE;
use crate::gateway::releases::{Fact, Release};
use crate::report::{Finding, FindingId, Severity};

/// An object of a resource file.
pub(super) struct Object {
    pub(super) path: String,
    /// Lines of the file before its document.
    pub(super) lines: u32,
    pub(super) root: Node,
}

impl Object {
    fn text(&self, path: &[&str]) -> &str {
        self.root.at(path).and_then(Node::text).unwrap_or_default()
    }

    fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    fn group(&self) -> &str {
        self.text(&["apiVersion"]).split_once('/').map_or("", |(group, _)| group)
    }

    /// EG puts objects without one into its own (v1.9.1:internal/gatewayapi/resource/load.go:98).
    fn namespace(&self) -> &str {
        match self.text(&["metadata", "namespace"]) {
            "" => DEFAULT_NAMESPACE,
            namespace => namespace,
        }
    }

    pub(super) fn is_envoy_proxy(&self) -> bool {
        self.group() == "gateway.envoyproxy.io" && self.kind() == "EnvoyProxy"
    }

    pub(super) fn name(&self) -> String {
        format!("{} `{}`", clipped(self.kind()), clipped(self.text(&["metadata", "name"])))
    }

    fn is(&self, wanted: &Reference<'_>) -> bool {
        self.group() == wanted.group
            && self.kind() == wanted.kind
            && self.text(&["metadata", "name"]) == wanted.name
            && wanted.namespace.is_none_or(|namespace| namespace == self.namespace())
    }

    pub(super) fn at(&self, place: Place, finding: Finding) -> Finding {
        finding.at(location(&self.path, Place { line: place.line + self.lines, ..place }))
    }
}

/// What an object names.
struct Reference<'a> {
    group: &'a str,
    kind: &'a str,
    name: &'a str,
    /// None for objects that have none.
    namespace: Option<&'a str>,
    place: Place,
}

/// What is missing among all objects, if EG gets its resources from files: without any file of them, nothing is known.
pub(super) fn check(files: &[(&str, Part<'_>)], objects: &[Object], release: Release) -> Vec<Finding> {
    let from_files: Vec<_> = files
        .iter()
        .filter(|(_, part)| part.is_whole && Mode::of(&part.document.root) != Mode::Kubernetes)
        .collect();
    if from_files.is_empty() || objects.is_empty() {
        return Vec::new();
    }
    let mut findings = classes(&from_files, objects);
    findings.extend(envoy::check(&from_files, objects, release));
    for object in objects {
        findings.extend(object_itself(object, release));
        findings.extend(secret_types(object, objects, release));
        let references = references(object);
        let missing = references.iter().filter(|wanted| !objects.iter().any(|other| other.is(wanted)));
        findings.extend(missing.map(|wanted| object.at(wanted.place, unmet(object, wanted))));
    }
    findings
}

fn classes(files: &[&(&str, Part<'_>)], objects: &[Object]) -> Vec<Finding> {
    let classes: Vec<_> = objects.iter().filter(|object| object.kind() == "GatewayClass").collect();
    let mut findings = Vec::new();
    for (path, part) in files {
        let root = &part.document.root;
        let name = root.at(&["gateway", "controllerName"]);
        let Some(controller) = several::controller(name) else { continue };
        if classes.iter().any(|class| class.text(&["spec", "controllerName"]) == controller) {
            continue;
        }
        let message = format!(
            "no GatewayClass of the controller `{}` is among the resources, so EG serves nothing and calls no hook",
            clipped(controller)
        );
        let is_of_another = |class: &&&Object| !class.text(&["spec", "controllerName"]).is_empty();
        let hint = match classes.iter().find(is_of_another) {
            Some(class) => format!(
                "{} has `controllerName: {}`: write the same here and there",
                class.name(),
                clipped(class.text(&["spec", "controllerName"]))
            ),
            None => {
                "`egext config gateway --with-example DIR` writes one, with all that a first hook call needs"
                    .to_owned()
            }
        };
        let place = name.map_or(root.place, |name| name.place);
        findings.push(
            Finding::new(FindingId::ConfigGatewayClassMissing, "gateway.controllerName", message)
                .with_hint(hint)
                .at(location(path, part.shift.outer(place))),
        );
    }
    findings
}

/// What EG reads, and makes nothing of.
fn object_itself(object: &Object, release: Release) -> Option<Finding> {
    let (group, kind) = (object.group(), object.kind());
    if group.is_empty() && kind == "List" {
        let message = format!("EG {release} loads a List from a file, and none of the objects in it");
        let finding = Finding::new(FindingId::ConfigListIgnored, "items", message)
            .with_hint("write each object as a document of its own, with `---` between them");
        return Some(object.at(object.root.place, finding));
    }
    let string_data = object.root.get("stringData").filter(|_| group.is_empty() && kind == "Secret")?;
    if release.has(Fact::SecretStringData) {
        return None;
    }
    let message = format!(
        "EG {release} does not read `stringData` of a Secret from a file: the API server of Kubernetes makes `data` of it"
    );
    let finding = Finding::new(FindingId::ConfigSecretStringData, object.name(), message)
        .with_hint("write the values under `data`, in Base64");
    Some(object.at(string_data.key_place, finding))
}

/// Secrets of another type than EG demands for a listener. Without an API server, none has a type that is not written.
fn secret_types(gateway: &Object, objects: &[Object], release: Release) -> Vec<Finding> {
    if gateway.group() != GATEWAY_API || gateway.kind() != "Gateway" {
        return Vec::new();
    }
    let listeners = items(&gateway.root, &["spec", "listeners"]).iter();
    let wanted = listeners
        .flat_map(|listener| items(listener, &["tls", "certificateRefs"]))
        .filter_map(|reference| to(reference, ("", "Secret"), Some(gateway.namespace())));
    let secrets = wanted.filter_map(|wanted| objects.iter().find(|other| other.is(&wanted)));
    let is_wrong = |secret: &&Object| match secret.text(&["type"]) {
        TLS_SECRET => false,
        SDS_SECRET => !release.has(Fact::SecretSds),
        _ => true,
    };
    let finding = |secret: &Object| {
        let message =
            format!("EG {release} serves no listener with this Secret: its type is not `{TLS_SECRET}`");
        let place = secret.root.get("type").map_or(secret.root.place, |entry| entry.value.place);
        let mut finding = Finding::new(FindingId::ConfigSecretType, secret.name(), message)
            .with_hint(format!("write `type: {TLS_SECRET}`"));
        finding.severity = Severity::Warning;
        secret.at(place, finding)
    };
    secrets.filter(is_wrong).map(finding).collect()
}

fn unmet(object: &Object, wanted: &Reference<'_>) -> Finding {
    let namespace = wanted.namespace.map(|namespace| format!(" in namespace `{}`", clipped(namespace)));
    let message = format!(
        "no {} `{}`{} is among the resources",
        clipped(wanted.kind),
        clipped(wanted.name),
        namespace.unwrap_or_default()
    );
    Finding::new(FindingId::ConfigReferenceMissing, object.name(), message).with_hint(
        "add the object, or correct the reference; the status that EG would write about it goes nowhere",
    )
}

fn references(object: &Object) -> Vec<Reference<'_>> {
    let root = &object.root;
    let own = Some(object.namespace());
    let mut all = Vec::new();
    if object.group() == GATEWAY_API {
        match object.kind() {
            "GatewayClass" => {
                all.extend(root.at(&["spec", "parametersRef"]).and_then(|it| to(it, ("", ""), own)));
            }
            "Gateway" => {
                all.extend(root.at(&["spec", "gatewayClassName"]).and_then(|class| {
                    let (name, place) = (class.text()?, class.place);
                    Some(Reference { group: GATEWAY_API, kind: "GatewayClass", name, namespace: None, place })
                }));
                let parameters = root.at(&["spec", "infrastructure", "parametersRef"]);
                all.extend(parameters.and_then(|it| to(it, ("", ""), own)));
                for listener in items(root, &["spec", "listeners"]) {
                    let secrets = items(listener, &["tls", "certificateRefs"]).iter();
                    all.extend(secrets.filter_map(|it| to(it, ("", "Secret"), own)));
                }
            }
            _ => {
                let parents = items(root, &["spec", "parentRefs"]).iter();
                all.extend(parents.filter_map(|it| to(it, (GATEWAY_API, "Gateway"), own)));
                for rule in items(root, &["spec", "rules"]) {
                    let filters = items(rule, &["filters"]).iter().filter_map(|it| it.set("extensionRef"));
                    all.extend(filters.filter_map(|it| to(it, ("", ""), own)));
                    let backends = items(rule, &["backendRefs"]).iter();
                    all.extend(backends.filter_map(|it| to(it, ("", "Service"), own)));
                }
            }
        }
    }
    let targets = root.at(&["spec", "targetRef"]).into_iter().chain(items(root, &["spec", "targetRefs"]));
    all.extend(targets.filter_map(|it| to(it, ("", ""), own)));
    all
}

fn items<'a>(node: &'a Node, path: &[&str]) -> &'a [Node] {
    node.at(path).map(Node::items).unwrap_or_default()
}

/// What a node refers to; group and kind have defaults.
fn to<'a>(node: &'a Node, (group, kind): (&'a str, &'a str), own: Option<&'a str>) -> Option<Reference<'a>> {
    let text = |key: &str| node.set(key).and_then(Node::text);
    let kind = text("kind").unwrap_or(kind);
    Some(Reference {
        group: text("group").unwrap_or(group),
        kind,
        name: text("name").filter(|name| !name.is_empty() && !kind.is_empty())?,
        namespace: if kind == "GatewayClass" { None } else { text("namespace").or(own) },
        place: node.place,
    })
}

/// What EG demands (v1.9.1:internal/gatewayapi/validate.go:553).
pub(super) const TLS_SECRET: &str = "kubernetes.io/tls";

/// Names a service that has the certificate.
const SDS_SECRET: &str = "gateway.envoyproxy.io/sds";

const GATEWAY_API: &str = "gateway.networking.k8s.io";

//! Files of a resource directory, as EG's file provider loads them: one that it cannot load keeps it from loading any.

use super::fields::{self, Fault};
use super::part::Part;
use super::references::Object;
use super::{Found, Mode, Node, Place, Verdict, clipped, envoy};
use crate::gateway::document;
use crate::gateway::model;
use crate::gateway::releases::{Fact, Release};
use crate::report::{Finding, FindingId};
use crate::yaml_documents::documents;

/// What is known of the EG that loads the files.
pub(super) struct Loader {
    release: Release,
    /// `GROUP/VERSION/KIND` of what the extension brings along, and whether EG can load it. `None` if no EnvoyGateway
    /// file is among the files.
    kinds: Option<Vec<(String, bool)>>,
}

impl Loader {
    pub(super) fn new(files: &[(&str, Part<'_>)], release: Release) -> Self {
        let from_files =
            |part: &&Part<'_>| part.is_whole && Mode::of(&part.document.root) != Mode::Kubernetes;
        let mut parts = files.iter().map(|(_, part)| part).filter(from_files).peekable();
        let is_known = parts.peek().is_some();
        let kinds =
            parts.flat_map(|part| model::managers(&part.document.root, release)).flat_map(|manager| {
                let (node, is_singular) = (manager.node, manager.path == "extensionManager");
                let all = KINDS.iter().filter_map(move |key| node.set(key)).flat_map(Node::items);
                let is_loadable = is_singular && release.has(Fact::LoadCustom);
                all.map(move |kind| {
                    let text = |key: &str| kind.set(key).and_then(Node::text).unwrap_or_default();
                    (format!("{}/{}/{}", text("group"), text("version"), text("kind")), is_loadable)
                })
            });
        Self { release, kinds: is_known.then(|| kinds.collect()) }
    }

    /// Looks at a file; `text` is what it has, or why EG cannot read it. Its objects are put to those of other files.
    pub(super) fn check(
        &self,
        found: &mut Found<'_>,
        text: Result<&str, &str>,
        all: &mut Vec<Object>,
    ) -> (Verdict, Option<String>) {
        let text = match text {
            Ok(text) => text,
            Err(why) => {
                self.broken(found, Fault::new(Place::START, why));
                return (Verdict::Resource, None);
            }
        };
        let mut objects = 0;
        for (lines, text) in documents(text) {
            objects += 1;
            let at =
                |place: Place| Place { line: place.line + u32::try_from(lines).unwrap_or_default(), ..place };
            match document::read_yaml(text) {
                Err(error) => {
                    self.broken(found, Fault::new(at(error.place), format!("it is not YAML: {}", error.why)));
                }
                Ok(document) => {
                    if let Some(fault) = self.object(&document.root) {
                        self.broken(found, Fault { place: at(fault.place), ..fault });
                    }
                    let lines = u32::try_from(lines).unwrap_or_default();
                    all.push(Object { path: found.path.to_owned(), lines, root: document.root });
                }
            }
        }
        let noun = if objects == 1 { "object" } else { "objects" };
        (Verdict::Resource, Some(format!("{objects} {noun}")))
    }

    /// Why EG cannot load it.
    fn object(&self, root: &Node) -> Option<Fault> {
        let refuse = |place, why: &str| Some(Fault::new(place, why));
        if root.is_null() {
            return refuse(Place::START, "a document in it has nothing but comments or blank lines");
        }
        if root.entries().is_empty() {
            return refuse(root.place, "it is not a Kubernetes object");
        }
        let text = |key: &str| Some((root.set(key)?.text()?, root.get(key)?.value.place));
        let (Some((version, _)), Some((kind, place))) = (text("apiVersion"), text("kind")) else {
            let fault = Fault::new(root.place, "a document in it has no `apiVersion` or no `kind`");
            let is_values = root.at(&["config", "envoyGateway"]).is_some();
            return Some(if is_values { fault.with_hint(alone("Helm values")) } else { fault });
        };
        let (group, _) = version.split_once('/').unwrap_or(("", version));
        if group == "gateway.envoyproxy.io" && kind == "EnvoyGateway" {
            let fault = Fault::new(place, "EG's own configuration file is no resource");
            return Some(fault.with_hint(alone("the file that EG is started with")));
        }
        // The field that decides whether it is EG's at all.
        let controller = root.at(&["spec", "controllerName"]).filter(|name| name.text() == Some(""));
        if let Some(empty) = controller.filter(|_| kind == "GatewayClass") {
            return refuse(empty.place, "spec.controllerName in body should be at least 1 chars long");
        }
        if group == "gateway.envoyproxy.io"
            && kind == "EnvoyProxy"
            && let Some((node, why)) = envoy::refused(root, self.release)
        {
            return refuse(node.place, why);
        }
        if GROUPS.contains(&group) {
            return fields::fault(root, group, kind, self.release);
        }
        let own = self.kinds.as_ref()?.iter().find(|(name, _)| *name == format!("{version}/{kind}"));
        if let Some((_, true)) = own {
            return None;
        }
        let why = format!("no kind \"{kind}\" is registered for version \"{version}\" in scheme");
        Some(Fault::new(place, why).with_hint(
            "name the kind in `extensionManager.resources` (EG 1.7 and later), or move the object out of the directory",
        ))
    }

    fn broken(&self, found: &mut Found<'_>, fault: Fault) {
        let what = if fault.is_fatal { "ends" } else { "loads no resources at all" };
        let message = format!("EG {} {what} because of this file: {}", self.release, clipped(&fault.why));
        let finding = Finding::new(FindingId::ConfigLoadBroken, found.path, message);
        found.add(fault.place, finding.with_hint(fault.hint));
    }
}

/// The hint if a file is no resource, and its directory perhaps no resource directory.
fn alone(what: &str) -> String {
    format!(
        "it looks like {what}: check it by its own name, and move it out of the directory if EG reads that"
    )
}

const KINDS: &[&str] = &["resources", "policyResources", "backendResources"];

/// The groups of which EG's loader knows kinds: those of `client-go`, of the Gateway API, and its own.
const GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "gateway.envoyproxy.io",
    "gateway.networking.k8s.io",
    "gateway.networking.x-k8s.io",
    "multicluster.x-k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

//! Manifests for Kubernetes, written to a directory or to stdout.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::{Kubernetes, Manifest, Part};
use crate::render::certs::lines::{self, words};
use crate::report::{Body, Report, Style};
use crate::shell::shell_path;

/// What `egext config kubernetes` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details<'a> {
    /// The release of Envoy Gateway that it is for.
    eg_version: String,
    /// Where the objects are.
    namespace: &'a str,
    parts: Vec<Written<'a>>,
}

/// One of the parts.
#[derive(Serialize, JsonSchema)]
struct Written<'a> {
    part: &'static str,
    /// The file with it, unless all went to stdout.
    file: Option<String>,
    /// What it contains.
    yaml: &'a str,
}

/// `directory` has the files; without it, all goes to stdout.
pub(crate) fn report(kubernetes: &Kubernetes, manifests: &[Manifest], directory: Option<&Path>) -> Report {
    let mut report = Report::new("config kubernetes");
    let version = kubernetes.configuration().version();
    let cluster = kubernetes.cluster();
    let place = directory.map_or_else(|| "stdout".to_owned(), |path| format!("`{}`", path.display()));
    lines::title(&mut report, Style::Good, "wrote", &format!(" manifests for EG {version} to {place}"));
    for finding in kubernetes.findings() {
        report.found(finding.clone());
    }
    report.detail(&Details {
        eg_version: version.to_string(),
        namespace: cluster.namespace.as_str(),
        parts: manifests
            .iter()
            .map(|Manifest { part, yaml }| Written {
                part: part.name(),
                file: directory.map(|directory| words(&directory.join(part.file()))),
                yaml,
            })
            .collect(),
    });
    let Some(directory) = directory else {
        let texts: Vec<&str> = manifests.iter().map(|manifest| manifest.yaml.as_str()).collect();
        report.body = Body::data(texts.join("---\n"));
        return report;
    };
    for Manifest { part, .. } in in_order(manifests) {
        report.talk.hint(command(kubernetes, *part, &directory.join(part.file())));
    }
    report
}

/// As they are to be applied: EG calls its extension last.
fn in_order(manifests: &[Manifest]) -> Vec<&Manifest> {
    let mut sorted: Vec<_> = manifests.iter().collect();
    sorted.sort_by_key(|manifest| manifest.part == Part::Values);
    sorted
}

/// What to type for a part.
fn command(kubernetes: &Kubernetes, part: Part, file: &Path) -> String {
    let (cluster, file) = (kubernetes.cluster(), shell_path(file));
    let namespace = cluster.namespace.as_str();
    let patch =
        |name: &str| format!("`kubectl patch deployment {name} --namespace {namespace} --patch-file {file}`");
    match part {
        Part::Ca | Part::Certificates | Part::Trust => format!("`kubectl apply -f {file}`"),
        Part::Values => format!("`helm upgrade RELEASE CHART --reuse-values -f {file}`"),
        Part::Server => patch(cluster.deployment.as_str()),
        Part::Gateway => patch("envoy-gateway"),
    }
}

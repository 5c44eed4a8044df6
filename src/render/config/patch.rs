//! A file of a person's with the extension in it.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::shown;
use crate::gateway::Configuration;
use crate::gateway::patch::Target;
use crate::render::certs::lines::words;
use crate::report::{Body, Line, Report, Style};

/// What became of the file.
pub(crate) struct Outcome<'a> {
    /// As typed.
    pub(crate) file: &'a Path,
    /// What it holds.
    pub(crate) target: Target,
    /// The new text.
    pub(crate) patched: String,
    /// Something is different in it.
    pub(crate) changed: bool,
    /// The unified diff, if something changes and it can be shown.
    pub(crate) diff: Option<String>,
    pub(crate) dry_run: bool,
    /// The new text goes to stdout.
    pub(crate) is_streamed: bool,
}

/// What `egext config patch` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details<'a> {
    /// The release of Envoy Gateway that it is for.
    eg_version: String,
    /// How Envoy Gateway runs.
    mode: &'static str,
    /// The command of the bridge that it needs.
    bridge_command: Option<String>,
    /// The file.
    file: String,
    /// What it holds: `ConfigMap`, `EnvoyGateway` or `Helm values`.
    target: &'static str,
    /// Whether it has changed, or would.
    changed: bool,
    /// Nothing was written.
    dry_run: bool,
    /// The unified diff, if something changes and it can be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a str>,
    /// The new text, where it goes to stdout.
    #[serde(skip_serializing_if = "Option::is_none")]
    yaml: Option<&'a str>,
}

pub(crate) fn report(configuration: &Configuration, outcome: Outcome<'_>) -> Report {
    let Outcome { file, target, patched, changed, diff, dry_run, is_streamed } = outcome;
    let mut report = Report::new("config patch");
    for finding in configuration.findings() {
        report.found(finding.clone());
    }
    let name = if is_streamed { "the text of stdin".to_owned() } else { format!("`{}`", file.display()) };
    let version = configuration.version();
    let (style, done, rest) = match (changed, dry_run) {
        (false, _) => (Style::Good, "unchanged", format!(": {name} has the extension for EG {version}")),
        (true, true) => (Style::Hint, "would change", format!(" {name} for EG {version}")),
        (true, false) => (Style::Good, "changed", format!(" {name} for EG {version}")),
    };
    report.talk.line(Line::default().with(style, done).plain(rest));
    if let (true, Some(bridge)) = (changed, configuration.bridge()) {
        report.talk.blank().hint(format!("EG needs the bridge: `{bridge}`"));
    }
    report.detail(&Details {
        eg_version: version.to_string(),
        mode: configuration.mode().name(),
        bridge_command: configuration.bridge().map(ToString::to_string),
        file: words(file),
        target: match target {
            Target::ConfigMap => "ConfigMap",
            Target::EnvoyGateway => "EnvoyGateway",
            Target::HelmValues => "Helm values",
        },
        changed,
        dry_run,
        diff: diff.as_deref(),
        yaml: is_streamed.then_some(&*patched),
    });
    if is_streamed {
        report.body = Body::data(patched);
    } else if let Some(diff) = &diff {
        report.body = Body::Text(shown(diff));
    }
    report
}

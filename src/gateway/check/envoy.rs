//! The version of Envoy that EG runs on its own host.

use super::part::Part;
use super::references::Object;
use super::{Mode, Node, clipped};
use crate::gateway::releases::{Fact, Release, Value};
use crate::report::{Finding, FindingId};

/// What is wrong with the versions in these objects, if EG runs Envoy itself.
pub(super) fn check(files: &[&(&str, Part<'_>)], objects: &[Object], release: Release) -> Vec<Finding> {
    if !files.iter().any(|(_, part)| Mode::of(&part.document.root) == Mode::Standalone) {
        return Vec::new();
    }
    objects.iter().filter_map(|object| one(object, release)).collect()
}

fn one(object: &Object, release: Release) -> Option<Finding> {
    if !object.is_envoy_proxy() || !release.has(Fact::LoadEnvoyProxyHost) {
        return None;
    }
    let built_in = release.value(Value::EnvoyVersion);
    let example = format!("write `provider: {{type: Host, host: {{envoyVersion: \"{built_in}\"}}}}`");
    let finding = |message: String| Finding::new(FindingId::ConfigEnvoyVersion, object.name(), message);
    let Some(version) = object.root.at(HOST_VERSION).filter(|version| version.text() != Some("")) else {
        if release.has(Fact::OfflineEnvoy) {
            return None;
        }
        let message = format!(
            "no version of Envoy is named, so EG {release} asks the network for the newest one, and without an answer no Envoy starts"
        );
        let spec = object.root.get("spec").map_or(object.root.place, |spec| spec.key_place);
        return Some(object.at(spec, finding(message).with_hint(example)));
    };
    // Another type keeps EG from loading the file.
    let text = version.text()?;
    let message = match (numbers(text), numbers(built_in)) {
        (None, _) => format!(
            "`{}` is no version number: EG {release} starts an Envoy that is installed under this name, else it asks the network, \
             and without an answer no Envoy starts",
            clipped(text)
        ),
        (Some(written), Some(own)) if written[..2] < own[..2] => format!(
            "Envoy {} is older than {built_in}, which EG {release} was made for, and may reject what EG configures",
            clipped(text)
        ),
        _ => return None,
    };
    Some(object.at(version.place, finding(message).with_hint(example)))
}

/// `1.39.1`, the only form for which EG does not ask the network.
fn numbers(text: &str) -> Option<[u32; 3]> {
    let numbers = text.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>()?;
    numbers.try_into().ok()
}

/// Why EG cannot load an EnvoyProxy, with what stands there.
pub(super) fn refused(root: &Node, release: Release) -> Option<(&Node, &'static str)> {
    let provider = root.at(&["spec", "provider"])?;
    let kind = provider.set("type").filter(|kind| kind.text() == Some("Host"));
    if let Some(kind) = kind.filter(|_| !release.has(Fact::LoadEnvoyProxyHost)) {
        return Some((kind, "an EnvoyProxy with `provider.type: Host` came with EG 1.6"));
    }
    let version = root.at(HOST_VERSION).filter(|version| version.text().is_none())?;
    Some((version, "`envoyVersion` is not a text: put it into quotes"))
}

const HOST_VERSION: &[&str] = &["spec", "provider", "host", "envoyVersion"];

use super::{Reason, Refused};
use crate::gateway::document::{Kind, Node, Place};
use crate::gateway::releases::{Fact, Refusal, Release};

/// What EG says before it looks at anything else: is it an EnvoyGateway?
pub(super) fn header(root: &Node, release: Release) -> Option<Refused> {
    if !matches!(root.kind, Kind::Map(_) | Kind::Null) {
        return Some(mismatch(&root.kind, STRUCT, root.place));
    }
    // In the order of the alphabet.
    let (version, version_place) = match read(root, "apiVersion") {
        Ok(version) => version,
        Err(refused) => return Some(refused),
    };
    let (kind, place) = match read(root, "kind") {
        Ok(kind) => kind,
        Err(refused) => return Some(refused),
    };
    let refuse = |id, values: &[&str], place| Some(Refused::of(id, values, place, release));
    if kind.is_empty() {
        return refuse(Refusal::KindMissing, &[], place);
    }
    if version.is_empty() {
        return refuse(Refusal::VersionMissing, &[], version_place);
    }
    if version == API_VERSION && kind == KIND {
        return None;
    }
    if !release.has(Fact::OwnSchemeOnly) && !is_known_elsewhere(version, kind) {
        // As later releases say it.
        let text = format!("no kind \"{kind}\" is registered for version \"{version}\" in scheme");
        return Some(Refused { place, text, reason: Reason::Refusal(Refusal::OtherKind) });
    }
    refuse(Refusal::OtherKind, &[kind, version], place)
}

fn read<'a>(root: &'a Node, key: &str) -> Result<(&'a str, Place), Refused> {
    // Only here case does not count, and of several the last one with a value does.
    let mut entries: Vec<_> = root.entries().iter().filter(|entry| !entry.is_overridden).collect();
    entries.retain(|entry| entry.key.eq_ignore_ascii_case(key));
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let mut found = ("", root.place);
    for entry in entries {
        match &entry.value.kind {
            Kind::Null if found.0.is_empty() => found = ("", entry.key_place),
            Kind::Null => {}
            Kind::Text(text) => found = (text, entry.value.place),
            kind => {
                let go = format!("struct field .{key} of type string");
                return Err(mismatch(kind, &go, entry.value.place));
            }
        }
    }
    Ok(found)
}

fn mismatch(kind: &Kind, go: &str, place: Place) -> Refused {
    let found = word(kind);
    let text =
        format!("couldn't get version/kind; json parse error: json: cannot unmarshal {found} into Go {go}");
    let expected = if go == STRUCT { "object" } else { "string" };
    Refused { place, text, reason: Reason::Type { found, expected } }
}

/// What Go's JSON calls it.
pub(super) const fn word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool(_) => "bool",
        Kind::Integer(_) | Kind::Float(_) | Kind::Fraction(_) => "number",
        Kind::Text(_) => "string",
        Kind::List(_) => "array",
        Kind::Map(_) => "object",
    }
}

/// The kinds besides EnvoyGateway that the scheme of 1.4 to 1.6 has, of those that people have in files.
fn is_known_elsewhere(version: &str, kind: &str) -> bool {
    let kinds: &[&str] = match version {
        API_VERSION => &[
            "Backend",
            "BackendTrafficPolicy",
            "ClientTrafficPolicy",
            "EnvoyExtensionPolicy",
            "EnvoyPatchPolicy",
            "EnvoyProxy",
            "HTTPRouteFilter",
            "SecurityPolicy",
        ],
        "gateway.networking.k8s.io/v1" => &["Gateway", "GatewayClass", "GRPCRoute", "HTTPRoute"],
        "v1" => &["ConfigMap", "Namespace", "Secret", "Service"],
        "apps/v1" => &["Deployment"],
        _ => &[],
    };
    kinds.contains(&kind)
}

pub(super) const API_VERSION: &str = "gateway.envoyproxy.io/v1alpha1";
pub(super) const KIND: &str = "EnvoyGateway";

const STRUCT: &str = "value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";

use super::decode::ordered;
use super::{Reason, Refused};
use crate::gateway::document::{Format, Kind, Node, Place};
use crate::gateway::releases::{Fact, Refusal, Release};

/// What EG says before it looks at anything else: is it an EnvoyGateway?
pub(super) fn header(root: &Node, format: Format, release: Release) -> Option<Refused> {
    if !matches!(root.kind, Kind::Map(_) | Kind::Null) {
        return Some(mismatch(&root.kind, STRUCT, root.place));
    }
    // In the order of the alphabet.
    let (version, version_place) = match read(root, "apiVersion", format) {
        Ok(version) => version,
        Err(refused) => return Some(refused),
    };
    let (kind, place) = match read(root, "kind", format) {
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
    // What is wrong, if the kind is right.
    let place = if kind == KIND { version_place } else { place };
    if !release.has(Fact::OwnSchemeOnly) && !is_known_elsewhere(version, kind) {
        // As later releases say it.
        let text = format!("no kind \"{kind}\" is registered for version \"{version}\" in scheme");
        return Some(Refused { place, text, reason: Reason::Refusal(Refusal::OtherKind) });
    }
    refuse(Refusal::OtherKind, &[kind, version], place)
}

/// The last value of this key. Here alone Go does not look at the case: `apiversion` is found, and ignored afterwards.
fn read<'a>(root: &'a Node, key: &str, format: Format) -> Result<(&'a str, Place), Refused> {
    let mut found = ("", root.place);
    let mut wrong = None;
    for entry in
        ordered(root.entries(), format).into_iter().filter(|entry| entry.key.eq_ignore_ascii_case(key))
    {
        match &entry.value.kind {
            Kind::Null => found.1 = entry.key_place,
            Kind::Text(text) => found = (text, entry.value.place),
            kind => {
                let struct_field = format!("struct field .{key} of type string");
                wrong = wrong.or_else(|| Some(mismatch(kind, &struct_field, entry.value.place)));
            }
        }
    }
    wrong.map_or(Ok(found), Err)
}

fn mismatch(kind: &Kind, go: &str, place: Place) -> Refused {
    let found = json_type(kind);
    let text =
        format!("couldn't get version/kind; json parse error: json: cannot unmarshal {found} into Go {go}");
    let expected = if go == STRUCT { "object" } else { "string" };
    Refused { place, text, reason: Reason::Type { found, expected } }
}

/// What Go's JSON calls it.
pub(in crate::gateway) const fn json_type(kind: &Kind) -> &'static str {
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

pub(in crate::gateway) const API_VERSION: &str = "gateway.envoyproxy.io/v1alpha1";
pub(super) const KIND: &str = "EnvoyGateway";

const STRUCT: &str = "value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";

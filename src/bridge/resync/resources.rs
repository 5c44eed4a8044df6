//! What Envoy Gateway's loader finds in a resource directory, as far as a marker needs it: the Gateways, and the files
//! that keep it from loading the directory.
//!
//! As in its `internal/provider/file/resources.go` and `internal/gatewayapi/resource/load.go`, the same from 1.4 to
//! 1.9: every file directly in the directory, whatever its name ends with; hidden files and subdirectories are ignored;
//! documents are separated by lines of `---`; JSON is YAML; one file that cannot be loaded spoils the whole directory.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::yaml_documents::documents;

/// What there is in one directory.
#[derive(Debug, Default)]
pub(super) struct Resources {
    /// The Gateways to which an HTTPRoute can be attached: their names, by namespace.
    pub(super) gateways: BTreeMap<String, Vec<String>>,
    /// `NAMESPACE/NAME` of the Gateways without a listener that accepts HTTPRoutes.
    pub(super) closed: Vec<String>,
    /// The files that cannot be loaded, and why.
    pub(super) broken: Vec<Broken>,
}

/// A file that keeps Envoy Gateway from loading its directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Broken {
    pub(super) path: PathBuf,
    pub(super) why: String,
}

/// Reads `directory`, all but the file called `own`.
pub(super) fn read(directory: &Path, own: &str) -> io::Result<Resources> {
    let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(DirEntry::file_name);
    let mut found = Resources::default();
    for entry in entries {
        let name = entry.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        // The directory was exchanged under our hands: an entry that cannot be judged is read below, and says why.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_hidden || is_directory || name == own {
            continue;
        }
        let path = entry.path();
        if let Err(why) = load(&path).and_then(|text| take(&text, &mut found)) {
            found.broken.push(Broken { path, why });
        }
    }
    Ok(found)
}

fn load(path: &Path) -> Result<String, String> {
    // A pipe would keep us waiting. Between this look and the opening it could still become one; then it is the
    // operator who wants that.
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(FILE_LIMIT + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => "it is not text in UTF-8".to_owned(),
        _ => error.to_string(),
    })?;
    if read as u64 > FILE_LIMIT {
        return Err(format!("it has more than {} MiB", FILE_LIMIT >> 20));
    }
    Ok(text)
}

fn take(text: &str, found: &mut Resources) -> Result<(), String> {
    for (_, document) in documents(text) {
        let parsed = serde_saphyr::from_multiple::<Value>(document).map_err(|error| {
            let error = error.to_string();
            format!("it is not YAML: {}", error.lines().next().unwrap_or_default())
        })?;
        let object = parsed.first().unwrap_or(&Value::Null);
        match object {
            Value::Object(_) => {}
            Value::Null => return Err("a document in it has nothing but comments or blank lines".to_owned()),
            _ => return Err("it is not a Kubernetes object".to_owned()),
        }
        let (Some(version), Some(kind)) = (object["apiVersion"].as_str(), object["kind"].as_str()) else {
            return Err("a document in it has no `apiVersion` or no `kind`".to_owned());
        };
        if kind == "Gateway" && version.split('/').next() == Some(GROUP) {
            gateway(object, found);
        }
    }
    Ok(())
}

fn gateway(object: &Value, found: &mut Resources) {
    let metadata = &object["metadata"];
    // Without a name Envoy Gateway itself refuses it.
    let Some(name) = metadata["name"].as_str() else { return };
    let namespace = metadata["namespace"].as_str().filter(|it| !it.is_empty()).unwrap_or(DEFAULT_NAMESPACE);
    let listeners = object["spec"]["listeners"].as_array();
    if listeners.is_some_and(|listeners| listeners.iter().any(accepts)) {
        let names = found.gateways.entry(namespace.to_owned()).or_default();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    } else {
        found.closed.push(format!("{namespace}/{name}"));
    }
}

/// Can an HTTPRoute of the Gateway's own namespace be attached to this listener? A selector of namespaces may not match
/// the Gateway's own, which the namespace's labels decide: that is tried.
fn accepts(listener: &Value) -> bool {
    let is_http = matches!(listener["protocol"].as_str(), Some("HTTP" | "HTTPS"));
    let allowed = &listener["allowedRoutes"];
    let is_route = |kind: &Value| {
        kind["kind"] == "HTTPRoute" && kind["group"].as_str().is_none_or(|group| group == GROUP)
    };
    let kinds = allowed["kinds"].as_array().filter(|kinds| !kinds.is_empty());
    is_http
        && kinds.is_none_or(|kinds| kinds.iter().any(is_route))
        && allowed["namespaces"]["from"].as_str() != Some("None")
}

const GROUP: &str = "gateway.networking.k8s.io";

/// Of objects without a namespace (v1.9.0:internal/envoygateway/config/config.go:22).
const DEFAULT_NAMESPACE: &str = "envoy-gateway-system";

/// A thousand times what a large gateway's resources have. Envoy Gateway has no limit.
const FILE_LIMIT: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Resources, String> {
        let mut found = Resources::default();
        take(text, &mut found).map(|()| found)
    }

    fn listener(rest: &str) -> String {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g}}\nspec:\n  listeners:\n  - {rest}\n"
        )
    }

    #[test]
    fn a_listener_accepts_the_route_unless_it_says_otherwise() {
        for (rest, expected) in [
            ("{name: a, protocol: HTTP, port: 80}", true),
            ("{name: a, protocol: HTTPS, port: 443, allowedRoutes: {namespaces: {from: Same}}}", true),
            ("{name: a, protocol: HTTP, port: 80, allowedRoutes: {kinds: [{kind: HTTPRoute}]}}", true),
            ("{name: a, protocol: HTTP, port: 80, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}", false),
            ("{name: a, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: None}}}", false),
            ("{name: a, protocol: TLS, port: 443}", false),
            ("{name: a, protocol: TCP, port: 5432}", false),
        ] {
            let found = found(&listener(rest)).expect("good YAML");
            assert_eq!(found.gateways.contains_key(DEFAULT_NAMESPACE), expected, "{rest}");
            assert_eq!(found.closed.is_empty(), expected, "{rest}");
        }
    }

    #[test]
    fn what_envoy_gateway_cannot_load_is_broken() {
        for text in
            ["# only a comment\n", "Notes: see: there\n", "plain prose\n", "kind: Gateway\n", "a: [\n", "\n"]
        {
            assert!(found(text).is_err(), "{text:?}");
        }
        for text in ["", "---\napiVersion: v1\nkind: Secret\n--- # note\napiVersion: v1\nkind: Secret\n---\n"]
        {
            assert!(found(text).is_ok(), "{text:?}");
        }
    }
}

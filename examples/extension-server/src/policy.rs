//! What this server changes: a response header, named by a custom resource.
//!
//! ```yaml
//! apiVersion: example.egext.dev/v1alpha1
//! kind: ResponseHeader
//! metadata: { name: greeting }
//! spec: { name: x-greeting, value: hello }
//! ```

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::config::route::v3::Route;
use http::HeaderName;
use serde::Deserialize;

/// A header for every response of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResponseHeader {
    name: HeaderName,
    value: String,
}

impl ResponseHeader {
    /// Reads a resource as Envoy Gateway sends it: the whole object as JSON.
    ///
    /// `None` where the object is of another kind: a route may refer to resources of several extensions.
    ///
    /// # Errors
    /// When it is a `ResponseHeader` that Envoy would not take. Envoy refuses the whole configuration for one
    /// bad header, so it is better refused here, where the resource can be named.
    pub fn from_json(json: &[u8]) -> Result<Option<Self>, PolicyError> {
        let object: Object = serde_json::from_slice(json).map_err(PolicyError::NotAnObject)?;
        if object.api_version != API_VERSION || object.kind != KIND {
            return Ok(None);
        }
        let resource = format!("{}/{}", object.metadata.namespace, object.metadata.name);
        let spec = match Spec::deserialize(object.spec) {
            Ok(spec) => spec,
            Err(source) => return Err(PolicyError::Spec { resource, source }),
        };
        // Envoy keeps `host` and everything with a colon to itself; a colon is no token character anyway.
        let name = HeaderName::from_bytes(spec.name.as_bytes())
            .ok()
            .filter(|name| name != http::header::HOST)
            .ok_or_else(|| PolicyError::Name { resource: resource.clone(), name: spec.name })?;
        if spec.value.is_empty() || http::HeaderValue::from_str(&spec.value).is_err() {
            return Err(PolicyError::Value { resource });
        }
        Ok(Some(Self { name, value: spec.value }))
    }

    /// Adds the header to the responses of `route`, in place of one that the backend set.
    pub fn apply(&self, route: &mut Route) {
        route.response_headers_to_add.push(HeaderValueOption {
            header: Some(HeaderValue {
                key: self.name.as_str().to_owned(),
                // In Envoy's format a percent sign begins a variable. Here it is a percent sign.
                value: self.value.replace('%', "%%"),
                ..HeaderValue::default()
            }),
            append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
            ..HeaderValueOption::default()
        });
    }
}

/// The author of a resource wrote something that cannot be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The name is not one of a header, or one that Envoy does not let go.
    #[error("{KIND} `{resource}`: `{name}` is not the name of a header that can be set")]
    Name {
        /// Namespace and name.
        resource: String,
        /// As written.
        name: String,
    },
    /// Not JSON, or without kind and name. Envoy Gateway sends no such thing.
    #[error("an extension resource is not a Kubernetes object: {0}")]
    NotAnObject(serde_json::Error),
    /// A field is missing, mistyped or of the wrong type.
    #[error("{KIND} `{resource}`: spec: {source}")]
    Spec {
        /// Namespace and name.
        resource: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Empty, or with characters outside of printable ASCII.
    #[error("{KIND} `{resource}`: the value is empty or not printable ASCII")]
    Value {
        /// Namespace and name.
        resource: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: serde_json::Value,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    namespace: String,
    name: String,
}

/// A mistyped key is an error here, because nobody else would tell.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    name: String,
    value: String,
}

const API_VERSION: &str = "example.egext.dev/v1alpha1";
const KIND: &str = "ResponseHeader";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_header_takes_the_place_of_the_backends() {
        let mut route = Route::default();
        read(&json!({ "name": "X-Greeting", "value": "100 % hello" })).expect("valid").apply(&mut route);

        let [added] = route.response_headers_to_add.as_slice() else { panic!("one header: {route:?}") };
        let header = added.header.as_ref().expect("a header");
        assert_eq!((header.key.as_str(), header.value.as_str()), ("x-greeting", "100 %% hello"));
        assert_eq!(added.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd);
    }

    #[test]
    fn a_resource_of_another_extension_is_left_alone() {
        let object =
            json!({ "apiVersion": "other/v1", "kind": "ResponseHeader", "metadata": { "name": "x" } });
        assert_eq!(ResponseHeader::from_json(object.to_string().as_bytes()).expect("no error"), None);
    }

    #[test]
    fn what_envoy_would_refuse_is_refused_by_name() {
        for (spec, message) in [
            (
                json!({ "name": ":status", "value": "1" }),
                "`:status` is not the name of a header that can be set",
            ),
            (json!({ "name": "Host", "value": "a" }), "`Host` is not the name of a header that can be set"),
            (json!({ "name": "", "value": "a" }), "`` is not the name of a header that can be set"),
            (json!({ "name": "x", "value": "" }), "the value is empty or not printable ASCII"),
            (json!({ "name": "x", "value": "a\r\nb: c" }), "the value is empty or not printable ASCII"),
            (json!({ "name": "x" }), "spec: missing field `value`"),
            (json!({ "name": "x", "vaule": "a" }), "spec: unknown field `vaule`, expected `name` or `value`"),
            (Value::Null, "spec: invalid type: null, expected struct Spec"),
        ] {
            let error = read(&spec).expect_err(message);
            assert_eq!(error.to_string(), format!("ResponseHeader `team/greeting`: {message}"));
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for bytes in [&b""[..], b"[]", b"{\"kind\":", b"\xff"] {
            let error = ResponseHeader::from_json(bytes).expect_err("not an object");
            assert!(matches!(error, PolicyError::NotAnObject(_)), "{error}");
        }
    }

    fn read(spec: &Value) -> Result<ResponseHeader, PolicyError> {
        let object = json!({
            "apiVersion": API_VERSION, "kind": KIND,
            "metadata": { "namespace": "team", "name": "greeting" }, "spec": spec,
        });
        Ok(ResponseHeader::from_json(object.to_string().as_bytes())?.expect("of our kind"))
    }
}

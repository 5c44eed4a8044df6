//! What a known extension server needs.

use super::yaml::{KeyValue, Node};
use super::{Request, Resource};
use crate::choice::choices;
use crate::extension::Hook;

/// An extension server whose needs are known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Preset {
    /// Envoy AI Gateway: its `manifests/envoy-gateway-values.yaml`, with what its page about `InferencePool` adds.
    AiGateway,
}

choices! { Preset { AiGateway => "ai-gateway" } }

impl Preset {
    /// Where the server is called if it runs on the same host: plaintext, as ai-gateway has no TLS there.
    pub const fn upstream(self) -> &'static str {
        match self {
            Self::AiGateway => "tcp://localhost:1063",
        }
    }

    /// Where the server is in Kubernetes.
    pub const fn in_kubernetes(self) -> &'static str {
        match self {
            Self::AiGateway => "tcp://ai-gateway-controller.envoy-ai-gateway-system.svc.cluster.local:1063",
        }
    }

    fn hooks(self) -> &'static [Hook] {
        match self {
            Self::AiGateway => &[Hook::Route, Hook::Cluster, Hook::Translation],
        }
    }

    /// Without them EG calls neither `Route` nor `Cluster`.
    fn backend_resources(self) -> Vec<Resource> {
        let kind = match self {
            Self::AiGateway => ["inference.networking.k8s.io", "v1", "InferencePool"],
        };
        let [group, version, kind] = kind.map(str::to_owned);
        vec![Resource { group, version, kind }]
    }
}

/// Fills in what the caller has left open.
pub(super) fn settle(request: &mut Request) {
    let Some(preset) = request.preset else { return };
    if request.hooks.is_empty() {
        request.hooks = preset.hooks().to_vec();
    }
    if request.backend_resources.is_empty() {
        request.backend_resources = preset.backend_resources();
    }
}

/// The key `extensionApis`: what EG does only if it is switched on.
pub(super) fn extension_apis(request: &Request) -> Option<KeyValue> {
    let backend = request.file.as_ref().is_some_and(|file| file.backend_api) || request.preset.is_some();
    let keys = [("enableBackend", backend), ("enableEnvoyPatchPolicy", request.preset.is_some())];
    let keys = keys.into_iter().filter(|(_, is_on)| *is_on);
    let keys = keys.map(|(key, _)| KeyValue::new(key, Node::Bool(true))).collect::<Vec<_>>();
    let comment = match request.preset {
        Some(Preset::AiGateway) if request.file.is_none() => [AI_GATEWAY, ONCE].join("\n"),
        Some(Preset::AiGateway) => AI_GATEWAY.to_owned(),
        None => String::new(),
    };
    (!keys.is_empty()).then(|| KeyValue::new("extensionApis", keys).commented(comment))
}

const AI_GATEWAY: &str = "ai-gateway makes `Backend` and `EnvoyPatchPolicy` objects.";

const ONCE: &str = "\
If the file has `extensionApis` already, add these keys there: of two keys with one name, EG reads the last.";

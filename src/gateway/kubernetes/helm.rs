//! Values of EG's Helm chart.

use super::super::emit::extension_manager;
use super::super::preset::extension_apis;
use super::super::yaml::KeyValue;
use super::super::{Configuration, Version};
use super::{Cluster, Sidecars, commented};

pub(super) fn yaml(cluster: &Cluster, configuration: &Configuration) -> String {
    let mut entries = Vec::from_iter(extension_apis(&configuration.request));
    entries.push(extension_manager(configuration));
    let values = [KeyValue::new("config", vec![KeyValue::new("envoyGateway", entries)])];
    commented(&header(cluster, configuration.version()), &values)
}

fn header(cluster: &Cluster, version: Version) -> String {
    let about = match (cluster.sidecars, &cluster.client_secret) {
        (Sidecars::None, Some(_)) => NATIVE_TLS.to_owned(),
        (Sidecars::None, None) => format!(
            "{NATIVE_TLS}\n\nEG {version} has no `clientCertificateRef` (1.6 and later do), so it presents no certificate: a server \
             that\ndemands one rejects it."
        ),
        (Sidecars::Gateway | Sidecars::Both, _) => BRIDGE.to_owned(),
    };
    format!(
        "Values of the Helm chart of Envoy Gateway (EG) {version}. Made by `egext config kubernetes`.\n\
         \x20 helm upgrade RELEASE CHART --reuse-values -f FILE\n\
         The chart adds these keys to its own configuration.\n\n{about}"
    )
}

const NATIVE_TLS: &str = "\
EG calls the server with its own TLS and reads both Secrets from the API for each new connection. It needs no
ReferenceGrant. If `provider.kubernetes.watch.namespaces` is set, the chart lets EG read Secrets in those
namespaces and its own only.

EG sends the name with the port in it in its TLS hello (SNI). OpenSSL and Go ignore that; a server with rustls
(tonic) rejects the connection, and EG waits without a limit: use `--bridge gateway` for such a server.";

const BRIDGE: &str = "\
EG speaks plaintext to the bridge in its own pod, and the bridge speaks mutual TLS to the server. Apply the patch
of EG's Deployment first: while nothing listens at this address, EG waits without a limit, for all gateways.";

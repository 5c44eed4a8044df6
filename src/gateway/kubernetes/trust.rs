//! A Bundle of trust-manager: the certificates of several CAs in one Secret.
//!
//! While the key of a CA is replaced, both sides have to trust the old CA and the new one. cert-manager puts one CA
//! certificate into a Secret, and EG reads one Secret.

use super::super::yaml::{KeyValue, Node, scalar};
use super::{Cluster, commented, maps, object_with};

/// Nothing unless there is a Secret for it.
pub(super) fn yaml(cluster: &Cluster) -> String {
    let Some(trust) = &cluster.trust else { return String::new() };
    let (secret, namespace) = (trust.secret.as_str(), cluster.namespace.as_str());
    let sources = [&cluster.ca_secret].into_iter().chain(&trust.others).map(|ca| source(ca.as_str()));
    let labels = vec![KeyValue::new(NAMESPACE_LABEL, namespace)];
    let target = vec![
        KeyValue::new("secret", vec![KeyValue::new("key", CA_KEY)]).commented(ABOUT_TARGET),
        KeyValue::new("namespaceSelector", vec![KeyValue::new("matchLabels", labels)]),
    ];
    let spec = vec![KeyValue::new("sources", maps(sources)), KeyValue::new("target", target)];
    let name = vec![KeyValue::new("name", secret).commented(ABOUT_NAME)];
    commented(&header(secret, namespace), &object_with(VERSION, "Bundle", name, spec))
}

fn source(ca: &str) -> Vec<KeyValue> {
    let certificate: Vec<KeyValue> = vec![KeyValue::new("name", ca), KeyValue::new("key", CA_KEY)];
    vec![KeyValue::new("secret", Node::from(certificate))]
}

fn header(secret: &str, namespace: &str) -> String {
    let (secret, namespace) = (scalar(secret), scalar(namespace));
    format!(
        "The CAs that Envoy Gateway (EG) and its extension server trust, for trust-manager.\n\
         Made by `egext config kubernetes`.\n\
         \x20 kubectl apply -f FILE\n\
         \n\
         trust-manager reads Secrets of one namespace only, and writes no Secrets by default. Its chart needs these values:\n\
         \x20 app.trust.namespace: {namespace}\n\
         \x20 secretTargets.enabled: true\n\
         \x20 secretTargets.authorizedSecrets: [{secret}]"
    )
}

const VERSION: &str = "trust.cert-manager.io/v1alpha1";

/// Where cert-manager puts the certificate of a CA, and where EG reads CA certificates.
pub(super) const CA_KEY: &str = "tls.crt";

/// Kubernetes itself puts it on every namespace.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

const ABOUT_NAME: &str = "The Secret gets the same name.";

const ABOUT_TARGET: &str = "EG reads CA certificates under this key.";

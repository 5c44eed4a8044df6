//! Issuers and Certificates of cert-manager.

use super::super::yaml::{KeyValue, Node};
use super::{Cluster, PROBE_SECRET, Sidecars, commented, object, texts};

/// The CA and what it takes to issue with it, one document after the other.
pub(super) fn ca(cluster: &Cluster) -> String {
    [self_signed(cluster), ca_certificate(cluster), issuer(cluster)].join("---\n")
}

/// What the CA issues, one document after the other.
pub(super) fn leaves(cluster: &Cluster) -> String {
    let mut documents = vec![server(cluster)];
    documents.extend(client(cluster));
    documents.push(probe(cluster));
    documents.join("---\n")
}

fn self_signed(cluster: &Cluster) -> String {
    let spec = vec![KeyValue::new("selfSigned", vec![])];
    commented(HEADER, &object(VERSION, "Issuer", &self_signed_name(cluster), &cluster.namespace, spec))
}

fn ca_certificate(cluster: &Cluster) -> String {
    let name = cluster.ca_secret.as_str();
    let spec = vec![
        KeyValue::new("secretName", name),
        KeyValue::new("isCA", Node::Bool(true)),
        KeyValue::new("commonName", "egext CA"),
        KeyValue::new("duration", CA_LIFE),
        KeyValue::new("renewBefore", CA_RENEWAL).commented(ABOUT_CA_RENEWAL),
        KeyValue::new("privateKey", key("Never")).commented(ABOUT_CA_KEY),
        KeyValue::new("issuerRef", issued_by(&self_signed_name(cluster))),
    ];
    let reader = match (&cluster.trust, cluster.sidecars) {
        (Some(_), _) => ABOUT_CA_IN_BUNDLE,
        (None, Sidecars::None) => ABOUT_CA,
        (None, Sidecars::Gateway | Sidecars::Both) => ABOUT_CA_FOR_BRIDGES,
    };
    commented(reader, &object(VERSION, "Certificate", name, &cluster.namespace, spec))
}

fn issuer(cluster: &Cluster) -> String {
    let name = cluster.ca_secret.as_str();
    let spec = vec![KeyValue::new("ca", vec![KeyValue::new("secretName", name)])];
    commented(ABOUT_ISSUER, &object(VERSION, "Issuer", name, &cluster.namespace, spec))
}

fn server(cluster: &Cluster) -> String {
    let (service, host) = (cluster.service.as_str(), cluster.host());
    let short = format!("{service}.{}", cluster.namespace.as_str());
    let names = [service, &short, &host, &format!("{host}.cluster.local"), "localhost"];
    let names = vec![
        KeyValue::new("dnsNames", texts(names)).commented("`localhost` is for `egext probe` in the pod."),
        KeyValue::new("ipAddresses", texts(["127.0.0.1", "::1"])),
    ];
    leaf(cluster, cluster.server_secret.as_str(), names, "server auth", ABOUT_SERVER)
}

fn client(cluster: &Cluster) -> Option<String> {
    let name = cluster.client_secret.as_ref()?.as_str();
    let note = match cluster.sidecars {
        Sidecars::None => ABOUT_CLIENT,
        Sidecars::Gateway | Sidecars::Both => ABOUT_BRIDGE,
    };
    let names =
        vec![KeyValue::new("commonName", CLIENT_NAME), KeyValue::new("dnsNames", texts([CLIENT_NAME]))];
    Some(leaf(cluster, name, names, "client auth", note))
}

fn probe(cluster: &Cluster) -> String {
    let names =
        vec![KeyValue::new("commonName", PROBE_SECRET), KeyValue::new("dnsNames", texts([PROBE_SECRET]))];
    leaf(cluster, PROBE_SECRET, names, "client auth", ABOUT_PROBE)
}

fn leaf(cluster: &Cluster, name: &str, names: Vec<KeyValue>, usage: &'static str, note: &str) -> String {
    let mut spec = vec![KeyValue::new("secretName", name)];
    spec.extend(names);
    spec.extend([
        KeyValue::new("usages", texts(["digital signature", usage])),
        KeyValue::new("duration", LEAF_LIFE),
        KeyValue::new("renewBefore", LEAF_RENEWAL),
        KeyValue::new("privateKey", key("Always")),
        KeyValue::new("issuerRef", issued_by(cluster.ca_secret.as_str())),
    ]);
    commented(note, &object(VERSION, "Certificate", name, &cluster.namespace, spec))
}

/// ECDSA on P-256, which every peer accepts, in the form that every program reads.
fn key(rotation: &'static str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("algorithm", "ECDSA"),
        KeyValue::new("size", Node::Integer(256)),
        KeyValue::new("encoding", "PKCS8"),
        KeyValue::new("rotationPolicy", rotation),
    ]
}

fn issued_by(name: &str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("group", "cert-manager.io"),
        KeyValue::new("kind", "Issuer"),
        KeyValue::new("name", name),
    ]
}

fn self_signed_name(cluster: &Cluster) -> String {
    format!("{}-selfsigned", cluster.ca_secret.as_str())
}

const VERSION: &str = "cert-manager.io/v1";

/// In the certificate of EG's side. The server, or the bridge in front of it, can be restricted to it.
const CLIENT_NAME: &str = "envoy-gateway";

// Five years, and renewed a year before the end.
const CA_LIFE: &str = "43800h";
const CA_RENEWAL: &str = "8760h";

// 90 days, and renewed 30 days before the end.
const LEAF_LIFE: &str = "2160h";
const LEAF_RENEWAL: &str = "720h";

const HEADER: &str = "\
The CA of Envoy Gateway (EG) and its extension server, for cert-manager.
Made by `egext config kubernetes`.
  kubectl apply -f FILE

Signs the CA below, and nothing else.";

const ABOUT_CA: &str = "\
The CA. EG reads CA certificates under `tls.crt` only, and `tls.crt` of this Secret is the CA certificate itself. So this is
the Secret for `certificateRef`. In the Secrets of the other certificates, `tls.crt` is the leaf certificate: with
one of those, EG accepts this one certificate only, and every handshake fails after its renewal.";

const ABOUT_CA_FOR_BRIDGES: &str = "\
The CA. The Secrets of the other certificates have a copy of the CA certificate under `ca.crt`, where the bridges
read it.";

const ABOUT_CA_IN_BUNDLE: &str = "\
The CA. Its certificate is copied from `tls.crt` into the Secret of the Bundle, where both sides read it.";

const ABOUT_CA_RENEWAL: &str = "\
Longer than the other certificates are valid: each of them is renewed, and gets the new `ca.crt`, before the
old CA certificate expires.";

const ABOUT_CA_KEY: &str = "\
The key stays. cert-manager does not issue the other certificates again when the CA changes: with a new key,
EG and the server would reject each other until all of them are renewed. With the same key, the old and the
new CA certificate verify the same certificates.";

const ABOUT_ISSUER: &str = "\
Issues certificates in this namespace only. Everyone who may create a Certificate here can call the server.";

const ABOUT_SERVER: &str = "\
Certificates between Envoy Gateway (EG) and its extension server, for cert-manager.
Made by `egext config kubernetes`.
  kubectl apply -f FILE

The server's certificate, with a new key at each renewal. The kubelet replaces the mounted files within about a
minute; a server that does not load them again has to be restarted: `kubectl rollout restart`.";

const ABOUT_CLIENT: &str = "\
EG's own certificate, for `clientCertificateRef`. EG reads the Secret for each new connection, so a renewal needs no
restart. The connection that it has goes on with the old certificate.";

const ABOUT_BRIDGE: &str = "\
The certificate of the bridge in EG's pod, which loads it again when the kubelet replaces the mounted files.";

const ABOUT_PROBE: &str = "\
The certificate of `egext probe`, the readiness probe in the server's pod. It may call the server, as EG may.";

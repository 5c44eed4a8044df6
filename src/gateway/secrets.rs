//! The Secrets of Kubernetes that Envoy Gateway's own TLS reads, as a file for `kubectl`.
//!
//! Envoy Gateway (EG) reads only `tls.crt` of the Secret in `certificateRef`, where other programs look for `ca.crt`
//! (v1.9.1:internal/extension/grpc.go:165).

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::yaml::{comment, scalar};
use super::{Namespace, SecretName};

/// The name of the Secret with the CA, unless another one is chosen.
pub const DEFAULT_CA_SECRET: &str = "egext-ca";

/// The name of the Secret with EG's own certificate, unless another one is chosen.
pub const DEFAULT_CLIENT_SECRET: &str = "egext-client";

/// The namespace that EG's chart is installed in.
pub const DEFAULT_NAMESPACE: &str = "envoy-gateway-system";

/// What the Secrets are made from.
#[derive(Debug)]
pub struct Secrets<'a> {
    /// Where they are.
    pub namespace: &'a Namespace,
    /// The Secret of `certificateRef`.
    pub ca_secret: &'a SecretName,
    /// Its certificates, in PEM: every CA that EG is to trust.
    pub ca: &'a str,
    /// The Secret of `clientCertificateRef`.
    pub client: Option<ClientSecret<'a>>,
}

/// EG's own certificate. It has no `Debug`, because it holds a key.
pub struct ClientSecret<'a> {
    /// What the Secret is called.
    pub name: &'a SecretName,
    /// The certificate and those between it and the CA, in PEM.
    pub chain: &'a str,
    /// Its key, in PEM.
    pub key: &'a str,
}

impl std::fmt::Debug for ClientSecret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Secrets<'_> {
    /// The manifests, one document after the other: the same text for the same certificates.
    pub fn yaml(&self) -> Zeroizing<String> {
        // Not by the writer of `yaml`, which keeps values in strings that are not wiped. For the same reason there is room
        // for all of it at once: a string that grows leaves copies of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(self.room()));
        comment(&mut text, HEADER, 0);
        text.push('\n');
        let note = match self.ca_certificates() {
            1 => ONE_CA.to_owned(),
            count => format!("{ONE_CA}\n{}", several(count)),
        };
        self.begin(&mut text, self.ca_secret, "Opaque", &note);
        data(&mut text, "tls.crt", self.ca);
        if let Some(ClientSecret { name, chain, key }) = &self.client {
            text.push_str("---\n");
            self.begin(&mut text, name, "kubernetes.io/tls", CLIENT);
            data(&mut text, "tls.crt", chain);
            data(&mut text, "tls.key", key);
        }
        text
    }

    /// How many certificates the CA's Secret has.
    pub fn ca_certificates(&self) -> usize {
        self.ca.matches(BEGIN).count()
    }

    fn begin(&self, out: &mut String, name: &SecretName, kind: &str, note: &str) {
        comment(out, note, 0);
        out.push_str("apiVersion: v1\nkind: Secret\nmetadata:\n");
        out.extend(["  name: ", &scalar(name.as_str()), "\n"]);
        out.extend(["  namespace: ", &scalar(self.namespace.as_str()), "\n"]);
        out.extend(["type: ", kind, "\ndata:\n"]);
    }

    /// At least as many octets as the text has.
    fn room(&self) -> usize {
        let client = self.client.as_ref().map_or(0, |client| encoded(client.chain) + encoded(client.key));
        encoded(self.ca) + client + WORDS
    }
}

/// A value. Base64 of PEM begins with a letter and has no character that YAML reads in another way.
fn data(out: &mut String, key: &str, value: &str) {
    out.extend(["  ", key, ": "]);
    BASE64.encode_append(value.as_bytes(), out);
    out.push('\n');
}

fn encoded(text: &str) -> usize {
    BASE64.encode_len(text.len())
}

fn several(count: usize) -> String {
    format!("It has {count} certificates, as while a CA is being replaced: EG trusts each of them.")
}

const HEADER: &str = "\
Secrets for `extensionManager.service.tls` of Envoy Gateway (EG). Made by `egext config secrets`.
  kubectl apply --server-side -f FILE
Without `--server-side` kubectl copies all of it into an annotation.";

const ONE_CA: &str = "\
For `certificateRef`: the CA that issued the server's certificate. EG reads `tls.crt`, and nothing else.";

const CLIENT: &str = "\
WARNING: this holds a private key, which Base64 does not hide. Keep it out of Git and of logs.
For `clientCertificateRef`, EG 1.6 and later: EG's own certificate and its key.";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// More than the words around the values have: both names and the namespace have at most 253 characters each.
const WORDS: usize = 3 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_never_grows_out_of_its_room() {
        let (longest, pem) = ("a".repeat(253), format!("{BEGIN}\n").repeat(7));
        let name: SecretName = longest.parse().expect("a name");
        let client = ClientSecret { name: &name, chain: &pem, key: &pem };
        let namespace = "a".repeat(63).parse().expect("a namespace");
        let secrets = Secrets { namespace: &namespace, ca_secret: &name, ca: &pem, client: Some(client) };
        assert!(secrets.yaml().len() <= secrets.room());
    }

    #[test]
    fn a_name_that_looks_like_a_number_stays_a_name() {
        let (name, namespace) = ("1".parse().expect("a name"), "on".parse().expect("a namespace"));
        let secrets = Secrets { namespace: &namespace, ca_secret: &name, ca: BEGIN, client: None };
        let read: serde_json::Value = serde_saphyr::from_str(&secrets.yaml()).expect("what we wrote");
        assert_eq!(read["metadata"], serde_json::json!({ "name": "1", "namespace": "on" }));
    }
}

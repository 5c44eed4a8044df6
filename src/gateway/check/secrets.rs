//! Secrets that an EnvoyGateway file refers to, if their manifests are among the files.

use std::path::Path;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::certificates::parse;
use super::part::Part;
use super::references::TLS_SECRET;
use super::service::says;
use super::{Document, Mode, Node, Place, clipped, location};
use crate::gateway::model::{self, Manager};
use crate::gateway::releases::{Fact, Failure, Release};
use crate::pki::{Certificate, Identity};
use crate::report::{Finding, FindingId};

/// The manifest of a Secret.
pub(super) struct Secret<'a> {
    path: &'a str,
    root: &'a Node,
}

/// Those of all documents of a file.
pub(super) fn secrets<'a>(path: &'a str, documents: &'a [Document]) -> impl Iterator<Item = Secret<'a>> {
    let is_secret = |root: &&Node| root.set("kind").and_then(Node::text) == Some("Secret");
    documents.iter().map(|document| &document.root).filter(is_secret).map(move |root| Secret { path, root })
}

impl Secret<'_> {
    pub(super) fn is_called(&self, namespace: &str, name: &str) -> bool {
        let text = |key: &str| self.root.at(&["metadata", key]).and_then(Node::text);
        // Without a namespace, `kubectl` decides.
        text("name") == Some(name) && text("namespace").is_none_or(|own| own == namespace)
    }

    /// A value, decoded, and where it stands. The API server puts `stringData` into `data`.
    pub(super) fn value(&self, key: &str) -> Option<(Decoded, Place)> {
        if let Some(node) = self.root.at(&["stringData", key]) {
            return Some((Ok(node.text()?.as_bytes().to_vec().into()), node.place));
        }
        let node = self.root.at(&["data", key])?;
        let text: Zeroizing<String> = node.text()?.split_whitespace().collect::<String>().into();
        Some((BASE64.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| NotBase64), node.place))
    }

    fn place(&self) -> Place {
        let keys = ["data", "stringData"].iter().find_map(|key| self.root.get(key));
        keys.map_or(self.root.place, |entry| entry.key_place)
    }

    fn at(&self, place: Place, finding: Finding) -> Finding {
        finding.at(location(self.path, place))
    }
}

pub(super) struct NotBase64;

/// A value; it may be a key.
pub(super) type Decoded = Result<Zeroizing<Vec<u8>>, NotBase64>;

/// What EG would find when it looks for the Secrets. Without any manifest nothing is known.
pub(super) fn check(
    files: &[(&str, Part<'_>)],
    secrets: &[Secret<'_>],
    (namespace, release): (&str, Release),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if secrets.is_empty() {
        return findings;
    }
    for (path, part) in files {
        let root = &part.document.root;
        let uses_kubernetes = !part.is_whole || Mode::of(root) == Mode::Kubernetes;
        for manager in model::managers(root, release).iter().filter(|_| uses_kubernetes) {
            for (key, role) in [("certificateRef", Role::Ca), ("clientCertificateRef", Role::Client)] {
                let is_read = role == Role::Ca || release.has(Fact::ClientCertificateRef);
                let Some(reference) = manager.node.at(&["service", "tls", key]).filter(|_| is_read) else {
                    continue;
                };
                let Some((name, namespace)) = names(reference, namespace) else { continue };
                match secrets.iter().find(|secret| secret.is_called(namespace, name)) {
                    Some(secret) => findings.extend(role.judge(secret, (name, namespace), release)),
                    None => {
                        let place = part.shift.outer(reference.place);
                        let finding = missing(role, (name, namespace), secrets, release);
                        findings.push(finding.at(location(path, place)));
                    }
                }
            }
        }
    }
    findings
}

/// Name and namespace of what is referred to.
pub(super) fn names<'a>(reference: &'a Node, namespace: &'a str) -> Option<(&'a str, &'a str)> {
    let text = |key: &str| reference.set(key).and_then(Node::text).filter(|text| !text.is_empty());
    Some((text("name")?, text("namespace").unwrap_or(namespace)))
}

/// The certificates of the CA's Secret, if it is among the Secrets and can be used.
pub(super) fn ca_of(
    manager: &Manager<'_>,
    secrets: &[Secret<'_>],
    namespace: &str,
) -> Option<Vec<Certificate>> {
    let reference = manager.node.at(&["service", "tls", "certificateRef"])?;
    let (name, namespace) = names(reference, namespace)?;
    let secret = secrets.iter().find(|secret| secret.is_called(namespace, name))?;
    let (text, _) = secret.value("tls.crt")?;
    text.ok().map(|text| parse(&text))
}

fn missing(role: Role, (name, namespace): (&str, &str), secrets: &[Secret<'_>], release: Release) -> Finding {
    let (failure, _) = role.failures();
    let message = format!(
        "no Secret `{}` for namespace `{}` is in these files, so every hook of EG {release} fails",
        clipped(name),
        clipped(namespace)
    );
    let text = |secret: &Secret<'_>, key: &str| {
        secret.root.at(&["metadata", key]).and_then(Node::text).map(clipped).unwrap_or_default()
    };
    let elsewhere = secrets.iter().find(|secret| text(secret, "name") == name);
    let hint = match elsewhere.map(|secret| text(secret, "namespace")) {
        Some(other) => format!(
            "it is in namespace `{other}`: write `namespace: {other}` here, or `--namespace {other}` if EG runs there"
        ),
        None => {
            let names = secrets.iter().map(|secret| text(secret, "name")).filter(|name| !name.is_empty());
            let names: Vec<_> = names.take(3).map(|name| format!("`{name}`")).collect();
            format!(
                "the files have {}: write the name of the right one, or make it with `egext config secrets`",
                if names.is_empty() { "none with a name".to_owned() } else { names.join(", ") }
            )
        }
    };
    let finding = Finding::new(FindingId::ConfigSecretMissing, name, message).with_hint(hint);
    says(finding, failure, &[name, namespace])
}

/// What a Secret is for.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Role {
    Ca,
    Client,
}

impl Role {
    /// What EG says if the Secret is not there, and if its certificates are not.
    const fn failures(self) -> (Failure, Failure) {
        match self {
            Self::Ca => (Failure::CaNotFound, Failure::CaKeyMissing),
            Self::Client => (Failure::ClientNotFound, Failure::ClientCertificateMissing),
        }
    }

    fn judge(self, secret: &Secret<'_>, names: (&str, &str), release: Release) -> Option<Finding> {
        let keys: &[&str] = if self == Self::Ca { &["tls.crt"] } else { &["tls.crt", "tls.key"] };
        let missing = keys.iter().find(|key| secret.value(key).is_none());
        if let Some(key) = missing {
            return Some(self.without(secret, key, names, release));
        }
        let kind = secret.root.get("type").filter(|kind| kind.value.text() == Some(TLS_SECRET));
        if let Some(kind) = kind.filter(|_| secret.value("tls.key").is_none()) {
            return Some(self.refused(secret, kind.value.place, names, release));
        }
        let (certificates, place) = secret.value("tls.crt")?;
        match (self, certificates) {
            (_, Err(NotBase64)) => Some(unusable(secret, place, "`tls.crt` is not Base64", self)),
            (Self::Ca, Ok(certificates)) => ca(secret, place, &certificates),
            (Self::Client, Ok(certificates)) => {
                let (key, key_place) = secret.value("tls.key")?;
                let Ok(key) = key else {
                    return Some(unusable(secret, key_place, "`tls.key` is not Base64", self));
                };
                let path = Path::new("tls.crt");
                let pair = Identity::from_pem((path, &certificates), (Path::new("tls.key"), &key));
                pair.err().map(|error| unusable(secret, place, &clipped(&error.to_string()), self))
            }
        }
    }

    /// EG does not look at the type, but the API server does.
    fn refused(self, secret: &Secret<'_>, place: Place, names: (&str, &str), release: Release) -> Finding {
        let message = format!(
            "Kubernetes refuses a Secret of this type without `tls.key`, so it is not there, and every hook of EG {release} fails"
        );
        let finding = Finding::new(FindingId::ConfigSecretType, names.0, message)
            .with_hint("write `type: Opaque`, as `egext config secrets` does");
        secret.at(place, says(finding, self.failures().0, &[names.0, names.1]))
    }

    fn without(self, secret: &Secret<'_>, key: &str, names: (&str, &str), release: Release) -> Finding {
        let (_, mut failure) = self.failures();
        if key == "tls.key" {
            failure = Failure::ClientKeyMissing;
        }
        let is_elsewhere = self == Self::Ca && secret.value("ca.crt").is_some();
        let message = match is_elsewhere {
            true => {
                format!("the CA is under `ca.crt`, but EG {release} reads `{key}` only: every hook fails")
            }
            false => format!("there is no `{key}`, so every hook of EG {release} fails"),
        };
        let hint = match is_elsewhere {
            true => "put the CA under `tls.crt`: `egext config secrets` writes the Secret so",
            false => "`egext config secrets` writes the Secret with all that EG reads",
        };
        let finding = Finding::new(FindingId::ConfigSecretKey, names.0, message).with_hint(hint);
        secret.at(secret.place(), says(finding, failure, &[names.0, names.1]))
    }
}

fn unusable(secret: &Secret<'_>, place: Place, why: &str, role: Role) -> Finding {
    let name = secret.root.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let finding = Finding::new(FindingId::ConfigSecretUnusable, name, format!("{why}, so every hook fails"))
        .with_hint("`egext config secrets` writes the Secret from the files of `egext certs init`");
    let failure = if role == Role::Ca { Failure::CaUnusable } else { Failure::ClientPair };
    secret.at(place, says(finding, failure, &["..."]))
}

/// Go takes each certificate that it can parse, and is content with one.
fn ca(secret: &Secret<'_>, place: Place, text: &[u8]) -> Option<Finding> {
    let certificates = parse(text);
    if certificates.is_empty() {
        return Some(unusable(secret, place, "`tls.crt` has no certificate in PEM", Role::Ca));
    }
    if certificates.iter().any(|certificate| certificate.is_ca) {
        return None;
    }
    let subject = certificates.first().map(|leaf| leaf.subject.to_string()).unwrap_or_default();
    let message = format!(
        "`tls.crt` has the server's certificate `{}` in place of its CA's: EG trusts it until the server gets a new one",
        clipped(&subject)
    );
    let finding = Finding::new(FindingId::ConfigSecretLeaf, "tls.crt", message)
        .with_hint("put the certificate of its CA into it: `egext config secrets` does so");
    Some(secret.at(place, finding))
}

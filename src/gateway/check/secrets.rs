//! Secrets that an EnvoyGateway file refers to, if their manifests are among the files.

use std::path::Path;

use super::certificates::parse;
use super::manifests::{Secret, find};
use super::part::Part;
use super::references::TLS_SECRET;
use super::service::says;
use super::{Mode, Node, Place, clipped, location};
use crate::gateway::base64::{self, NotBase64};
use crate::gateway::document::Entry;
use crate::gateway::model::{self, Manager};
use crate::gateway::releases::{Fact, Failure, Release};
use crate::pki::{Certificate, Identity, IdentityError};
use crate::report::{Finding, FindingId};

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
                match find(secrets, (name, namespace)) {
                    Some(secret) => {
                        let fault = role.judge(secret, (name, namespace), release);
                        findings.extend(fault.map(Fault::told));
                        findings.extend(twice(secret, secrets));
                    }
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
    let secret = find(secrets, (name, namespace))?;
    let (text, _) = secret.value("tls.crt")?;
    text.ok().map(|text| parse(&text))
}

pub(super) fn missing(
    role: Role,
    (name, namespace): (&str, &str),
    secrets: &[Secret<'_>],
    release: Release,
) -> Finding {
    let (failure, _) = role.failures();
    let message = format!(
        "no Secret `{}` for namespace `{}` is in these files, so every hook of EG {release} fails",
        clipped(name),
        clipped(namespace)
    );
    let elsewhere = secrets.iter().find(|secret| secret.name() == Some(name));
    let hint = match elsewhere.map(|secret| secret.namespace().map(clipped).unwrap_or_default()) {
        Some(other) => format!(
            "it is in namespace `{other}`: write `namespace: {other}` here, or `--namespace {other}` if EG runs there"
        ),
        None => {
            let names = secrets.iter().filter_map(Secret::name).filter(|name| !name.is_empty()).map(clipped);
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

/// `kubectl` says nothing about it either.
pub(super) fn twice(secret: &Secret<'_>, secrets: &[Secret<'_>]) -> Option<Finding> {
    let other = secrets.iter().find(|other| secret.contradicts(other))?;
    let (name, here, there) = (clipped(secret.name()?), secret.location(), other.location());
    let message = format!(
        "Secret `{name}` is in {there} and in {here}, with another certificate or key: EG gets the last one that is applied, here the one in {}",
        here.path
    );
    let finding = Finding::new(FindingId::ConfigSecretTwice, name, message);
    let hint = "take out the one that is not in the cluster, or give one of them another name";
    Some(secret.at(secret.place(), finding.with_hint(hint)))
}

/// What is wrong with a Secret.
pub(super) struct Fault {
    pub(super) finding: Finding,
    /// What EG says of it, if it fails.
    pub(super) words: Option<String>,
}

impl Fault {
    fn new(finding: Finding, failure: Failure, values: &[&str]) -> Self {
        Self { finding, words: Some(failure.says(values)) }
    }

    fn told(self) -> Finding {
        match self.words {
            Some(words) => self.finding.with_evidence("EG says", clipped(&words)),
            None => self.finding,
        }
    }
}

/// What a Secret is for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Role {
    Ca,
    Client,
}

impl Role {
    /// What EG says if the Secret is not there, and if its certificates are not.
    pub(super) const fn failures(self) -> (Failure, Failure) {
        match self {
            Self::Ca => (Failure::CaNotFound, Failure::CaKeyMissing),
            Self::Client => (Failure::ClientNotFound, Failure::ClientCertificateMissing),
        }
    }

    /// Why EG gets nothing from the Secret, or not what it should get.
    pub(super) fn judge(self, secret: &Secret<'_>, names: (&str, &str), release: Release) -> Option<Fault> {
        if let Some((entry, error)) = secret.unread() {
            return Some(self.malformed(secret, (entry, error), names, release));
        }
        let keys: &[&str] = if self == Self::Ca { &["tls.crt"] } else { &["tls.crt", "tls.key"] };
        let missing = keys.iter().find(|key| secret.value(key).is_none());
        if let Some(key) = missing {
            return Some(self.without(secret, key, names, release));
        }
        let is_typed = secret.is_of_type(TLS_SECRET).filter(|_| secret.value("tls.key").is_none());
        if let Some(place) = is_typed {
            return Some(self.refused(secret, place, names, release));
        }
        let (certificates, place) = secret.value("tls.crt")?;
        let certificates = certificates.ok()?;
        match self {
            Self::Ca => ca(secret, place, &certificates),
            Self::Client => {
                let (key, key_place) = secret.value("tls.key")?;
                let (key, path) = (key.ok()?, Path::new("tls.crt"));
                let pair = Identity::from_pem((path, &certificates), (Path::new("tls.key"), &key));
                let is_twice = [(&certificates, place, "tls.crt"), (&key, key_place, "tls.key")];
                let is_twice = is_twice.into_iter().find(|(value, ..)| is_encoded(value));
                let (why, hint) = pair.err().map(|error| (clipped(&error.to_string()), of_pair(&error)))?;
                Some(match is_twice {
                    Some((_, place, key)) => {
                        unusable(secret, place, (&encoded_twice(key), ENCODED_TWICE), self)
                    }
                    None => unusable(secret, place, (&why, hint), self),
                })
            }
        }
    }

    /// The API server reads all values, also those that EG does not ask for.
    fn malformed(
        self,
        secret: &Secret<'_>,
        (entry, error): (&Entry, Option<NotBase64>),
        names: (&str, &str),
        release: Release,
    ) -> Fault {
        let key = clipped(&entry.key);
        let (why, hint) = match error {
            Some(error) => (
                format!("`{key}` {} (`{}`)", error.why(), error.in_go()),
                "write what `base64 -w0 FILE` prints, in one line, or the text itself under `stringData`",
            ),
            None => (format!("`{key}` is no text"), "put the value into quotes"),
        };
        let message = format!(
            "Kubernetes refuses a Secret of which {why}, so it is not there, and every hook of EG {release} fails"
        );
        let finding = Finding::new(FindingId::ConfigSecretUnusable, names.0, message).with_hint(hint);
        Fault::new(secret.at(entry.value.place, finding), self.failures().0, &[names.0, names.1])
    }

    /// EG does not look at the type, but the API server does.
    fn refused(self, secret: &Secret<'_>, place: Place, names: (&str, &str), release: Release) -> Fault {
        let message = format!(
            "Kubernetes refuses a Secret of this type without `tls.key`, so it is not there, and every hook of EG {release} fails"
        );
        let finding = Finding::new(FindingId::ConfigSecretType, names.0, message)
            .with_hint("write `type: Opaque`, as `egext config secrets` does");
        Fault::new(secret.at(place, finding), self.failures().0, &[names.0, names.1])
    }

    fn without(self, secret: &Secret<'_>, key: &str, names: (&str, &str), release: Release) -> Fault {
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
        Fault::new(secret.at(secret.place(), finding), failure, &[names.0, names.1])
    }
}

fn unusable(secret: &Secret<'_>, place: Place, (why, hint): (&str, &str), role: Role) -> Fault {
    let name = secret.name().unwrap_or_default();
    let finding = Finding::new(FindingId::ConfigSecretUnusable, name, format!("{why}, so every hook fails"));
    let failure = if role == Role::Ca { Failure::CaUnusable } else { Failure::ClientPair };
    Fault::new(secret.at(place, finding.with_hint(hint)), failure, &["..."])
}

/// Go takes each certificate that it can parse, and is content with one.
fn ca(secret: &Secret<'_>, place: Place, text: &[u8]) -> Option<Fault> {
    let certificates = parse(text);
    if certificates.is_empty() {
        return Some(match is_encoded(text) {
            true => unusable(secret, place, (&encoded_twice("tls.crt"), ENCODED_TWICE), Role::Ca),
            false => unusable(
                secret,
                place,
                ("`tls.crt` has no certificate in PEM", WITHOUT_CERTIFICATE),
                Role::Ca,
            ),
        });
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
    Some(Fault { finding: secret.at(place, finding), words: None })
}

/// Is a value Base64 of PEM, although it was decoded?
fn is_encoded(value: &[u8]) -> bool {
    let text = std::str::from_utf8(value).unwrap_or_default();
    base64::decode(text).is_ok_and(|inner| inner.windows(BEGIN.len()).any(|window| window == BEGIN))
}

const BEGIN: &[u8] = b"-----BEGIN ";

fn encoded_twice(key: &str) -> String {
    format!("`{key}` was encoded in Base64 twice")
}

const ENCODED_TWICE: &str = "write what `base64 -w0 FILE` prints under `data`, or the PEM itself under `stringData`, which is encoded for you";

const WITHOUT_CERTIFICATE: &str = "put the CA's certificate into it, which begins with `-----BEGIN CERTIFICATE-----`: `egext config secrets` does so for a set";

/// What to do about a certificate and a key that are no pair.
const fn of_pair(error: &IdentityError) -> &'static str {
    match error {
        IdentityError::KeyMismatch { .. } => {
            "put both of one pair into it: they were probably renewed, and only one of them was replaced here; `egext config secrets` writes the Secret from a set"
        }
        IdentityError::EncryptedKey { .. } => {
            "EG has no passphrase for it: put the key in as it was before it was encrypted"
        }
        IdentityError::Swapped { .. } => "put the certificate under `tls.crt` and the key under `tls.key`",
        IdentityError::NoCertificate { .. } => {
            "put the certificate into it, which begins with `-----BEGIN CERTIFICATE-----`: `egext config secrets` does so for a set"
        }
        IdentityError::LeafNotFirst { .. } => {
            "put the leaf certificate at the top of `tls.crt`, then the intermediates up to the root"
        }
        _ => "`egext config secrets` writes the Secret from the files of `egext certs init`",
    }
}

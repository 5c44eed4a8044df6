//! Certificates of extension servers, if their files are among the files: would EG accept them?

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;

use super::manifests::Secret;
use super::part::Part;
use super::secrets::ca_of;
use super::{Mode, Place, clipped, location};
use crate::gateway::model::{self, Manager};
use crate::gateway::releases::Release;
use crate::host::Host;
use crate::pki::go_x509::{self, Refusal};
use crate::pki::{Certificate, Role};
use crate::report::{Finding, FindingId};

/// A file with certificates, the first of which is the leaf.
pub(super) struct Certificates<'a> {
    pub(super) path: &'a str,
    chain: Vec<Certificate>,
}

impl<'a> Certificates<'a> {
    /// Of a text that has any in PEM.
    pub(super) fn of(path: &'a str, text: &str) -> Option<Self> {
        let chain = parse(text.as_bytes());
        (!chain.is_empty()).then_some(Self { path, chain })
    }

    fn is_of_server(&self) -> bool {
        self.chain.first().is_some_and(|leaf| !leaf.is_ca && leaf.permits(Role::Server))
    }
}

/// Is it meant to be PEM and not a configuration?
pub(super) fn is_pem(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    lines.any(|line| line.starts_with("-----BEGIN ")) && !text.lines().any(|line| line.starts_with("kind:"))
}

/// Go takes each certificate that it can parse and passes over the others.
pub(super) fn parse(text: &[u8]) -> Vec<Certificate> {
    let certificates = CertificateDer::pem_slice_iter(text).filter_map(Result::ok);
    certificates.filter_map(|der| Certificate::of(&der).ok()).collect()
}

/// What each EG would say of each server's certificate, with the CA of its Secret, else with those in files.
pub(super) fn check(
    files: &[(&str, Part<'_>)],
    (secrets, certificates): (&[Secret<'_>], &[Certificates<'_>]),
    (namespace, release, now): (&str, Release, OffsetDateTime),
) -> Vec<Finding> {
    let in_files = || {
        let all = certificates.iter().flat_map(|file| &file.chain).filter(|certificate| certificate.is_ca);
        all.cloned().collect::<Vec<_>>()
    };
    let mut findings = Vec::new();
    for (path, part) in files.iter().filter(|(_, part)| Mode::of(&part.document.root) == Mode::Kubernetes) {
        for manager in model::managers(&part.document.root, release) {
            let Some((host, place)) = target(&manager) else { continue };
            let anchors = ca_of(&manager, secrets, namespace).unwrap_or_else(in_files);
            if anchors.is_empty() {
                continue;
            }
            let anchors: Vec<_> = anchors.iter().map(|anchor| anchor.der.as_ref()).collect();
            for file in certificates.iter().filter(|file| file.is_of_server()) {
                let chain: Vec<_> = file.chain.iter().map(|certificate| certificate.der.as_ref()).collect();
                let verdict = go_x509::verify(&chain, &anchors, Role::Server, Some(&host), now);
                if let Err(refusal) = verdict {
                    let place = location(path, part.shift.outer(place));
                    findings.push(refused(&refusal, file, &host, release).at(place));
                }
            }
        }
    }
    findings
}

fn refused(refusal: &Refusal, file: &Certificates<'_>, host: &Host, release: Release) -> Finding {
    let message = format!("EG {release} refuses `{}`: {}", file.path, clipped(&refusal.to_string()));
    let path = crate::shell::shell_word(file.path);
    let hint = match refusal {
        Refusal::HostName(_) => {
            format!(
                "write a name that the certificate has (`egext certs show {path}`), or issue one for `{host}`"
            )
        }
        Refusal::UnknownAuthority { .. } => {
            "put the CA that issued it into the Secret: `egext config secrets` does so for a set".to_owned()
        }
        Refusal::Expired { .. } => "`egext certs renew` renews the certificates of a set".to_owned(),
        _ => format!("`egext certs check` and `egext certs show {path}` say more about it"),
    };
    Finding::new(FindingId::ConfigCertificateRefused, file.path, message).with_hint(hint)
}

/// The name that EG verifies.
fn target(manager: &Manager<'_>) -> Option<(Host, Place)> {
    let service = manager.node.set("service").filter(|service| service.set("tls").is_some())?;
    let host = service
        .at(&["fqdn", "hostname"])
        .or_else(|| service.at(&["ip", "address"]))
        .or_else(|| service.set("host"))?;
    let name: Host = host.text().map(str::parse)?.ok()?;
    Some((name, host.place))
}

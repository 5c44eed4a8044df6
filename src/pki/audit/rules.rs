//! What a certificate says about itself, held against what is needed of it.

use std::net::IpAddr;
use std::path::Path;

use time::{Duration, OffsetDateTime};

use crate::net::Host;
use crate::pki::change::{renew_command, replace_command};
use crate::pki::inspect::{Certificate, KEY_CERT_SIGN};
use crate::pki::{Distrust, Role, SubjectName, Summary, Trust, check, date, verify};
use crate::report::{Finding, Id, Severity};
use crate::shell::shell_word;
use crate::units::Within;

/// Is it the time of each of them, and for long enough?
pub(super) fn dates(
    subject: &str,
    certificates: &[Certificate],
    within: Option<Within>,
    now: OffsetDateTime,
) -> Vec<Finding> {
    let several = certificates.len() > 1;
    let date = |certificate: &Certificate| {
        let summary = &certificate.summary;
        let (id, words) = check::date(summary, soon(summary.not_after - summary.not_before, within), now)?;
        let who = if several { format!("`{}` ", summary.subject) } else { String::new() };
        let finding = |verb: &str| Finding::new(id, subject, format!("{who}{verb}{words}"));
        Some(match (id, within) {
            (Id::CertsNotYetValid, _) => {
                finding("is ").with_hint("compare this machine's clock with another one: `date -u`")
            }
            (Id::CertsExpiring, Some(within)) => finding("")
                .with_hint(renewal(subject, summary, Some(within)))
                .with_evidence("within", within.to_string()),
            _ => finding("").with_hint(renewal(subject, summary, None)),
        })
    };
    certificates.iter().filter_map(date).collect()
}

/// Are they CAs, and may they sign? One leaf among them is a mistake, too: nobody needs it there.
pub(super) fn is_ca(subject: &str, certificates: &[Certificate]) -> Vec<Finding> {
    let judge = |certificate: &Certificate| {
        let summary = &certificate.summary;
        let name = &summary.subject;
        match Trust::of(&certificate.der)? {
            Ok(Trust::Authority) => None,
            Ok(Trust::OldAuthority) => {
                let message =
                    format!("`{name}` is an X.509 version 1 certificate, which cannot say that it is a CA");
                let finding = Finding::new(Id::CertsCaNotStrict, subject, message);
                Some(finding.with_hint("make a CA of version 3: `egext certs init`"))
            }
            Ok(Trust::Itself) => {
                let message = format!(
                    "`{name}` is not a CA certificate: it is trusted as itself, and nothing that it signs is"
                );
                let mut finding = Finding::new(Id::CertsLeafAsCa, subject, message);
                finding.severity = Severity::Warning;
                Some(finding.with_hint("make a CA and a leaf: `egext certs init`"))
            }
            Err(Distrust::CannotSign) => {
                let found = certificate.key_usages.as_ref().map(|usages| usages.join(", "));
                let message = format!("`{name}` is a CA that may not sign certificates");
                let finding = Finding::new(Id::CertsCaCannotSign, subject, message)
                    .with_evidence("expected", KEY_CERT_SIGN)
                    .with_evidence("found", found.unwrap_or_default());
                Some(finding.with_hint("make the CA's certificate again, with keyCertSign"))
            }
            Err(Distrust::NotACa) => {
                let message = format!("`{name}` is no CA's certificate, and stands where the CA belongs");
                let finding = Finding::new(Id::CertsLeafAsCa, subject, message)
                    .with_evidence("expected", "a certificate with CA in its basicConstraints");
                Some(
                    finding
                        .with_hint(format!("put the certificate of its issuer there: `{}`", summary.issuer)),
                )
            }
        }
    };
    certificates.iter().filter_map(judge).collect()
}

/// Can key or signature be forged? Nobody looks at the signature of a root: it is trusted, not verified.
pub(super) fn strength(subject: &str, certificates: &[Certificate]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for certificate in certificates {
        let summary = &certificate.summary;
        if let Some(reason) = certificate.unsupported_key {
            let message = format!("`{}` has a key that TLS stacks refuse: {reason}", summary.subject);
            findings.push(
                Finding::new(Id::CertsUnsupportedKey, subject, message)
                    .with_evidence("found", summary.key.clone())
                    .with_hint("issue it again with a P-256 key"),
            );
        }
        // No verifier looks at the signature of a root, whatever it is.
        if certificate.unsupported_signature && !summary.self_issued {
            let message = format!("`{}` was signed in a way that TLS stacks do not verify", summary.subject);
            findings.push(
                Finding::new(Id::CertsUnsupportedSignature, subject, message)
                    .with_evidence("found", certificate.signature.clone())
                    .with_hint("issue it again, signed with ECDSA or RSA and SHA-256"),
            );
        }
        if let Some(reason) = certificate.weak_key {
            let message = format!("`{}` has a weak key: {reason}", summary.subject);
            findings.push(
                Finding::new(Id::CertsWeakKey, subject, message)
                    .with_evidence("found", summary.key.clone())
                    .with_hint(if summary.is_ca {
                        "replace the CA: `egext certs rotate-ca prepare --key-type p256`".to_owned()
                    } else {
                        p256(subject)
                    }),
            );
        }
        if let Some(algorithm) = certificate.weak_signature.filter(|_| !summary.self_issued) {
            let message = format!("`{}` was signed with a hash that can be forged", summary.subject);
            findings.push(
                Finding::new(Id::CertsWeakSignature, subject, message)
                    .with_evidence("found", algorithm)
                    .with_hint("issue it again, signed with SHA-256"),
            );
        }
        if summary.key == "Ed25519" && !summary.is_ca {
            let message = "Envoy and some other TLS stacks refuse Ed25519 certificates";
            findings.push(Finding::new(Id::CertsEd25519, subject, message).with_hint(p256(subject)));
        }
    }
    findings
}

/// Is it a leaf, and for this side?
pub(super) fn usage(subject: &str, leaf: &Certificate, role: Role) -> Vec<Finding> {
    let summary = &leaf.summary;
    let (wanted, allowed) = match role {
        Role::Client => ("clientAuth", summary.client_auth),
        Role::Server => ("serverAuth", summary.server_auth),
    };
    let mut findings = Vec::new();
    if summary.is_ca {
        let message =
            format!("`{}` is a CA's certificate, and the {role} uses it as its own", summary.subject);
        findings.push(
            Finding::new(Id::CertsIsCa, subject, message)
                .with_hint(format!("issue a certificate for the {role} from that CA")),
        );
    }
    if !allowed {
        let found = leaf.extended_key_usages.as_ref().map(|usages| usages.join(", ")).unwrap_or_default();
        findings.push(
            Finding::new(Id::CertsWrongPurpose, subject, format!("it is not for the {role}"))
                .with_evidence("expected", format!("extended key usage {wanted}"))
                .with_evidence("found", found)
                .with_hint(format!(
                    "give the {role} its own certificate, or issue one: {}",
                    replace_command(Path::new(subject), role)
                )),
        );
    }
    findings
}

/// Can the server be called by the names that it will be called by? Nobody calls a client.
pub(super) fn names(
    subject: &str,
    leaf: &Certificate,
    role: Role,
    wanted: &[(SubjectName, Host)],
) -> Vec<Finding> {
    let names = &leaf.summary.names;
    if role == Role::Client {
        return Vec::new();
    }
    let usable = callable(leaf).next().is_some();
    let misplaced = |name: &SubjectName| match name {
        SubjectName::Dns(text) if is_address(text) => Some(ip_as_dns(subject, text, usable)),
        _ => None,
    };
    let mut findings = names.iter().filter_map(misplaced).collect::<Vec<_>>();
    if !usable && findings.is_empty() {
        return vec![no_name(subject, leaf, role)];
    }
    findings.extend(missing_names(subject, leaf, wanted));
    findings
}

fn no_name(subject: &str, leaf: &Certificate, role: Role) -> Finding {
    let names = &leaf.summary.names;
    let message = match names.iter().any(|name| matches!(name, SubjectName::Dns(_))) {
        true => "no client can verify it: none of its DNS names is a host name".to_owned(),
        false => format!("no client can verify it: `{}` stands in no subjectAltName", leaf.summary.subject),
    };
    Finding::new(Id::CertsNoSan, subject, message)
        .with_evidence("expected", "a DNS name or an IP address")
        .with_evidence("found", if names.is_empty() { "none".to_owned() } else { list(names) })
        .with_hint(format!("issue one with its names: {}", replace_command(Path::new(subject), role)))
}

/// A warning if the certificate is `usable` by other names.
fn ip_as_dns(subject: &str, text: &str, usable: bool) -> Finding {
    let message = format!("the IP address `{text}` is in it as a DNS name, where no client looks for it");
    let address = shell_word(text);
    let flags = format!("--add-san {address} --remove-san {address}");
    let mut finding = Finding::new(Id::CertsIpAsDns, subject, message)
        .with_evidence("expected", format!("IP:{text}"))
        .with_evidence("found", format!("DNS:{text}"))
        .with_hint(format!("write it as an address: {}", renew_command(Path::new(subject), &flags)));
    if usable {
        finding.severity = Severity::Warning;
    }
    finding
}

fn missing_names(subject: &str, leaf: &Certificate, wanted: &[(SubjectName, Host)]) -> Option<Finding> {
    let missing = wanted.iter().filter(|(name, _)| verify::name(&leaf.der, name).is_err());
    let missing = missing.map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    if missing.is_empty() {
        return None;
    }
    let flags = format!("--add-san {}", shell_word(&missing.join(",")));
    let finding =
        Finding::new(Id::CertsNamesMissing, subject, format!("it is not for {}", missing.join(", ")))
            .with_evidence("expected", missing.join(", "))
            .with_evidence("found", list(&leaf.summary.names))
            .with_hint(format!("add what is missing: {}", renew_command(Path::new(subject), &flags)));
    Some(finding)
}

fn list(names: &[SubjectName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The names by which a client can call and verify it.
pub(super) fn callable(leaf: &Certificate) -> impl Iterator<Item = Host> {
    leaf.summary.names.iter().filter_map(|name| match name {
        // A wildcard by one of the names that it stands for.
        SubjectName::Dns(name) => {
            Some(name.strip_prefix("*.").map_or(name.clone(), |rest| format!("any.{rest}")))
                .filter(|name| is_host_name(name) && !is_address(name))
                .map(Host::Name)
        }
        SubjectName::Ip(address) => Some(Host::Ip(*address)),
        SubjectName::Email(_) | SubjectName::Other(_) | SubjectName::Uri(_) => None,
    })
}

fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

/// Can somebody call a server so? Go, OpenSSL and webpki all take underscores, and none of them takes a dot at the end, a
/// port, a scheme, or a wildcard that is not the whole first label.
fn is_host_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    name.split('.').all(|label| !label.is_empty() && label.bytes().all(plain))
}

/// The side that it says it is for; a server where it leaves that open, since more is asked of one.
pub(super) fn role(leaf: &Certificate) -> Role {
    if leaf.summary.server_auth || !leaf.summary.client_auth { Role::Server } else { Role::Client }
}

fn soon(life: Duration, within: Option<Within>) -> Duration {
    match within {
        None => check::soon(life),
        // A life that ends before it begins has no part.
        Some(within) => date::signed(within.of(life.try_into().unwrap_or_default())),
    }
}

/// How to get a certificate with a later end.
fn renewal(subject: &str, summary: &Summary, within: Option<Within>) -> String {
    if summary.is_ca {
        return "replace the CA, which keeps all names: `egext certs rotate-ca prepare`".to_owned();
    }
    // What is due by another rule is not renewed without it.
    let flags = within.map_or_else(String::new, |within| format!("--within {within}"));
    format!("renew it where its CA is: {}", renew_command(Path::new(subject), &flags))
}

fn p256(subject: &str) -> String {
    format!("give it a P-256 key: {}", renew_command(Path::new(subject), "--key-type p256"))
}

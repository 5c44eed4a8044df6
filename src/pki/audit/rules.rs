//! Rules for one certificate: does it have what it needs?

use std::net::IpAddr;
use std::path::Path;

use time::{Duration, OffsetDateTime};

use super::cure::renewal;
use crate::host::Host;
use crate::pki::ca::verify;
use crate::pki::set::change::{renew_command, replace_command, rotate_command};
use crate::pki::set::check;
use crate::pki::set::renewal::always_due;
use crate::pki::x509::lifetime::CLOCK;
use crate::pki::x509::names::list;
use crate::pki::x509::signature;
use crate::pki::{Certificate, Distrust, KEY_CERT_SIGN, KeyKind, Role, SubjectName, Trust};
use crate::report::{Finding, FindingId, Severity};
use crate::shell::shell_word;
use crate::units::Within;

/// Is each of them valid, and for long enough? What no leaf certificate needs is a note.
pub(super) fn dates(
    subject: &str,
    certificates: &[Certificate],
    within: Option<Within>,
    now: OffsetDateTime,
    is_used: impl Fn(&Certificate) -> bool,
) -> Vec<Finding> {
    let several = certificates.len() > 1;
    let date = |certificate: &Certificate| {
        let (id, words) = check::date(certificate, check::end_of(certificate.lifetime, within), now)?;
        let who = if several { format!("`{}` ", certificate.subject) } else { String::new() };
        let finding = Finding::new(id, subject, format!("{who}{}{words}", verb(id)));
        if !is_used(certificate) {
            return Some(unused(finding));
        }
        Some(match (id, within) {
            (FindingId::CertsNotYetValid, _) => finding.with_hint(CLOCK),
            (FindingId::CertsExpiring, Some(within)) => finding
                .with_hint(renewal(subject, certificate, Some(within), now))
                .with_evidence("within", within.to_string()),
            _ => finding.with_hint(renewal(subject, certificate, None, now)),
        })
    };
    let mut findings = certificates.iter().filter_map(date).collect::<Vec<_>>();
    // A renewal would not end it.
    let leaf = certificates.first().filter(|leaf| !leaf.is_ca && leaf.not_before <= now);
    let always = leaf.zip(within);
    findings.extend(always.and_then(|(leaf, within)| always_due(Path::new(subject), leaf, within)));
    findings
}

/// The anchor of a route, in the CA file `ca`: has it expired, or is it not valid yet?
pub(super) fn dates_of_anchor(
    subject: &str,
    ca: &str,
    anchor: &Certificate,
    now: OffsetDateTime,
) -> Vec<Finding> {
    let Some((id, words)) = check::date(anchor, Duration::ZERO, now) else { return Vec::new() };
    let message = format!("its CA, `{}` in `{ca}`, {}{words}", anchor.subject, verb(id));
    let hint = if id == FindingId::CertsNotYetValid {
        CLOCK.to_owned()
    } else {
        renewal(subject, anchor, None, now)
    };
    vec![Finding::new(id, subject, message).with_hint(hint)]
}

fn verb(id: FindingId) -> &'static str {
    if id == FindingId::CertsNotYetValid { "is " } else { "" }
}

/// Nothing that was looked at depends on it.
fn unused(mut finding: Finding) -> Finding {
    finding.severity = Severity::Info;
    finding.message.push_str("; no certificate that was checked needs it");
    finding.hint = Some("remove it from the file, unless a peer presents certificates of it".to_owned());
    finding
}

/// Are they CAs, and may they sign? A leaf certificate among them is a mistake, too: it is not needed there.
pub(super) fn is_ca(subject: &str, certificates: &[Certificate]) -> Vec<Finding> {
    let judge = |certificate: &Certificate| {
        let name = &certificate.subject;
        match Trust::of(certificate) {
            Ok(Trust::Authority) => None,
            Ok(Trust::OldAuthority) => {
                let message =
                    format!("`{name}` is an X.509 version 1 certificate, which cannot say that it is a CA");
                let finding = Finding::new(FindingId::CertsCaNotStrict, subject, message);
                Some(finding.with_hint("make a CA of version 3: `egext certs init --dir DIR`"))
            }
            Ok(Trust::Itself) => {
                let message = format!(
                    "`{name}` is not a CA certificate: it is trusted as itself, and nothing that it signs is"
                );
                let mut finding = Finding::new(FindingId::CertsLeafAsCa, subject, message);
                finding.severity = Severity::Warning;
                Some(finding.with_hint("make a CA and a leaf: `egext certs init --dir DIR`"))
            }
            Err(Distrust::CannotSign) => {
                let found =
                    certificate.key_usages().map(|usages| usages.names().collect::<Vec<_>>().join(", "));
                let message = format!("`{name}` is a CA that may not sign certificates");
                let finding = Finding::new(FindingId::CertsCaCannotSign, subject, message)
                    .with_evidence("expected", KEY_CERT_SIGN)
                    .with_evidence("found", found.unwrap_or_default());
                Some(finding.with_hint("make the CA's certificate again, with keyCertSign"))
            }
            Err(Distrust::NotACa) => {
                let message = format!("`{name}` is not a CA certificate, but is in the place of one");
                let finding = Finding::new(FindingId::CertsLeafAsCa, subject, message)
                    .with_evidence("expected", "a certificate with CA in its basicConstraints");
                Some(
                    finding.with_hint(format!(
                        "put the certificate of its issuer there: `{}`",
                        certificate.issuer
                    )),
                )
            }
        }
    };
    certificates.iter().filter_map(judge).collect()
}

/// An intermediate CA: by default OpenSSL requires the root above it.
pub(super) fn not_root(subject: &str, anchor: &Certificate) -> Finding {
    let message = format!(
        "`{}` is an intermediate CA, and no valid root above it is in the file: OpenSSL and what is built on it reject \
         its certificates by default",
        anchor.subject
    );
    Finding::new(FindingId::CertsCaNotRoot, subject, message)
        .with_evidence("expected", "a chain up to a self-signed root")
        .with_evidence("found", format!("issued by {}", anchor.issuer))
        .with_hint(format!("append the certificate of `{}`, up to the root", anchor.issuer))
}

/// Can a key or signature be forged, or can it be verified at all? What no leaf certificate needs is a warning.
pub(super) fn strength(
    subject: &str,
    certificates: &[Certificate],
    is_used: impl Fn(&Certificate) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for certificate in certificates {
        let mut found = keys(subject, certificate);
        // No verifier looks at the signature of a root, whatever it is.
        if !certificate.self_issued {
            found.extend(signatures(subject, certificate));
        }
        if !is_used(certificate) {
            found.iter_mut().for_each(|finding| finding.severity = Severity::Warning);
        }
        findings.extend(found);
    }
    findings
}

/// The same for the CA's file. A weak key there is an error in any case: it can sign for everyone, needed or not.
pub(super) fn strength_of_anchors(
    subject: &str,
    certificates: &[Certificate],
    is_used: impl Fn(&Certificate) -> bool,
) -> Vec<Finding> {
    let mut findings = strength(subject, certificates, is_used);
    for finding in &mut findings {
        match finding.id {
            FindingId::CertsWeakKey => finding.severity = Severity::Error,
            // What is trusted is not verified.
            FindingId::CertsUnsupportedSignature | FindingId::CertsWeakSignature => {
                finding.severity = Severity::Warning;
            }
            _ => {}
        }
    }
    findings
}

fn signatures(subject: &str, certificate: &Certificate) -> Option<Finding> {
    let name = &certificate.subject;
    if let Some(algorithm) = signature::weak_hash(certificate) {
        let message = format!("`{name}` was signed with a hash that can be forged");
        let finding = Finding::new(FindingId::CertsWeakSignature, subject, message);
        return Some(
            finding.with_evidence("found", algorithm).with_hint("issue it again, signed with SHA-256"),
        );
    }
    (!signature::is_common(certificate)).then(|| {
        let message = format!("`{name}` was signed in a way that TLS stacks do not verify");
        Finding::new(FindingId::CertsUnsupportedSignature, subject, message)
            .with_evidence("found", signature::name(certificate).into_owned())
            .with_hint("issue it again, signed with ECDSA or RSA and SHA-256")
    })
}

fn keys(subject: &str, certificate: &Certificate) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(reason) = certificate.key.refusal() {
        let message = format!("`{}` has a key that TLS stacks reject: {reason}", certificate.subject);
        findings.push(
            Finding::new(FindingId::CertsUnsupportedKey, subject, message)
                .with_evidence("found", certificate.key.to_string())
                .with_hint(
                    "issue it again for a key that `openssl ecparam -name prime256v1 -genkey -noout` makes",
                ),
        );
    }
    if let Some(reason) = certificate.key.weakness() {
        let message = format!("`{}` has a weak key: {reason}", certificate.subject);
        findings.push(
            Finding::new(FindingId::CertsWeakKey, subject, message)
                .with_evidence("found", certificate.key.to_string())
                .with_hint(if certificate.is_ca {
                    format!("replace the CA: {}", rotate_command(Path::new(subject), "--key-type p256"))
                } else {
                    // No renewal reads such a key.
                    let issue = replace_command(Path::new(subject), role(certificate));
                    format!("issue it again with a key of its own: {issue}")
                }),
        );
    }
    if *certificate.key.kind() == KeyKind::Ed25519 && !certificate.is_ca {
        let message = "Envoy and some other TLS stacks reject Ed25519 certificates";
        findings.push(Finding::new(FindingId::CertsEd25519, subject, message).with_hint(p256(subject)));
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
    let names = &leaf.names;
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
    let names = &leaf.names;
    let message = match names.iter().any(|name| matches!(name, SubjectName::Dns(_))) {
        true => "no client can verify it: none of its DNS names is a host name".to_owned(),
        false => format!("no client can verify it: `{}` is in no subjectAltName", leaf.subject),
    };
    Finding::new(FindingId::CertsNoSan, subject, message)
        .with_evidence("expected", "a DNS name or an IP address")
        .with_evidence("found", if names.is_empty() { "none".to_owned() } else { list(names) })
        .with_hint(format!("issue one with its names: {}", replace_command(Path::new(subject), role)))
}

/// A warning if the certificate is `usable` by other names.
fn ip_as_dns(subject: &str, text: &str, usable: bool) -> Finding {
    let message = format!("the IP address `{text}` is in it as a DNS name, where no client looks for it");
    let address = shell_word(text);
    let flags = format!("--add-san {address} --remove-san {address}");
    let mut finding = Finding::new(FindingId::CertsIpAsDns, subject, message)
        .with_evidence("expected", format!("IP:{text}"))
        .with_evidence("found", format!("DNS:{text}"))
        .with_hint(format!("write it as an address: {}", renew_command(Path::new(subject), &flags)));
    if usable {
        finding.severity = Severity::Warning;
    }
    finding
}

fn missing_names(subject: &str, leaf: &Certificate, wanted: &[(SubjectName, Host)]) -> Option<Finding> {
    let missing = wanted.iter().filter(|(name, _)| verify::name(leaf, name).is_err());
    let missing = missing.map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    if missing.is_empty() {
        return None;
    }
    let flags = format!("--add-san {}", shell_word(&missing.join(",")));
    let finding =
        Finding::new(FindingId::CertsNamesMissing, subject, format!("it is not for {}", missing.join(", ")))
            .with_evidence("expected", missing.join(", "))
            .with_evidence("found", list(&leaf.names))
            .with_hint(format!("add what is missing: {}", renew_command(Path::new(subject), &flags)));
    Some(finding)
}

/// The names by which a client can call and verify it.
pub(super) fn callable(leaf: &Certificate) -> impl Iterator<Item = Host> {
    leaf.names.iter().filter_map(|name| match name {
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

/// Can a client call a server by this name? Go, OpenSSL and webpki all take underscores, and none of them takes a dot at the end, a
/// port, a scheme, or a wildcard that is not the whole first label.
fn is_host_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    name.split('.').all(|label| !label.is_empty() && label.bytes().all(plain))
}

/// The side that it says it is for. Where it leaves that open it is a server, since more is asked of one; but one that has
/// a SPIFFE id and no name to call it by is looked at as a client, for which that is enough.
pub(super) fn role(leaf: &Certificate) -> Role {
    let is_called = callable(leaf).next().is_some() || !leaf.names.iter().any(SubjectName::is_spiffe);
    match (leaf.server_auth, leaf.client_auth) {
        (false, true) => Role::Client,
        (true, true) if !is_called => Role::Client,
        _ => Role::Server,
    }
}

fn p256(subject: &str) -> String {
    format!("give it a P-256 key: {}", renew_command(Path::new(subject), "--key-type p256"))
}

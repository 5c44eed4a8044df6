//! Our verdict on the server's certificate.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, OtherError};

use super::{Context, client, issuer, some_of, words};
use crate::host::Host;
use crate::pki::when::timestamp;
use crate::pki::{Certificate, SubjectName, SvidRefusal, audit, go_x509};
use crate::report::{Finding, FindingId};
use crate::shell::shell_word;

/// Our verdict on the server's certificate.
pub(super) fn certificate(context: &Context<'_>, error: &CertificateError) -> Finding {
    let found = context.presented();
    let subject = found.map_or_else(String::new, |found| format!(" `{}`", found.subject));
    if let Some(refusal) = of_go(error) {
        return context.finding(
            FindingId::ProbeServerCertRefused,
            format!("Go rejects the server's certificate{subject}: {refusal}"),
        );
    }
    if let Some(refusal) = by_trust_domain(error) {
        return not_of_trust_domain(context, &subject, refusal);
    }
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            expired(context, &subject, found)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let from =
                found.map_or_else(String::new, |found| format!(" before {}", timestamp(found.not_before)));
            context
                .finding(
                    FindingId::ProbeServerCertNotYetValid,
                    format!("the server's certificate{subject} is not valid{from}"),
                )
                .with_hint(format!(
                    "compare the clocks (`date -u`) of both machines; if they agree, wait until then, or renew it where \
                     its CA is, and restart the server: `egext certs renew --force --role server{}`",
                    context.dir_flag()
                ))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            wrong_name(context, found)
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => context
            .finding(
                FindingId::ProbeServerCertWrongPurpose,
                format!("the server's certificate{subject} is not for servers"),
            )
            .with_evidence("expected", "extended key usage serverAuth")
            .with_hint("give the server its own files: `server.crt` and `server.key`"),
        CertificateError::BadSignature if context.accepted_certificates() => {
            not_its_key(context, &subject, found)
        }
        // A CA with the name of ours and another key: it was made anew.
        CertificateError::BadSignature => issuer::unknown(context, &subject, found)
            .with_evidence("expected", "the key of our CA of that name"),
        CertificateError::UnknownIssuer => issuer::unknown(context, &subject, found),
        CertificateError::Revoked => context
            .finding(
                FindingId::ProbeServerCertRevoked,
                format!("the server's certificate{subject}, or one above it, has been revoked"),
            )
            .with_evidence(
                "found",
                found.map(|found| format!("serial number {}", found.serial)).unwrap_or_default(),
            )
            .with_hint("give the server a new certificate with a new key"),
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => context
            .finding(
                FindingId::ProbeServerCertRevocationUnknown,
                format!(
                    "the server's certificate{subject} may have been revoked: {}",
                    words::certificate(error)
                ),
            )
            .with_hint("fetch the current revocation list of its CA"),
        other if is_unknown_extension(other) => unknown_extension(context, &subject),
        other if is_ca_as_leaf(other) && context.has_leaf_behind() => context
            .finding(FindingId::ProbeServerCertChainOrder, "the server sends its chain in the wrong order")
            .with_evidence("expected", "its own certificate first")
            .with_evidence("found", format!("the CA certificate{subject} first"))
            .with_hint("in its certificate file, put the leaf before the intermediates"),
        other if is_ca_as_leaf(other) => context
            .finding(
                FindingId::ProbeServerCertIsCa,
                format!("the server presents the CA certificate{subject} as its own"),
            )
            .with_hint(leaf_instead(context)),
        other => context
            .finding(
                FindingId::ProbeServerCertRefused,
                format!("the server's certificate{subject} cannot be used: {}", words::certificate(other)),
            )
            .with_hint(anew(context)),
    }
}

/// What else is wrong with what the server presents, and with our own certificate: each is to be cured, and would be the
/// next finding after the cure of `cause`.
pub(super) fn others(context: &Context<'_>, cause: &Finding) -> Vec<Finding> {
    let Some(tls) = context.target.tls().filter(|_| !context.accepted_certificates()) else {
        return Vec::new();
    };
    let (Some(name), Some(witness)) = (context.target.server_name(), &context.trace.witness) else {
        return Vec::new();
    };
    let host = match name {
        ServerName::IpAddress(address) => Host::Ip(IpAddr::from(*address)),
        name => Host::Name(name.to_str().into_owned()),
    };
    let address = context.target.address().to_string();
    let mut findings = vec![cause.clone()];
    for found in audit::of_presented((&address, &host), witness.presented(), tls.trusted(), context.now) {
        let finding = match EQUIVALENTS.iter().find(|(id, _)| *id == found.id) {
            Some((_, error)) => certificate(context, &error()),
            None if STRENGTH.contains(&found.id) => {
                Finding { id: FindingId::ProbeServerCertRefused, hint: Some(anew(context)), ..found }
            }
            None => continue,
        };
        // The verifier does not read on in such a certificate, so neither its names nor its issuer count.
        let is_consequence = cause.id == FindingId::ProbeServerCertRefused
            && !matches!(
                finding.id,
                FindingId::ProbeServerCertExpired
                    | FindingId::ProbeServerCertNotYetValid
                    | FindingId::ProbeServerCertWrongPurpose
            );
        if !is_consequence && findings.iter().all(|known| known.id != finding.id) {
            findings.push(finding);
        }
    }
    findings.extend(client::untimely(context));
    findings.split_off(1)
}

/// What rustls would say if there were no other fault.
type Refuses = fn() -> CertificateError;

/// Rules of `certs check`, and what rustls calls their violation.
const EQUIVALENTS: &[(FindingId, Refuses)] = &[
    (FindingId::CertsChainBroken, || CertificateError::UnknownIssuer),
    (FindingId::CertsChainOrder, ca_as_leaf),
    (FindingId::CertsExpired, || CertificateError::Expired),
    (FindingId::CertsIpAsDns, || CertificateError::NotValidForName),
    (FindingId::CertsIsCa, ca_as_leaf),
    (FindingId::CertsNamesMissing, || CertificateError::NotValidForName),
    (FindingId::CertsNoSan, || CertificateError::NotValidForName),
    (FindingId::CertsNotYetValid, || CertificateError::NotValidYet),
    (FindingId::CertsWrongPurpose, || CertificateError::InvalidPurpose),
];

/// Rules about keys and signatures. Their messages name the certificate.
const STRENGTH: &[FindingId] = &[
    FindingId::CertsUnsupportedKey,
    FindingId::CertsUnsupportedSignature,
    FindingId::CertsWeakKey,
    FindingId::CertsWeakSignature,
];

fn ca_as_leaf() -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(webpki::Error::CaUsedAsEndEntity)))
}

fn expired(context: &Context<'_>, subject: &str, found: Option<&Certificate>) -> Finding {
    let place = context.dir_flag();
    let (message, hint) = match found {
        Some(found) if found.not_after < context.now => (
            format!("the server's certificate{subject} expired on {}", timestamp(found.not_after)),
            format!(
                "renew it where its CA is, and restart the server: `egext certs renew --role server{place}`"
            ),
        ),
        _ => (
            format!("a certificate above the server's{subject} has expired"),
            format!("replace the CA where its key is: `egext certs rotate-ca prepare{place}`"),
        ),
    };
    context.finding(FindingId::ProbeServerCertExpired, message).with_hint(hint)
}

/// The server's certificates were accepted, and what it signed in the handshake was not (RFC 8446 section 4.4.3).
fn not_its_key(context: &Context<'_>, subject: &str, found: Option<&Certificate>) -> Finding {
    match found.and_then(|found| found.key.rsa_bits()) {
        Some(bits) if bits < LEAST_RSA_BITS => context
            .finding(
                FindingId::ProbeServerCertRefused,
                format!("the key of the server's certificate{subject} is too short"),
            )
            .with_evidence(
                "expected",
                format!("RSA of at least {LEAST_RSA_BITS} bits, or another kind of key"),
            )
            .with_evidence("found", format!("RSA of {bits} bits"))
            .with_hint(anew(context)),
        _ => context
            .finding(
                FindingId::ProbeServerCertRefused,
                format!("the server signs with another key than that of its certificate{subject}"),
            )
            .with_hint(
                "give it both files of one pair; `egext certs show server.crt server.key` compares them",
            ),
    }
}

fn is_unknown_extension(error: &CertificateError) -> bool {
    match error {
        CertificateError::UnhandledCriticalExtension => true,
        CertificateError::Other(other) => {
            other.0.downcast_ref() == Some(&webpki::Error::UnsupportedCriticalExtension)
        }
        _ => false,
    }
}

/// In the server's certificate, or in one of those above it.
fn unknown_extension(context: &Context<'_>, subject: &str) -> Finding {
    let presented = context.trace.witness.as_ref().map_or(&[][..], |witness| witness.presented());
    let unknown = presented.iter().filter_map(|der| Certificate::of(der).ok()).find_map(|certificate| {
        let mut unknown = certificate.extensions().iter().filter(|found| found.is_critical());
        let unknown = unknown.find(|found| !KNOWN_EXTENSIONS.contains(&&*found.oid()))?.oid();
        Some((certificate.subject.to_string(), unknown))
    });
    let words = words::certificate(&CertificateError::UnhandledCriticalExtension);
    let finding = context.finding(
        FindingId::ProbeServerCertRefused,
        format!("the server's certificate{subject} cannot be used: {words}"),
    );
    match unknown {
        Some((holder, oid)) => {
            finding.with_evidence("found", format!("extension {oid} of `{holder}`")).with_hint(format!(
                "issue `{holder}` again without the extension {oid}, or with one that is not critical"
            ))
        }
        None => finding.with_hint("issue it again without critical extensions that only some programs know"),
    }
}

/// Those that webpki reads if they are critical.
const KNOWN_EXTENSIONS: [&str; 6] =
    ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];

fn anew(context: &Context<'_>) -> String {
    format!(
        "issue it again, with another key: `egext certs issue server --out server --san NAME --replace{}`",
        context.dir_flag()
    )
}

/// Of what rustls verifies in a handshake.
const LEAST_RSA_BITS: usize = 2048;

fn wrong_name(context: &Context<'_>, found: Option<&Certificate>) -> Finding {
    let name = context.target.server_name().map_or_else(String::new, |name| name.to_str().into_owned());
    let place = context.dir_flag();
    let names: &[SubjectName] = found.map_or(&[], |found| &found.names);
    if names.is_empty() {
        return context
            .finding(FindingId::ProbeServerCertNoSan, "the server's certificate has no subjectAltName")
            .with_evidence("expected", name.clone())
            .with_hint(format!(
                "issue one with the name: `egext certs issue server --out server --san {} --replace{place}`",
                shell_word(&name)
            ));
    }
    let (expected, found, hint) = if names.iter().any(SubjectName::is_misplaced_address) {
        // Without the kinds it would be "expected 127.0.0.1, found 127.0.0.1".
        let kind = if name.parse::<IpAddr>().is_ok() { "IP address" } else { "DNS name" };
        (
            format!("{kind} {name}"),
            names.iter().map(SubjectName::with_kind).collect::<Vec<_>>(),
            format!(
                "no client accepts an IP address that is written as a DNS name; where its CA is, renew it with the \
                 {}: `egext certs renew --name server --add-san {}{place}`",
                if kind == "IP address" { "address" } else { "name that was called" },
                shell_word(&name)
            ),
        )
    } else {
        (
            name.clone(),
            names.iter().map(ToString::to_string).collect(),
            format!(
                "{}; or add this one where its CA is, and restart the server: `egext certs renew --name server \
                 --add-san {}{place}`",
                context.with_flags_or(other_name(names), "write a name that it has as host in the file"),
                shell_word(&name)
            ),
        )
    };
    let hint = match name.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => {
            format!(
                "`{name}` is an address to listen on: connect to `localhost`, or as the server's clients do"
            )
        }
        _ => hint,
    };
    context
        .finding(
            FindingId::ProbeServerCertNameMismatch,
            format!("the server's certificate is not for `{name}`"),
        )
        .with_evidence("expected", expected)
        .with_evidence("found", some_of(&found))
        .with_hint(hint)
}

/// The flag that makes us expect a name that the certificate has.
fn other_name(names: &[SubjectName]) -> String {
    let mut names = names.iter().filter(|name| matches!(name, SubjectName::Dns(_) | SubjectName::Ip(_)));
    let name = names.find_map(|name| name.to_string().parse::<Host>().ok());
    match name.map(|name| name.to_string()) {
        Some(name) => format!("`--server-name {}`, which it has", shell_word(&name)),
        None => "`--server-name NAME` and a name that it has".to_owned(),
    }
}

/// How the server gets a certificate in the place of a CA's.
fn leaf_instead(context: &Context<'_>) -> String {
    let name = context.target.server_name().map_or_else(String::new, |name| name.to_str().into_owned());
    let (name, place) = (shell_word(&name), context.dir_flag());
    format!(
        "give it a leaf certificate and its key: where the CA's key is, `egext certs issue server --out server --san \
         {name} --replace{place}` makes them"
    )
}

/// Why the certificate is not one of a workload that we trust, if its trust domain decides.
fn by_trust_domain(error: &CertificateError) -> Option<&SvidRefusal> {
    let CertificateError::Other(other) = error else { return None };
    other.0.downcast_ref()
}

fn not_of_trust_domain(context: &Context<'_>, subject: &str, refusal: &SvidRefusal) -> Finding {
    let id = match refusal {
        SvidRefusal::NoBundle(_) | SvidRefusal::Chain(go_x509::Refusal::UnknownAuthority { .. }) => {
            FindingId::ProbeServerCertUnknownIssuer
        }
        SvidRefusal::Chain(go_x509::Refusal::Expired { .. }) => FindingId::ProbeServerCertExpired,
        SvidRefusal::Chain(go_x509::Refusal::NotYetValid { .. }) => FindingId::ProbeServerCertNotYetValid,
        _ => FindingId::ProbeServerCertRefused,
    };
    context.finding(
        id,
        format!("the server's certificate{subject} is not that of a workload that we trust: {refusal}"),
    )
}

/// Why Go rejects what we would accept, if Go decides.
fn of_go(error: &CertificateError) -> Option<&go_x509::Refusal> {
    let CertificateError::Other(other) = error else { return None };
    other.0.downcast_ref()
}

fn is_ca_as_leaf(error: &CertificateError) -> bool {
    let CertificateError::Other(other) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

//! Do the usages of a leaf certificate fit the side that uses it?

use std::path::Path;

use crate::pki::set::change::{further_command, is_address, replace_command};
use crate::pki::set::store::HIDDEN;
use crate::pki::{Certificate, Role};
use crate::report::{Finding, FindingId};

/// Is it a leaf, and for this side? The gravest finding first.
pub fn usage(subject: &str, leaf: &Certificate, role: Role) -> Vec<Finding> {
    let mut findings = Vec::new();
    if leaf.is_ca {
        let message = format!("`{}` is a CA's certificate, and the {role} uses it as its own", leaf.subject);
        findings.push(
            Finding::new(FindingId::CertsIsCa, subject, message)
                .with_hint(format!("issue a certificate for the {role} from that CA")),
        );
    }
    if !leaf.permits(role) {
        findings.push(wrong_purpose(subject, leaf, role));
    }
    // What a CA's key is for, its own findings say.
    if !leaf.is_ca {
        findings.extend(key_usage(subject, leaf, role));
    }
    findings
}

fn wrong_purpose(subject: &str, leaf: &Certificate, role: Role) -> Finding {
    let found = leaf.extended_key_usages().map(|usages| usages.names().join(", ")).unwrap_or_default();
    let wanted = match role {
        Role::Client => "clientAuth",
        Role::Server => "serverAuth",
    };
    Finding::new(FindingId::CertsWrongPurpose, subject, format!("it is not for the {role}"))
        .with_evidence("expected", format!("extended key usage {wanted}"))
        .with_evidence("found", found)
        .with_hint(own_certificate(subject, leaf, role))
}

/// How the side gets a certificate of its own. A good one of the other side is not to be replaced.
fn own_certificate(subject: &str, leaf: &Certificate, role: Role) -> String {
    let (path, other) = (Path::new(subject), role.other());
    if is_address(subject) || !leaf.permits(other) {
        let replace = replace_command(path, role);
        return format!("give the {role} its own certificate, or issue one: {replace}");
    }
    let is_own_name = path.file_name().is_some_and(|name| name == role.certificate_file());
    if !is_own_name {
        let issue = further_command(path, role);
        return format!(
            "it is a certificate of a {other}: check it with `--role {other}`, or name the {role}'s own; {issue} issues one"
        );
    }
    let copied = format!(
        "the {other}'s certificate was copied to this name: copy the {role}'s own certificate and key"
    );
    match path.with_file_name(HIDDEN).exists() {
        true => format!("{copied}, or issue them: {}", replace_command(path, role)),
        false => copied,
    }
}

/// A key usage that leaves out what TLS does with the key. Go and rustls do not look at it.
fn key_usage(subject: &str, leaf: &Certificate, role: Role) -> Option<Finding> {
    let usages = leaf.key_usages()?.names().collect::<Vec<_>>();
    if usages.contains(&SIGNATURE) {
        return None;
    }
    // OpenSSL also takes what the key exchanges of TLS 1.2 and before could use (`check_purpose_ssl_server`).
    let exchanges: &[&str] = match role {
        Role::Client => &["keyAgreement"],
        Role::Server => &["keyAgreement", "keyEncipherment"],
    };
    let who = match usages.iter().any(|usage| exchanges.contains(usage)) {
        true => "BoringSSL and GnuTLS reject it with TLS 1.3",
        false => "OpenSSL, Python and Node.js reject it",
    };
    let finding = Finding::new(
        FindingId::CertsKeyUsage,
        subject,
        format!("its key usage permits no signature, so {who}"),
    );
    Some(
        finding
            .with_evidence("expected", format!("key usage {SIGNATURE}"))
            .with_evidence("found", usages.join(", "))
            .with_hint(format!("issue it again: {}", replace_command(Path::new(subject), role))),
    )
}

const SIGNATURE: &str = "digitalSignature";

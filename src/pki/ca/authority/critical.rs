//! Extensions of CAs that webpki does not support, or only in part: it rejects what such a CA signs.

use crate::pki::{Certificate, Extension};

/// The first critical extension that webpki does not know, with its name.
pub(super) fn unknown(certificate: &Certificate) -> Option<String> {
    let critical = certificate.extensions().iter().filter(|extension| extension.is_critical());
    let unknown = critical.map(Extension::oid).find(|oid| !KNOWN.contains(&oid.as_str()))?;
    let name = NAMES.iter().find(|(oid, _)| *oid == unknown);
    Some(name.map_or_else(|| unknown.clone(), |(oid, name)| format!("{name} ({oid})")))
}

/// Are its name constraints about directory names, which webpki does not compare with subjects?
pub(super) fn constrains_subjects(certificate: &Certificate) -> bool {
    certificate.all.name_constraints().is_ok_and(|found| found.is_some_and(|found| found.about_subjects))
}

/// keyUsage, subjectAltName, basicConstraints, nameConstraints, cRLDistributionPoints, extKeyUsage.
const KNOWN: [&str; 6] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];

/// Those that RFC 5280 lets a CA make critical.
const NAMES: &[(&str, &str)] = &[
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.54", "inhibitAnyPolicy"),
];

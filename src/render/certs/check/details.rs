use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::pki::audit::Audit;
use crate::pki::{Certificate, when};
use crate::report::{Check, FindingId, State};

/// What `egext certs check` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// In the order in which they were made.
    checks: Vec<CheckDetails>,
    /// Every certificate that was looked at.
    certificates: Vec<CertificateDetails>,
    /// What verifiers say about each leaf.
    verifiers: Vec<VerdictDetails>,
}

/// What came of one check.
#[derive(Serialize, JsonSchema)]
struct CheckDetails {
    check: &'static str,
    /// The file or address.
    subject: String,
    state: CheckState,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<FindingId>>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
}

/// The result.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum CheckState {
    Found,
    Passed,
    Skipped,
}

/// A certificate that was looked at.
#[derive(Serialize, JsonSchema)]
struct CertificateDetails {
    /// The file or address that it is from.
    source: String,
    subject: String,
    issuer: String,
    serial: String,
    not_before: String,
    not_after: String,
    sha256: String,
}

/// What the verifiers say about a leaf: `accepts`, or why not.
#[derive(Serialize, JsonSchema)]
struct VerdictDetails {
    /// The file or address.
    subject: String,
    /// The verdict of webpki, the verifier of rustls.
    webpki: String,
    /// The verdict of Go with the options of Envoy Gateway.
    go: String,
}

impl Details {
    pub(super) fn of(audit: &Audit) -> Self {
        let words = |refusal: &Option<String>| refusal.clone().unwrap_or_else(|| "accepts".to_owned());
        let verdicts = audit.verdicts.iter().map(|verdict| VerdictDetails {
            subject: verdict.subject.clone(),
            webpki: words(&verdict.webpki),
            go: words(&verdict.go),
        });
        Self {
            checks: audit.checks.iter().map(CheckDetails::of).collect(),
            certificates: audit
                .certificates
                .iter()
                .map(|(path, it)| CertificateDetails::of(path, it))
                .collect(),
            verifiers: verdicts.collect(),
        }
    }
}

impl CheckDetails {
    fn of(check: &Check) -> Self {
        let (state, ids, reason) = match &check.state {
            State::Found(findings) => {
                (CheckState::Found, Some(findings.iter().map(|finding| finding.id).collect()), None)
            }
            State::Passed => (CheckState::Passed, None, None),
            State::Skipped(reason) => (CheckState::Skipped, None, Some(reason.clone())),
        };
        Self { check: check.name, subject: check.subject.clone(), state, ids, reason }
    }
}

impl CertificateDetails {
    fn of(source: &str, certificate: &Certificate) -> Self {
        Self {
            source: source.to_owned(),
            subject: certificate.subject.as_str().to_owned(),
            issuer: certificate.issuer.as_str().to_owned(),
            serial: certificate.serial.clone(),
            not_before: when::timestamp(certificate.not_before),
            not_after: when::timestamp(certificate.not_after),
            sha256: certificate.fingerprint(),
        }
    }
}

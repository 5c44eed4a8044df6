//! What OpenSSL rejects in a path that Go and rustls accept.

use std::path::Path;

use super::chain::Question;
use super::cure;
use super::route::Route;
use crate::pki::Certificate;
use crate::pki::x509::strict;
use crate::report::{Finding, FindingId};

/// Warnings about the CAs on `route`, and about how each certificate names its issuer. `anchors` is the file of the CA.
pub(super) fn of_route(question: &Question<'_>, route: &Route<'_>, anchors: &Path) -> Vec<Finding> {
    let path = route.certificates();
    let mut findings = Vec::new();
    for certificate in &path[1..] {
        let is_root = certificate.is_issued_by(certificate);
        let lacks = strict::lacks(certificate, is_root);
        if !lacks.is_empty() {
            let name = &certificate.subject;
            let message = format!(
                "the CA `{name}` has {}, so strict verifiers reject what it signs",
                lacks.join(" and ")
            );
            let is_anchor = question.anchors.iter().any(|anchor| anchor == *certificate);
            let subject = if is_anchor { anchors.display().to_string() } else { question.subject.to_owned() };
            findings.push(Finding::new(FindingId::CertsCaNotStrict, subject, message));
        }
    }
    findings.extend(loose_leaf(question, path));
    let misfits = path.windows(2).filter_map(|pair| misfit(question, pair[0], pair[1]));
    findings.extend(misfits);
    findings
}

/// A leaf certificate that was issued carelessly; one that is its own anchor was not issued.
fn loose_leaf(question: &Question<'_>, path: &[&Certificate]) -> Option<Finding> {
    let [leaf, _, ..] = path else { return None };
    let lacks = strict::leaf_lacks(leaf);
    (!lacks.is_empty()).then(|| {
        let message = format!("it has {}, so strict verifiers reject it", lacks.join(" and "));
        Finding::new(FindingId::CertsNotStrict, question.subject, message)
            .with_hint(cure::reissue(question.subject))
    })
}

/// OpenSSL takes any issuer that fits, and finds none.
fn misfit(question: &Question<'_>, certificate: &Certificate, issuer: &Certificate) -> Option<Finding> {
    let [named, found] = strict::mismatch(certificate, issuer)?;
    let mut others = question.chain.iter().chain(question.anchors);
    let fits = |other: &Certificate| {
        certificate.is_issued_by(other) && strict::mismatch(certificate, other).is_none()
    };
    if others.any(fits) {
        return None;
    }
    let (name, issuer) = (&certificate.subject, &issuer.subject);
    let message =
        format!("the authority key identifier of `{name}` does not fit `{issuer}`, so OpenSSL rejects it");
    let finding = Finding::new(FindingId::CertsIssuerMisfit, question.subject, message);
    Some(finding.with_evidence("expected", named).with_evidence("found", found))
}

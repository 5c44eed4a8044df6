//! Whether the certificates of a set are valid at all, for the verbs that would otherwise say that nothing is due.

use std::path::Path;

use time::OffsetDateTime;

use super::lines;
use crate::pki::Certificate;
use crate::pki::change::renewal;
use crate::pki::check::{untimely, untimely_issuer};
use crate::pki::lifetime::CLOCK;
use crate::pki::member::Member;
use crate::report::{Finding, FindingId, Report};

/// Adds a finding for each file that has a certificate which has expired or is not valid yet. `replace` is the command
/// that replaces the CA.
pub(super) fn report<'a>(
    report: &mut Report,
    (ca_path, ca): (&Path, &Certificate),
    members: impl Iterator<Item = &'a Member>,
    replace: &str,
    now: OffsetDateTime,
) {
    let with_cure = |finding: Finding, cure: String| {
        let is_early = finding.id == FindingId::CertsNotYetValid;
        finding.with_hint(if is_early { CLOCK.to_owned() } else { cure })
    };
    let mut findings = Vec::new();
    findings.extend(
        untimely(ca_path, ca, now).map(|finding| with_cure(finding, format!("replace the CA: {replace}"))),
    );
    for member in members {
        let leaf = untimely(member.path(), member.certificate(), now).map(|finding| {
            let cure = match ca.not_after <= now {
                true => format!(
                    "its CA has expired, too: {replace} begins to replace the CA, and `activate` issues it anew"
                ),
                false => renewal(member.path()),
            };
            with_cure(finding, cure)
        });
        let above = |issuer| untimely_issuer(member.path(), issuer, now);
        let issuers = member
            .intermediates()
            .iter()
            .filter_map(above)
            .map(|finding| finding.with_hint(format!("replace the CA: {replace}")));
        findings.extend(leaf.into_iter().chain(issuers));
    }
    lines::findings(report, findings);
}

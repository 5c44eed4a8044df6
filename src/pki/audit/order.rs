//! The order of a certificate file.
//!
//! The first certificate must be the leaf certificate: a TLS stack presents it as its own without a check. Among the
//! others, verifiers search for a path, so a wrong order there is worth a warning and breaks nothing.

use crate::pki::Certificate;
use crate::pki::audit::inspect::first_out_of_order;
use crate::pki::set::change::show_command;
use crate::report::{Finding, FindingId, Severity};

/// Does the file begin with the leaf certificate? If not, everything else about it would be said of the wrong one.
pub(super) fn leaf_not_first(subject: &str, chain: &[Certificate]) -> Option<Finding> {
    if !chain.first()?.is_ca {
        return None;
    }
    let place = chain.iter().position(|certificate| !certificate.is_ca)? + 1;
    let message = format!("the leaf certificate is number {place} in the file, after its issuers");
    let hint =
        format!("put the blocks of the file in this order; {} says what each is", show_command(subject));
    Some(finding(subject, chain, message).with_hint(hint))
}

/// Is each issuer behind what it issued, once, and nothing else in the file?
pub(super) fn oddities(subject: &str, chain: &[Certificate]) -> Option<Finding> {
    first_out_of_order(chain)?;
    let (mut remarks, mut rest) = (Vec::new(), Vec::<&Certificate>::new());
    for (index, certificate) in chain.iter().enumerate() {
        let place = index + 1;
        let again = chain[..index].iter().position(|other| other == certificate);
        if let Some(again) = again {
            remarks.push(format!("certificate {place} is certificate {} again", again + 1));
        } else if index > 0 && is_foreign(chain, certificate) {
            let name = &certificate.subject;
            remarks.push(format!("certificate {place} (`{name}`) issued no other one in the file"));
        } else {
            rest.push(certificate);
        }
    }
    if !rest.windows(2).all(|pair| pair[0].is_issued_by(pair[1])) {
        remarks.push("the issuers are not in the order in which they issued".to_owned());
    }
    let hint = format!(
        "keep these blocks, each once and in this order; {} says what each is",
        show_command(subject)
    );
    let mut finding = finding(subject, chain, remarks.join("; ")).with_hint(hint);
    finding.severity = Severity::Warning;
    Some(finding)
}

/// Did it issue none of the others? In a long file that is not asked: with one name on all certificates, it would be
/// a signature for every two.
fn is_foreign(chain: &[Certificate], certificate: &Certificate) -> bool {
    let others = chain.iter().filter(|other| *other != certificate);
    chain.len() <= ISSUER_LIMIT && !others.into_iter().any(|other| other.is_issued_by(certificate))
}

fn finding(subject: &str, chain: &[Certificate], message: String) -> Finding {
    let found = chain.iter().map(|certificate| certificate.subject.to_string()).collect::<Vec<_>>();
    Finding::new(FindingId::CertsChainOrder, subject, message)
        .with_evidence("expected", "the leaf certificate first, each issuer behind what it issued")
        .with_evidence("found", found)
}

/// Among how many certificates issuers are looked for.
const ISSUER_LIMIT: usize = 16;

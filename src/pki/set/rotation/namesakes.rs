//! Two CAs with the same name in one file.

use super::Rotation;
use crate::pki::{CA_CERTIFICATE_FILE, Certificate, DistinguishedName};
use crate::report::{Finding, FindingId};

impl Rotation {
    /// Peers with OpenSSL would refuse one side or the other between the steps.
    pub fn namesakes(&self) -> Option<Finding> {
        let name = find(&self.trusted)?;
        let message = format!(
            "two CAs in it are called `{name}`, and no key identifiers tell them apart: OpenSSL takes the first one for the other"
        );
        let subject = self.set.path(CA_CERTIFICATE_FILE).display().to_string();
        Some(Finding::new(FindingId::CertsCaNamesake, subject, message).with_hint(
            "use a CA of another name or with a subjectKeyIdentifier; otherwise restart both sides at once after `activate`",
        ))
    }
}

/// The name of two CAs that OpenSSL cannot tell apart. It takes the first one that has the name of the issuer and does not
/// contradict the key identifiers, and looks at no other when its signature does not fit.
fn find(trusted: &[Certificate]) -> Option<DistinguishedName> {
    let mut pairs = trusted
        .iter()
        .enumerate()
        .flat_map(|(index, one)| trusted.iter().skip(index + 1).map(move |other| (one, other)));
    pairs.find(|(one, other)| is_taken_for(one, other)).map(|(one, _)| one.subject.clone())
}

fn is_taken_for(one: &Certificate, other: &Certificate) -> bool {
    let identifiers = (one.subject_key_identifier(), other.subject_key_identifier());
    let is_told_apart = matches!(identifiers, (Some(one), Some(other)) if one != other);
    // With one key, either certificate leads to the same result.
    one.raw_subject() == other.raw_subject() && !one.key.is_same(&other.key) && !is_told_apart
}

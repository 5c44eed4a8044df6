//! What is wrong with a set on disk now or soon, or differs from what was asked for.

mod wishes;

pub use wishes::WantedSet;

use std::io;
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::change::{
    ANOTHER_CA, PRIVATE_CA, prepare_flags, renew_command, replace_command, replaced_with_its_ca,
    rotate_command,
};
use crate::pki::ca::verify;
use crate::pki::x509::when;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, CA_KEY_FILE, Certificate, Identity, IdentityError, Role};
use crate::report::{Finding, FindingId};
use crate::units::Within;

/// A complete set, loaded: every key belongs to its certificate.
#[derive(Debug)]
pub struct StoredSet {
    /// Whom both sides trust.
    pub anchors: Anchors,
    /// What the first of them says: who signs, or the root above.
    pub ca: Certificate,
    /// What became of the key that signs.
    pub ca_key: StoredKey,
    /// For the extension server.
    pub server: Identity,
    /// For Envoy Gateway, or the bridge on its side.
    pub client: Identity,
}

/// The key of a CA, as far as the directory has it.
#[derive(Debug)]
pub enum StoredKey {
    /// It is not there: discarded, or kept elsewhere.
    Absent,
    /// It is there, and only a passphrase opens it.
    Encrypted,
    /// It is there, and belongs to the certificate.
    Plain(Box<Identity>),
}

impl StoredKey {
    fn load(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        if key.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(Self::Absent);
        }
        match Identity::load(certificate, key) {
            Ok(identity) => Ok(Self::Plain(identity.into())),
            Err(IdentityError::EncryptedKey { .. }) => Ok(Self::Encrypted),
            Err(error) => Err(error),
        }
    }
}

impl StoredSet {
    /// Loads the set in `directory`.
    ///
    /// # Errors
    /// When one of its files cannot be used.
    pub fn load(directory: &Path) -> Result<Self, IdentityError> {
        let path = |name: &str| -> PathBuf { directory.join(name) };
        let leaf = |role: Role| Identity::load(&path(role.certificate_file()), &path(role.key_file()));
        let anchors = Anchors::load(&path(CA_CERTIFICATE_FILE))?;
        Ok(Self {
            ca: anchors.certificates()[0].clone(),
            ca_key: StoredKey::load(anchors.path(), &path(CA_KEY_FILE))?,
            anchors,
            server: leaf(Role::Server)?,
            client: leaf(Role::Client)?,
        })
    }

    /// Everything that keeps the set from working, now or soon.
    pub fn findings(&self, now: OffsetDateTime) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (path, summary) in self.each() {
            findings.extend(self.dates(path, summary, now));
        }
        for (role, identity) in [(Role::Server, &self.server), (Role::Client, &self.client)] {
            findings.extend(self.chain(role, identity));
        }
        findings
    }

    /// What helps if the CA's key is not only elsewhere.
    fn without_key(&self) -> String {
        if self.prepare_flags() != PRIVATE_CA {
            return String::new();
        }
        let prepare = rotate_command(self.anchors.path(), PRIVATE_CA);
        format!("; if the CA's key was discarded, {prepare} begins to replace the CA")
    }

    /// What begins to replace the CA, which is not a private one again unless that is asked for or is one now.
    fn prepare_flags(&self) -> &'static str {
        let (has_key, is_encrypted) = match self.ca_key {
            StoredKey::Absent => (false, false),
            StoredKey::Encrypted => (true, true),
            StoredKey::Plain(_) => (true, false),
        };
        prepare_flags(self.ca.is_ours(), has_key, is_encrypted)
    }

    /// Is it the time of this certificate, and for long enough?
    fn dates(&self, path: &Path, summary: &Certificate, now: OffsetDateTime) -> Option<Finding> {
        let (id, message) = date(summary, soon(summary.lifetime), now)?;
        let cure = match id {
            FindingId::CertsNotYetValid => "compare this machine's clock with another one".to_owned(),
            _ if summary.is_ca => {
                let prepare = rotate_command(path, self.prepare_flags());
                format!("{prepare} begins to replace it, and keeps all names")
            }
            _ if self.ca.not_after <= now => {
                replaced_with_its_ca(&rotate_command(self.anchors.path(), self.prepare_flags()))
            }
            _ => {
                let is_absent = matches!(self.ca_key, StoredKey::Absent);
                let command = renew_command(path, if is_absent { ANOTHER_CA } else { "" });
                format!("{command} makes a new one, from the same CA{}", self.without_key())
            }
        };
        Some(Finding::new(id, words(path), message).with_hint(cure))
    }

    /// CA, server and client, with their files.
    fn each(&self) -> [(&Path, &Certificate); 3] {
        [
            (self.anchors.path(), &self.ca),
            (self.server.certificate_path(), self.server.leaf()),
            (self.client.certificate_path(), self.client.leaf()),
        ]
    }

    /// Was this leaf signed by the CA, for this side? Its dates are another finding.
    fn chain(&self, role: Role, identity: &Identity) -> Option<Finding> {
        let (leaf, ca) = (identity.leaf(), &self.ca);
        let refusal = verify::dates_aside(identity.chain(), self.anchors.certificates(), role).err()?;
        let message = format!("a peer that trusts `{}` rejects it: {refusal}", self.anchors.path().display());
        Some(
            Finding::new(FindingId::CertsChainBroken, words(identity.certificate_path()), message)
                .with_evidence("expected", format!("issued by {}", ca.subject))
                .with_evidence("found", format!("issued by {}", leaf.issuer))
                .with_hint(format!(
                    "copy the set again as a whole, or issue it anew: {}",
                    replace_command(identity.certificate_path(), role)
                )),
        )
    }
}

/// The finding about a certificate in `path` that has expired or is not valid yet.
pub fn untimely(path: &Path, summary: &Certificate, now: OffsetDateTime) -> Option<Finding> {
    let (id, words) = date(summary, Duration::ZERO, now)?;
    Some(Finding::new(id, path.display().to_string(), words))
}

/// The same about the certificate of a CA above the leaf in `path`.
pub fn untimely_issuer(path: &Path, issuer: &Certificate, now: OffsetDateTime) -> Option<Finding> {
    let (id, words) = date(issuer, Duration::ZERO, now)?;
    let message = format!("its issuer `{}`: {words}", issuer.subject);
    Some(Finding::new(id, path.display().to_string(), message))
}

/// What is wrong with the dates of a certificate, of which the last `soon` is too near its end.
pub(in crate::pki) fn date(
    summary: &Certificate,
    soon: Duration,
    now: OffsetDateTime,
) -> Option<(FindingId, String)> {
    let Certificate { not_before, not_after, .. } = *summary;
    let left = not_after - now;
    if now < not_before {
        let (from, distance) = (when::timestamp(not_before), when::distance(not_before, now));
        return Some((FindingId::CertsNotYetValid, format!("valid from {from} on, {distance}")));
    }
    let (day, distance) = (when::end(summary), when::distance(not_after, now));
    if left.is_negative() {
        Some((FindingId::CertsExpired, format!("expired {distance}, on {day}")))
    } else if left < soon {
        Some((FindingId::CertsExpiring, format!("expires {distance}, on {day}")))
    } else {
        None
    }
}

/// When a certificate that is valid now expires, in words, if that is near: within the time that was asked about, or
/// in the last third of its lifetime, at most thirty days.
pub fn expiring(summary: &Certificate, within: Option<Within>, now: OffsetDateTime) -> Option<String> {
    let (id, words) = date(summary, end_of(summary.lifetime, within), now)?;
    (id == FindingId::CertsExpiring).then_some(words)
}

/// The end of a life, as it was asked about, or of a length of our choice.
pub(in crate::pki) fn end_of(life: Duration, within: Option<Within>) -> Duration {
    match within {
        None => soon(life),
        // A life that ends before it begins has no part.
        Some(within) => crate::pki::x509::date::signed(within.of(life.try_into().unwrap_or_default())),
    }
}

/// The end of a life in which it is too near its end: a third, and at most thirty days.
pub(in crate::pki) fn soon(life: Duration) -> Duration {
    Duration::days(30).min(life / 3_i32)
}

fn words(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pki::KeyType;
    use crate::pki::set::issue::{SetPlan, issue_set};
    use crate::units::Span;

    const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

    fn stored(plan: &SetPlan) -> StoredSet {
        let set = issue_set(plan, NOW).expect("a set");
        let identity = |name: &str, issued: &crate::pki::ca::authority::Issued| {
            let (certificate, key) = (issued.certificate_pem(), issued.key_pem().expect("a key"));
            Identity::from_pem((Path::new(name), certificate.as_bytes()), (Path::new("key"), key.as_bytes()))
                .expect("a pair")
        };
        StoredSet {
            anchors: Anchors::from_pem(Path::new("ca.crt"), set.ca.certificate_pem().as_bytes())
                .expect("a CA"),
            ca: set.ca.certificate().clone(),
            ca_key: StoredKey::Plain(identity("ca.crt", &set.ca).into()),
            server: identity("server.crt", &set.server),
            client: identity("client.crt", &set.client),
        }
    }

    /// What is found after `later`: id and subject.
    fn found(set: &StoredSet, later: Duration) -> Vec<String> {
        let findings = set.findings(NOW + later);
        findings.into_iter().map(|finding| format!("{} {}", finding.id, finding.subject)).collect()
    }

    #[test]
    fn a_certificate_is_fine_then_expiring_then_expired() {
        let set = stored(&SetPlan::default());
        assert_eq!(found(&set, Duration::days(335) - Duration::SECOND), [""; 0]);
        let leaves = |id: &str| [format!("{id} server.crt"), format!("{id} client.crt")];
        assert_eq!(found(&set, Duration::days(335) + Duration::SECOND), leaves("certs.expiring"));
        assert_eq!(found(&set, Duration::days(365)), leaves("certs.expiring"), "its last second");
        assert_eq!(found(&set, Duration::days(365) + Duration::SECOND), leaves("certs.expired"));
        assert_eq!(found(&set, -Duration::HOUR), [""; 0], "backdated");
        assert_eq!(found(&set, -Duration::HOUR - Duration::SECOND).len(), 3);
    }

    #[test]
    fn a_short_life_is_expiring_in_its_last_third() {
        let hour = Span::from_seconds(3600);
        let set = stored(&SetPlan { lifetime: hour, ca_lifetime: hour, ..SetPlan::default() });
        assert_eq!(found(&set, Duration::minutes(39)), [""; 0], "the hour before is no part of it");
        assert_eq!(found(&set, Duration::minutes(41)).len(), 3);
    }

    #[test]
    fn only_what_was_asked_for_can_be_missing() {
        let set = stored(&SetPlan::default());
        assert!(set.differences(&WantedSet::default()).is_empty());
        let wanted = WantedSet {
            key_type: Some(KeyType::P384),
            ca_lifetime: Some(Span::from_days(1)),
            ..WantedSet::default()
        };
        let differences = set.differences(&wanted);
        assert_eq!(differences.len(), 3, "the CA, and a key of each side");
        assert!(differences.iter().all(|finding| finding.id == FindingId::CertsDiffers));
    }
}

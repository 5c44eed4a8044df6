//! A CA that exists already, made by `egext` or by another program.

use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use crate::pki::ca::profile;
use crate::pki::keys::encrypted_key;
use crate::pki::keys::file::{blocks, unusable};
use crate::pki::keys::pem::Blocks;
use crate::pki::keys::private_key::PrivateKey;
use crate::pki::x509::signature::{self, Signature, signed_by};
use crate::pki::x509::strict;
use crate::pki::{
    Certificate, DecryptError, Encryption, Found, IdentityError, InspectError, Passphrase, PublicKey,
};
use crate::report::{Finding, FindingId, Severity};

use super::climb::Climb;
use super::{ImportError, critical};

/// A CA that was found fit to sign.
#[derive(Debug)]
pub(super) struct Imported {
    pub(super) key: PrivateKey,
    /// From the CA up to its root.
    pub(super) path: Vec<Link>,
    pub(super) findings: Vec<Finding>,
}

/// One certificate on the way up.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) certificate: Certificate,
    /// It signed itself, or says so in a way that cannot be verified.
    pub(super) is_root: bool,
}

/// The CA whose key it is, wherever in its file the certificate stands, and the CAs above it. Each file has the path that
/// messages call it.
pub(super) fn from_pem(
    (certificate, text): (&Path, &[u8]),
    (key, secret): (&Path, &[u8]),
    passphrase: Option<&Passphrase>,
    now: OffsetDateTime,
) -> Result<Imported, ImportError> {
    let key = private_key(key, secret, passphrase)?;
    Candidate { certificate, blocks: blocks(certificate, text)?, text, now }.prove(key)
}

fn private_key(
    path: &Path,
    text: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<(PrivateKey, PathBuf), ImportError> {
    let usable = |key: PrivateKeyDer<'static>| {
        let refused = unusable(path, &key);
        Ok((PrivateKey::new(key).ok_or(refused)?, path.into()))
    };
    let keys = blocks(path, text)?;
    if keys.encryption() == Some(Encryption::OpenSsl) && keys.begins_encrypted {
        // No passphrase opens it here, so none is asked for.
        let source = DecryptError::OldForm;
        return Err(IdentityError::Decrypt { path: path.into(), source }.into());
    }
    if keys.begins_encrypted {
        let Some(passphrase) = passphrase else {
            return Err(ImportError::PassphraseNeeded { path: path.into() });
        };
        return usable(encrypted_key::open(path, text, passphrase)?);
    }
    match keys.keys.first() {
        Some(key) => usable(key.clone_key()),
        None => Err(IdentityError::NoKey { path: path.into(), found: Found::of(text, &keys) }.into()),
    }
}

/// What may turn out to be a CA.
struct Candidate<'a> {
    certificate: &'a Path,
    blocks: Blocks,
    text: &'a [u8],
    now: OffsetDateTime,
}

impl Candidate<'_> {
    fn prove(&self, (key, key_path): (PrivateKey, PathBuf)) -> Result<Imported, ImportError> {
        let path = || self.certificate.to_owned();
        if self.blocks.certificates.is_empty() {
            let found =
                if self.blocks.keys.is_empty() { Found::of(self.text, &self.blocks) } else { Found::Key };
            return Err(IdentityError::NoCertificate { path: path(), found }.into());
        }
        let mut links = Vec::new();
        for (index, certificate) in self.blocks.certificates.iter().enumerate() {
            let malformed = |source| IdentityError::Malformed { path: path(), position: index + 1, source };
            let link = Link::of(certificate).map_err(malformed)?;
            if link.is_root {
                self.refuse_unreadable_root(certificate, index + 1)?;
            }
            links.push(link);
        }
        let public = PublicKey::from_der(key.public_key());
        let has_key =
            |link: &Link| public.as_ref().is_some_and(|public| link.certificate.key.is_same(public));
        let own = links.iter().enumerate().filter(|(_, link)| has_key(link));
        let own = own.map(|(index, _)| index).collect::<Vec<_>>();
        if own.is_empty() {
            return Err(IdentityError::KeyMismatch { certificate: path(), key: key_path }.into());
        }
        let fit = |link: &Link, below| self.fit(link, below);
        let chosen = Climb::new(self.certificate, &links, &fit).best(&own)?;
        let mut links = links.into_iter().map(Some).collect::<Vec<_>>();
        let path = chosen.iter().filter_map(|index| links[*index].take()).collect::<Vec<_>>();
        let mut findings =
            path.iter().take(1).filter_map(|ca| ca.strictness(self.certificate)).collect::<Vec<_>>();
        findings.extend(path.windows(2).filter_map(|pair| pair[0].misfit(&pair[1], self.certificate)));
        findings.extend(path.last().and_then(|root| root.odd_signature(self.certificate)));
        Ok(Imported { key, path, findings })
    }

    /// A signature that cannot be verified proves nothing about a certificate, so a root has to be sound for those who
    /// will trust it: DER, and one algorithm in both places.
    fn refuse_unreadable_root(
        &self,
        certificate: &CertificateDer<'_>,
        position: usize,
    ) -> Result<(), ImportError> {
        let path = self.certificate.to_owned();
        let unusable =
            |source: webpki::Error| IdentityError::UnusableAnchor { path, position, source: source.into() };
        webpki::anchor_from_trusted_cert(certificate).map_err(unusable)?;
        Ok(())
    }

    /// May `link` sign, with `below` other CAs between it and a leaf?
    fn fit(&self, link: &Link, below: usize) -> Result<(), ImportError> {
        let (path, certificate) = (self.certificate.to_owned(), &link.certificate);
        let subject = certificate.subject.clone();
        let Certificate { not_before, not_after, is_ca, .. } = *certificate;
        let is_authority = is_ca || link.is_root && link.is_old();
        if !is_authority {
            Err(match link.is_old() {
                true => ImportError::OldCertificate { path, subject },
                false => ImportError::NotACa { path, subject },
            })
        } else if certificate.key_usages().is_some_and(|usages| !usages.key_cert_sign()) {
            Err(ImportError::NoCertificateSign { path, subject })
        } else if let Some(reason) = certificate.key.refusal() {
            let kind = certificate.key.to_string();
            Err(ImportError::UnsupportedKey { path, subject, kind, reason })
        } else if signature::weak_hash(certificate).is_some() && !link.is_root {
            Err(ImportError::WeakHash { path, subject })
        } else if critical::constrains_subjects(certificate) {
            Err(ImportError::DirectoryNames { path, subject })
        } else if let Some(extension) = critical::unknown(certificate).filter(|_| !link.is_root) {
            Err(ImportError::CriticalExtension { path, subject, extension })
        } else if not_after < self.now {
            Err(ImportError::Expired { path, subject, not_after })
        } else if self.now < not_before {
            Err(ImportError::NotYetValid { path, subject, not_before })
        } else if certificate
            .path_length
            .is_some_and(|limit| usize::try_from(limit).is_ok_and(|limit| limit < below))
        {
            Err(ImportError::PathLength { path, subject })
        } else {
            Ok(())
        }
    }
}

impl Link {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, InspectError> {
        let certificate = Certificate::of(certificate)?;
        let own_signature = certificate.self_issued.then(|| signed_by(&certificate, &certificate));
        let is_root = match own_signature {
            Some(Signature::Own) => true,
            // Taken at its word because of the algorithm, not because its key cannot be read. The next key of a CA, signed
            // by its last one, has its name for an issuer too.
            Some(Signature::Unsupported) => {
                let is_odd =
                    signature::weak_hash(&certificate).is_some() || !signature::is_common(&certificate);
                let own_key = certificate.subject_key_identifier();
                let issuer_key = certificate.authority_key_identifier();
                is_odd && (issuer_key.is_none() || own_key.is_none() || issuer_key == own_key)
            }
            Some(Signature::Foreign) | None => false,
        };
        Ok(Self { certificate, is_root })
    }

    /// The authority key identifier of the leaf certificates: copied, or computed if the CA has none.
    pub(super) fn authority_key_identifier(&self) -> Vec<u8> {
        let own = self.certificate.subject_key_identifier();
        own.map_or_else(|| profile::key_identifier(&self.certificate.key), <[u8]>::to_vec)
    }

    /// Of X.509 version 1, which has no basicConstraints. As a root Go, OpenSSL, BoringSSL and webpki take it for a CA,
    /// below a root none of them does.
    fn is_old(&self) -> bool {
        self.certificate.version < 3 && self.certificate.extensions().is_empty()
    }

    /// The same name and key, perhaps in another certificate.
    pub(super) fn is_same_ca(&self, other: &Self) -> bool {
        let [own, other] = [self, other].map(|link| &link.certificate);
        own.raw_subject() == other.raw_subject() && own.key.der() == other.key.der()
    }

    /// Why only strict verifiers reject it.
    fn strictness(&self, path: &Path) -> Option<Finding> {
        if self.is_old() {
            let message = "the CA is an X.509 version 1 certificate, which cannot say that it is a CA, so strict verifiers reject what it signs";
            return Some(Finding::new(FindingId::CertsCaNotStrict, path.display().to_string(), message));
        }
        let lacks = strict::lacks(&self.certificate, self.is_root);
        if lacks.is_empty() {
            return None;
        }
        let message = format!("the CA has {}, so strict verifiers reject what it signs", lacks.join(" and "));
        Some(Finding::new(FindingId::CertsCaNotStrict, path.display().to_string(), message))
    }

    /// Why OpenSSL rejects its issuer.
    fn misfit(&self, issuer: &Self, path: &Path) -> Option<Finding> {
        let [named, found] = strict::mismatch(&self.certificate, &issuer.certificate)?;
        let (name, issuer) = (&self.certificate.subject, &issuer.certificate.subject);
        let message = format!(
            "the authority key identifier of `{name}` does not fit `{issuer}`, so OpenSSL rejects it"
        );
        let finding = Finding::new(FindingId::CertsIssuerMisfit, path.display().to_string(), message);
        Some(finding.with_evidence("expected", named).with_evidence("found", found))
    }

    /// A note about a root whose signature would count if it were not a root.
    fn odd_signature(&self, path: &Path) -> Option<Finding> {
        let id = match signature::weak_hash(&self.certificate) {
            Some(_) => FindingId::CertsWeakSignature,
            None if signature::is_common(&self.certificate) => return None,
            None => FindingId::CertsUnsupportedSignature,
        };
        let message = format!(
            "the root `{}` is signed with {}; it can be used, since verifiers do not check the signature of a root",
            self.certificate.subject,
            signature::name(&self.certificate)
        );
        let mut finding = Finding::new(id, path.display().to_string(), message);
        finding.severity = Severity::Info;
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::pki::keys::pem;
    use crate::pki::set::issue::{SetPlan, issue_set};

    const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

    fn prove(certificate: &[u8], key: &[u8], now: OffsetDateTime) -> Result<Imported, ImportError> {
        let path = Path::new("ca.crt");
        let key = private_key(Path::new("ca.key"), key, None)?;
        Candidate { certificate: path, blocks: blocks(path, certificate)?, text: certificate, now }.prove(key)
    }

    #[test]
    fn a_ca_signs_from_its_first_second_to_its_last() {
        let set = issue_set(&SetPlan::default(), NOW).expect("a set");
        let key = set.ca.key_pem().expect("a key");
        let at = |now| prove(set.ca.certificate_pem().as_bytes(), key.as_bytes(), now);
        let Certificate { not_before, not_after, .. } = *set.ca.certificate();
        at(not_before).expect("its first second");
        at(not_after).expect("its last second");
        assert!(matches!(at(not_before - Duration::SECOND), Err(ImportError::NotYetValid { .. })));
        assert!(matches!(at(not_after + Duration::SECOND), Err(ImportError::Expired { .. })));
    }

    #[test]
    fn no_octet_of_a_root_can_be_changed() {
        let set = issue_set(&SetPlan::default(), NOW).expect("a set");
        let (der, key) = (set.ca.certificate().der.to_vec(), set.ca.key_pem().expect("a key"));
        for position in 0..der.len() {
            for mask in [0x01, 0x46, 0xa0] {
                let mut der = der.clone();
                der[position] ^= mask;
                let text = pem::write("CERTIFICATE", &der);
                assert!(prove(text.as_bytes(), key.as_bytes(), NOW).is_err(), "{position} {mask:x}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A certificate that was changed anywhere is refused, or its change is in what only its issuer vouches for.
        #[test]
        fn no_change_panics(changes in prop::collection::vec((0_usize..500, any::<u8>()), 1..4)) {
            let set = issue_set(&SetPlan::default(), NOW).expect("a set");
            let mut der = set.ca.certificate().der.to_vec();
            let original = der.clone();
            for (position, octet) in changes {
                let length = der.len();
                der[position % length] = octet;
            }
            let text = pem::write("CERTIFICATE", &der);
            let proven = prove(text.as_bytes(), set.ca.key_pem().expect("a key").as_bytes(), NOW);
            // Its signature covers all of it, and is covered by its own key.
            prop_assert!(proven.is_err() || der == original);
        }

        #[test]
        fn no_soup_panics(soup in "(-----BEGIN (CERTIFICATE|EC PRIVATE KEY|ENCRYPTED PRIVATE KEY)-----\n[A-Za-z0-9+/=]{0,40}\n-----END (CERTIFICATE|EC PRIVATE KEY|ENCRYPTED PRIVATE KEY)-----\n){0,3}") {
            prop_assert!(prove(soup.as_bytes(), soup.as_bytes(), NOW).is_err());
            let _ = pem::encrypted_key(soup.as_bytes());
        }
    }
}

use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::concatenated::{BrokenCertificate, certificates};
use crate::pki::{Role, go_x509};
use crate::pki::{SpiffeId, SpiffeIdError, TrustDomain};

/// The CAs of trust domains: a certificate counts only below a CA of the trust domain that its id is of.
#[derive(Clone, Debug, Default)]
pub struct TrustBundles(BTreeMap<TrustDomain, Vec<CertificateDer<'static>>>);

/// Why a bundle cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BundleError {
    #[error("{0}, in the CAs of a trust domain")]
    Broken(#[from] BrokenCertificate),
    #[error("CAs for what is not a trust domain: {0}")]
    TrustDomain(#[from] SpiffeIdError),
}

/// Why the certificates of a peer are rejected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SvidRefusal {
    #[error("{0}")]
    Chain(go_x509::Refusal),
    #[error("it has no SPIFFE id: {0}")]
    Id(#[from] SpiffeIdError),
    #[error("it is that of a CA")]
    IsCa,
    #[error("there are no CAs for its trust domain `{0}`")]
    NoBundle(TrustDomain),
    #[error("it has the key usage `{0}`")]
    Usage(&'static str),
}

impl TrustBundles {
    /// Adds the CAs of a trust domain, or replaces them: certificates in DER one behind the other, none at all among it. The
    /// trust domain may be called by an id of it.
    ///
    /// # Errors
    /// When it is not a trust domain, or one of the certificates cannot be read.
    pub fn add(&mut self, domain: &str, authorities: &[u8]) -> Result<(), BundleError> {
        let domain = TrustDomain::parse(domain)?;
        let own = |der: &[u8]| CertificateDer::from(der.to_vec());
        self.0.insert(domain, certificates(authorities)?.iter().map(|part| own(part.der)).collect());
        Ok(())
    }

    /// Whose certificate is this, leaf certificate first?
    ///
    /// No host name counts, and no extended key usage.
    ///
    /// # Errors
    /// When it is not one of a workload, or leads to no CA of its trust domain.
    pub fn verify(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<SpiffeId, SvidRefusal> {
        let leaf = chain.first().ok_or(SvidRefusal::Chain(go_x509::Refusal::NoCertificate))?;
        let malformed = |words| go_x509::Refusal::Malformed { role: Role::Server, words };
        let facts = go_x509::facts(leaf).map_err(|words| SvidRefusal::Chain(malformed(words)))?;
        let id = SpiffeId::of_certificate(&facts.uris)?;
        if facts.is_ca {
            return Err(SvidRefusal::IsCa);
        }
        let usages = [("keyCertSign", facts.signs_certificates), ("cRLSign", facts.signs_revocation_lists)];
        if let Some((usage, _)) = usages.into_iter().find(|(_, has)| *has) {
            return Err(SvidRefusal::Usage(usage));
        }
        let domain = id.trust_domain();
        let Some(authorities) = self.0.get(&domain) else { return Err(SvidRefusal::NoBundle(domain)) };
        go_x509::verify_for_any_purpose(chain, authorities, Role::Server, now).map_err(SvidRefusal::Chain)?;
        Ok(id)
    }
}

use std::path::Path;

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::concatenated::{BrokenCertificate, certificates};
use crate::pki::go_x509::Facts;
use crate::pki::{Certificate, Identity, IdentityError, InspectError};
use crate::pki::{SpiffeId, SpiffeIdError};

/// Who a workload is: an id, the certificate that says so with its chain, and the key.
#[derive(Debug)]
pub struct X509Svid {
    id: SpiffeId,
    identity: Identity,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SvidError {
    #[error(transparent)]
    Broken(#[from] BrokenCertificate),
    #[error("the certificate is not for a workload: {0}")]
    Id(#[from] SpiffeIdError),
    #[error("certificate {position} cannot be read")]
    Inspect { position: usize, source: InspectError },
    #[error("the certificate of the workload is that of a CA")]
    IsCa,
    #[error("there is no certificate")]
    NoCertificate,
    #[error(
        "certificate {position}, above that of the workload, is not that of a CA with the usage `keyCertSign`"
    )]
    NoSigner { position: usize },
    #[error("the certificate is for a trust domain, not for a workload: `{0}` has no path")]
    NoWorkload(SpiffeId),
    #[error(transparent)]
    Pair(#[from] IdentityError),
    #[error("the certificate of the workload must {} the key usage `{usage}`", if *.needed { "have" } else { "not have" })]
    Usage { usage: &'static str, needed: bool },
}

impl X509Svid {
    /// Reads a chain, leaf certificate first, all in DER one behind the other, and the key in PKCS#8. `names` are what messages
    /// call the two.
    ///
    /// # Errors
    /// When X509-SVID does not allow the chain, or the two are not a pair. Signatures are left to the peer.
    pub fn of(chain: &[u8], mut key: Zeroizing<Vec<u8>>, names: (&Path, &Path)) -> Result<Self, SvidError> {
        let parts = certificates(chain)?;
        let Some((leaf, signers)) = parts.split_first() else { return Err(SvidError::NoCertificate) };
        let id = of_workload(&leaf.facts)?;
        let is_signer = |facts: &Facts| facts.is_ca && facts.signs_certificates;
        if let Some(index) = signers.iter().position(|signer| !is_signer(&signer.facts)) {
            return Err(SvidError::NoSigner { position: index + 2 });
        }
        let read = |(index, part): (usize, &[u8])| {
            let der = CertificateDer::from_slice(part);
            Certificate::of(&der).map_err(|source| SvidError::Inspect { position: index + 1, source })
        };
        let chain = parts.iter().map(|part| part.der).enumerate().map(read).collect::<Result<_, _>>()?;
        let key = PrivatePkcs8KeyDer::from(std::mem::take(&mut *key));
        let identity = Identity::of_der(names, chain, Zeroizing::new(PrivateKeyDer::Pkcs8(key)))?;
        Ok(Self { id, identity })
    }

    /// Whom it is for.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// What TLS presents.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

fn of_workload(leaf: &Facts) -> Result<SpiffeId, SvidError> {
    let id = SpiffeId::of_certificate(&leaf.uris)?;
    if id.path().is_empty() {
        return Err(SvidError::NoWorkload(id));
    }
    if leaf.is_ca {
        return Err(SvidError::IsCa);
    }
    let usages = [
        ("digitalSignature", leaf.signs_data, true),
        ("keyCertSign", leaf.signs_certificates, false),
        ("cRLSign", leaf.signs_revocation_lists, false),
    ];
    match usages.into_iter().find(|(_, has, needed)| has != needed) {
        Some((usage, _, needed)) => Err(SvidError::Usage { usage, needed }),
        None => Ok(id),
    }
}

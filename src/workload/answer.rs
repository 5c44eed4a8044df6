use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use zeroize::{Zeroize as _, Zeroizing};

use super::Workload;
use crate::pki::{BundleError, SvidError, TrustBundles, X509Svid};

/// `X509SVIDRequest` of SPIFFE's `workload.proto`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct X509SvidRequest {}

/// `X509SVIDResponse`, without the revocation lists, which go-spiffe does not use either.
#[derive(PartialEq, prost::Message)]
pub(super) struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<X509SvidMessage>,
    /// By the ids of other trust domains.
    #[prost(map = "string, bytes", tag = "3")]
    federated_bundles: HashMap<String, Vec<u8>>,
}

/// `X509SVID`
#[derive(PartialEq, prost::Message)]
#[prost(skip_debug)]
struct X509SvidMessage {
    #[prost(string, tag = "1")]
    spiffe_id: String,
    #[prost(bytes = "vec", tag = "2")]
    x509_svid: Vec<u8>,
    /// Wiped when it is dropped, as far as it is ours: what HTTP/2 has read is in buffers of its own.
    #[prost(bytes = "vec", tag = "3")]
    x509_svid_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    bundle: Vec<u8>,
    #[prost(string, tag = "5")]
    hint: String,
}

impl fmt::Debug for X509SvidMessage {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("X509SvidMessage").field("spiffe_id", &self.spiffe_id).finish_non_exhaustive()
    }
}

impl Drop for X509SvidMessage {
    fn drop(&mut self) {
        self.x509_svid_key.zeroize();
    }
}

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AnswerError {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("it has no certificate for this process")]
    Empty,
    #[error(transparent)]
    Svid(#[from] SvidError),
}

impl X509SvidResponse {
    /// One identity that cannot be used spoils them all.
    pub(super) fn into_workload(mut self) -> Result<Workload, AnswerError> {
        let (mut first, mut hints) = (None, Vec::new());
        for message in &mut self.svids {
            // Of several with the same hint the first counts.
            if !message.hint.is_empty() && hints.contains(&message.hint) {
                continue;
            }
            hints.push(message.hint.clone());
            let key = Zeroizing::new(std::mem::take(&mut message.x509_svid_key));
            let svid =
                X509Svid::of(&message.x509_svid, key, (Path::new("x509_svid"), Path::new("x509_svid_key")))?;
            first.get_or_insert(svid);
        }
        let svid = first.ok_or(AnswerError::Empty)?;
        let mut bundles = TrustBundles::default();
        let own = self.svids.iter().map(|message| (&message.spiffe_id, &message.bundle));
        for (domain, bundle) in own.chain(&self.federated_bundles) {
            bundles.add(domain, bundle)?;
        }
        Ok(Workload { svid, bundles })
    }
}

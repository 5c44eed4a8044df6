//! X509-SVIDs: certificates by which workloads know each other, whatever host they run on.
//!
//! Rules: SPIFFE's documents SPIFFE-ID and X509-SVID, as go-spiffe v2.8.1 follows them. Go's parser and Go's verifier decide
//! there, so they are asked here, too.

pub(super) mod bundles;
mod concatenated;
pub(super) mod svid;

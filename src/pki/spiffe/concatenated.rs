use crate::pki::go_x509::{Facts, facts};
use crate::pki::x509::der;

/// One certificate of several.
pub(super) struct Part<'a> {
    pub(super) der: &'a [u8],
    pub(super) facts: Facts,
}

/// A certificate that Go's parser rejects.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("certificate {position} cannot be read: {words}")]
pub struct BrokenCertificate {
    /// Which, counted from one.
    position: usize,
    /// How Go says so.
    words: String,
}

/// Certificates in DER, each behind the one before, without anything between them.
pub(super) fn certificates(mut rest: &[u8]) -> Result<Vec<Part<'_>>, BrokenCertificate> {
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let broken = |words| BrokenCertificate { position: parts.len() + 1, words };
        // What has no end is broken as a whole.
        let (der, behind) = der::element(rest).unwrap_or((rest, &[]));
        let facts = facts(der).map_err(broken)?;
        parts.push(Part { der, facts });
        rest = behind;
    }
    Ok(parts)
}

use super::extensions::{CRL_SIGN, DIGITAL_SIGNATURE, KEY_CERT_SIGN};
use super::parsed::Parsed;
use super::uri::Uri;

/// What Go's parser says of a certificate, as far as SPIFFE asks for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::pki) struct Facts {
    /// The URIs among its names, as Go writes them.
    pub(in crate::pki) uris: Vec<String>,
    pub(in crate::pki) is_ca: bool,
    /// Its key usages. Without that extension it has none of them.
    pub(in crate::pki) signs_data: bool,
    pub(in crate::pki) signs_certificates: bool,
    pub(in crate::pki) signs_revocation_lists: bool,
}

/// Reads a certificate in DER.
///
/// # Errors
/// How Go says that it is none.
pub(in crate::pki) fn facts(der: &[u8]) -> Result<Facts, String> {
    let extensions = Parsed::of(der).map_err(|malformed| malformed.0)?.extensions;
    let has = |bit: u16| extensions.key_usage & bit != 0;
    Ok(Facts {
        uris: extensions.uris.iter().map(Uri::written).collect(),
        is_ca: matches!(extensions.constraints, Some((true, _))),
        signs_data: has(DIGITAL_SIGNATURE),
        signs_certificates: has(KEY_CERT_SIGN),
        signs_revocation_lists: has(CRL_SIGN),
    })
}

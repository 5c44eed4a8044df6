//! What certificates and key files are, whatever they are: for `certs show` and `certs check`, which must also
//! cope with files that nothing else of this program would take.

mod file;

pub use super::KEY_CERT_SIGN;
pub use file::{KeyFile, PemFile, directory, entries};

use rustls_pki_types::CertificateDer;

use super::signature;
use super::{InspectError, Summary, pem};

/// Everything that a certificate says. Nothing in it has been verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Certificate {
    /// Itself.
    pub der: CertificateDer<'static>,
    /// What matters most.
    pub summary: Summary,
    /// What its key may be used for, by the names of RFC 5280; none where it does not say.
    pub key_usages: Option<Vec<&'static str>>,
    /// Which purposes it has, by the names of RFC 5280 or as numbers; none where it does not say.
    pub extended_key_usages: Option<Vec<String>>,
    /// How many CAs may stand between it and a leaf, where it says.
    pub path_length: Option<u32>,
    /// How it was signed, such as `ECDSA with SHA-256`.
    pub signature: String,
    /// The same, where that can be forged.
    pub weak_signature: Option<&'static str>,
    /// Why its key is too weak, where it is.
    pub weak_key: Option<&'static str>,
    /// Why no common TLS stack takes its key, if none does.
    pub unsupported_key: Option<&'static str>,
    /// It was signed in a way that no common TLS stack verifies.
    pub unsupported_signature: bool,
    /// 1, 2 or 3.
    pub version: u32,
    /// The serial number as a decimal number, as some tools have it.
    pub serial_decimal: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// SHA-256 of its key (subjectPublicKeyInfo), in hexadecimal. Stays when a renewal keeps the key.
    pub key_fingerprint: String,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// When it is not the DER encoding of an X.509 certificate.
    pub fn of(der: &CertificateDer<'_>) -> Result<Self, InspectError> {
        let summary = Summary::of(der)?;
        let extended = summary.extended_key_usages();
        Ok(Self {
            der: der.clone().into_owned(),
            key_usages: summary.key_usages().map(|usages| usages.names().collect()),
            extended_key_usages: extended
                .map(|usages| usages.names().iter().map(ToString::to_string).collect()),
            path_length: summary.path_length,
            signature: signature::name(&summary).into_owned(),
            weak_signature: signature::weak_hash(&summary),
            weak_key: summary.key.weakness(),
            unsupported_key: summary.key.refusal(),
            unsupported_signature: !signature::is_common(&summary),
            version: summary.version,
            serial_decimal: summary.serial_decimal(),
            fingerprint: summary.fingerprint(),
            key_fingerprint: summary.key.fingerprint(),
            summary,
        })
    }

    /// Did `issuer` issue it: does it say so, and is the signature of its key?
    ///
    /// A signature of a kind that nobody checks any more is taken at its word.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        self.summary.is_issued_by(&issuer.summary)
    }

    /// Itself, as a PEM block.
    pub fn pem(&self) -> String {
        pem::write("CERTIFICATE", &self.der).to_string()
    }
}

/// Where a chain stops being one: the position, counted from one, of the first certificate that did not issue
/// the one before it.
pub fn first_out_of_order(chain: &[Certificate]) -> Option<usize> {
    chain.windows(2).position(|pair| !pair[0].is_issued_by(&pair[1])).map(|index| index + 2)
}

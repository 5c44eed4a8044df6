//! What certificates and key files are, whatever they are: for `certs show` and `certs check`, which must also
//! cope with files that nothing else of this program would take.

mod file;

pub use file::{KeyFile, PemFile, directory, entries};

use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage, ParsedExtension};

use super::signature::{self, Signature};
use super::{InspectError, Summary, key_kind, pem};
use crate::crypto::digest::{SHA256, digest};

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
        let parsed = parse(der).ok_or(InspectError::Malformed("it cannot be read twice"))?;
        let mut certificate = Self {
            der: der.clone().into_owned(),
            key_usages: None,
            extended_key_usages: None,
            path_length: None,
            signature: signature::name(&parsed).into_owned(),
            weak_signature: signature::weak_hash(&parsed),
            weak_key: weakness(&summary.key),
            unsupported_key: key_kind::refusal(parsed.public_key()),
            unsupported_signature: !signature::is_common(&parsed),
            version: parsed.version().0.saturating_add(1),
            serial_decimal: parsed.tbs_certificate.serial.to_string(),
            fingerprint: sha256(der),
            key_fingerprint: sha256(parsed.public_key().raw),
            summary,
        };
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(found) => {
                    certificate.path_length = found.path_len_constraint;
                }
                ParsedExtension::KeyUsage(found) => certificate.key_usages = Some(key_usages(found)),
                ParsedExtension::ExtendedKeyUsage(found) => {
                    certificate.extended_key_usages = Some(extended_key_usages(found));
                }
                _ => {}
            }
        }
        Ok(certificate)
    }

    /// Did `issuer` issue it: does it say so, and is the signature of its key?
    ///
    /// A signature of a kind that nobody checks any more is taken at its word.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        if self.summary.issuer != issuer.summary.subject {
            return false;
        }
        let (Some(own), Some(other)) = (parse(&self.der), parse(&issuer.der)) else { return false };
        own.issuer().as_raw() == other.subject().as_raw()
            && signature::signed_by(&own, &other) != Signature::Foreign
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

/// What a verifier of today says about a key of this kind and size.
pub(super) fn weakness(key: &str) -> Option<&'static str> {
    match key.strip_prefix("RSA ").map(str::parse::<u32>) {
        Some(Ok(..2048)) => {
            Some("RSA keys of less than 2048 bits can be broken, and most verifiers refuse them")
        }
        Some(Ok(8193..)) => Some("RSA keys of more than 8192 bits are refused by Go and webpki"),
        _ if key == "P-224" => Some("BoringSSL and webpki do not know the curve P-224"),
        _ => None,
    }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

fn sha256(octets: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, octets).as_ref())
}

fn key_usages(usage: &KeyUsage) -> Vec<&'static str> {
    [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), KEY_CERT_SIGN),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect()
}

fn extended_key_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    [
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .map(|(_, name)| name.to_owned())
    .chain(usage.other.iter().map(x509_parser::asn1_rs::Oid::to_id_string))
    .collect()
}

/// The usage that a CA cannot do without.
pub const KEY_CERT_SIGN: &str = "keyCertSign";

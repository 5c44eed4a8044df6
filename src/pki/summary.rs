use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::nom;

use super::{DistinguishedName, Role, SubjectName, date, key_kind, lifetime};

/// What a certificate says, in words. Nothing in it has been verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// Whom it was issued to.
    pub subject: DistinguishedName,
    /// Who says that it did.
    pub issuer: DistinguishedName,
    /// Subject and issuer are the same, octet by octet: it is a root, or stands for itself alone.
    pub self_issued: bool,
    /// The serial number's octets in hexadecimal, without leading zeros.
    pub serial: String,
    /// The first second of its life.
    pub not_before: OffsetDateTime,
    /// The last second of its life.
    pub not_after: OffsetDateTime,
    /// How long it was meant to live when it was issued.
    pub lifetime: Duration,
    /// What a peer may call its holder. Empty: no modern TLS stack accepts it from a server.
    pub names: Vec<SubjectName>,
    /// It may sign other certificates (basicConstraints).
    pub is_ca: bool,
    /// It may be presented by a server: its extended key usage says so, allows any, or is absent.
    pub server_auth: bool,
    /// It may be presented by a client: its extended key usage says so, allows any, or is absent.
    pub client_auth: bool,
    /// Kind and size of its key, such as `P-256` or `RSA 2048`.
    pub key: String,
    /// Length of its key in bits if that is an RSA key.
    pub rsa_bits: Option<usize>,
}

impl Summary {
    /// True if its extended key usage permits this side, or does not restrict any.
    pub fn permits(&self, role: Role) -> bool {
        match role {
            Role::Client => self.client_auth,
            Role::Server => self.server_auth,
        }
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// When it is not the DER encoding of an X.509 certificate.
    pub fn of(der: &CertificateDer<'_>) -> Result<Self, InspectError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| InspectError::of(&error))?;
        if !rest.is_empty() {
            return Err(InspectError::TrailingOctets(rest.len()));
        }
        let mut summary = Self {
            subject: DistinguishedName::of(certificate.subject()),
            issuer: DistinguishedName::of(certificate.issuer()),
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            serial: serial(certificate.raw_serial()),
            not_before: date::utc(certificate.validity().not_before.to_datetime()),
            not_after: date::utc(certificate.validity().not_after.to_datetime()),
            lifetime: lifetime::of(&certificate),
            names: Vec::new(),
            is_ca: false,
            server_auth: true,
            client_auth: true,
            key: key_kind::name(certificate.public_key()),
            rsa_bits: key_kind::rsa_bits(certificate.public_key()),
        };
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => summary.is_ca = constraints.ca,
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    summary.server_auth = usage.any || usage.server_auth;
                    summary.client_auth = usage.any || usage.client_auth;
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    summary.names = names.general_names.iter().map(SubjectName::of).collect();
                }
                _ => {}
            }
        }
        Ok(summary)
    }
}

/// What should be a certificate is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// Not the DER encoding of a certificate.
    #[error("not an X.509 certificate ({0})")]
    Malformed(&'static str),
    /// A certificate, with something behind it.
    #[error("{0} octets follow the certificate")]
    TrailingOctets(usize),
}

impl InspectError {
    /// What the parser says, in words: its own hold debug text.
    pub(super) fn of(error: &nom::Err<X509Error>) -> Self {
        Self::Malformed(match error {
            nom::Err::Incomplete(_) => "it is cut short",
            nom::Err::Error(error) | nom::Err::Failure(error) => part(error),
        })
    }
}

/// The part of a certificate that is malformed.
fn part(error: &X509Error) -> &'static str {
    match error {
        X509Error::InvalidAlgorithmIdentifier => "an algorithm in it is malformed",
        X509Error::DuplicateAttributes => "an attribute in it is there twice",
        X509Error::DuplicateExtensions => "one of its extensions is there twice",
        X509Error::InvalidAttributes => "an attribute in it is malformed",
        X509Error::InvalidDate => "one of its dates is malformed",
        X509Error::InvalidExtensions => "its extensions are malformed",
        X509Error::InvalidIssuerUID | X509Error::InvalidSubjectUID => {
            "a unique identifier in it is malformed"
        }
        X509Error::InvalidSerial => "its serial number is malformed",
        X509Error::InvalidSignatureValue => "its signature is malformed",
        X509Error::InvalidSPKI => "its key is malformed",
        X509Error::InvalidVersion => "its version is malformed",
        X509Error::InvalidX509Name => "a name in it is malformed",
        _ => "its DER encoding is malformed",
    }
}

fn serial(octets: &[u8]) -> String {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    HEXLOWER.encode(&octets[zeros.min(octets.len().saturating_sub(1))..])
}

//! Why webpki rejects a certificate, in words.

use std::fmt::{self, Display};
use std::net::IpAddr;

use webpki::Error;

/// Why rustls's verifier refuses a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// webpki's reason.
    Verifier(Error),
}

impl Refusal {
    /// Would another moment change it?
    pub(crate) fn is_about_dates(&self) -> bool {
        let Self::Verifier(error) = self;
        matches!(error, Error::CertExpired { .. } | Error::CertNotValidYet { .. })
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Verifier(error)
    }
}

impl std::error::Error for Refusal {}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Verifier(error) = self;
        match error {
            Error::CertNotValidForName(context) => write!(
                f,
                "it is for {}",
                if context.presented.is_empty() {
                    "no name".to_owned()
                } else {
                    context.presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ")
                }
            ),
            error => f.write_str(words(error)),
        }
    }
}

/// A name without its kind: webpki writes `DnsName("localhost")` and `IpAddress(0::1)`.
fn bare(presented: &str) -> String {
    let name = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(presented);
    let name = name.trim_matches('"');
    name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), |address| address.to_string())
}

/// In the order of the alphabet.
fn words(error: &Error) -> &'static str {
    match error {
        Error::BadDer | Error::MalformedExtensions | Error::TrailingData(_) => "it is not sound DER",
        Error::BadDerTime => "one of its dates is malformed",
        Error::CaUsedAsEndEntity => "it is a CA's certificate",
        Error::CertExpired { .. } => "it has expired",
        Error::CertNotValidYet { .. } => "it is not yet valid",
        Error::CertRevoked => "it has been revoked",
        Error::CrlExpired { .. } => "the revocation list of its CA has expired",
        Error::EmptyEkuExtension => "its extended key usage is empty",
        Error::EndEntityUsedAsCa => "its issuer is not a CA",
        Error::ExtensionValueInvalid => "one of its extensions is malformed",
        Error::InvalidCrlNumber => "its number is malformed",
        Error::InvalidCrlSignatureForPublicKey => "the revocation list was not signed by its CA",
        Error::IssuerNotCrlSigner => "its CA may not sign revocation lists",
        Error::InvalidCertValidity => "it ends before it begins",
        Error::InvalidNetworkMaskConstraint | Error::MalformedNameConstraint => {
            "the name constraints of a CA above it are malformed"
        }
        Error::InvalidSerialNumber => "its serial number is malformed",
        Error::InvalidSignatureForPublicKey => "its signature is not of the issuer's key",
        Error::MalformedDnsIdentifier => "one of its DNS names is malformed",
        Error::MaximumNameConstraintComparisonsExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded => "there are too many certificates on the way to a CA",
        Error::NameConstraintViolation => "a CA above it may not sign for its names",
        Error::PathLenConstraintViolated => "there are more CAs above it than a path length allows",
        Error::RequiredEkuNotFoundContext(_) => "its extended key usage does not allow this side",
        Error::SignatureAlgorithmMismatch => "its two signature algorithms differ",
        Error::UnknownRevocationStatus => "no revocation list covers it",
        Error::UnsupportedCrlVersion => "it is of version 1",
        Error::UnsupportedDeltaCrl => "it is a delta list, which has only what is new since another list",
        Error::UnsupportedIndirectCrl => {
            "it is an indirect list, which is not signed by the CA that it is about"
        }
        Error::UnsupportedCrlIssuingDistributionPoint => {
            "it is for a part of the certificates only, by rules that are not supported"
        }
        Error::UnknownIssuer => "it does not lead to a trusted CA",
        Error::UnsupportedCertVersion => "it is an X.509 version 1 certificate",
        Error::UnsupportedCriticalExtension => "it has a critical extension that is not known",
        Error::UnsupportedNameType => "one of its names is of a kind that is not supported",
        Error::UnsupportedSignatureAlgorithmContext(_) => "its signature algorithm is not supported",
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "its signature algorithm is not one of the issuer's key"
        }
        _ => "rustls gives no reason",
    }
}

use x509_parser::error::X509Error;
use x509_parser::nom;

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
    pub(in crate::pki) fn of(error: &nom::Err<X509Error>) -> Self {
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

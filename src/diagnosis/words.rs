//! Errors of rustls and webpki in words: both print some of their errors in Rust's debugging format.

use std::borrow::Cow;

use rustls::CertificateError;

use crate::pki::signature;

/// Why a certificate cannot be used; goes on after "the certificate cannot be used: ".
pub(super) fn certificate(error: &CertificateError) -> Cow<'static, str> {
    match error {
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: id, .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: id,
            ..
        } => match signature::name_of(id) {
            Some(name) => format!("it is signed with {name}, which we do not accept").into(),
            None => "its signature is of a kind that we do not accept".into(),
        },
        CertificateError::BadEncoding => "it is not well-formed DER".into(),
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            "the revocation list of its CA has expired".into()
        }
        CertificateError::UnknownRevocationStatus => "no revocation list covers it".into(),
        CertificateError::Revoked => "it has been revoked".into(),
        CertificateError::UnhandledCriticalExtension => {
            "it has a critical extension that we do not know, so we may not use it".into()
        }
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(error) => webpki(error),
            None => "the verifier refuses it without a reason".into(),
        },
        other => variant(other).into(),
    }
}

fn webpki(error: &webpki::Error) -> Cow<'static, str> {
    let known = WEBPKI.iter().find(|(known, _)| known == error);
    known.map_or_else(|| variant(error).into(), |(_, words)| (*words).into())
}

/// What ended a handshake, when neither a certificate nor an alert did.
pub(super) fn handshake(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InappropriateMessage { got_type, .. } => {
            format!("the server sent a message out of turn: {}", message_kind(got_type))
        }
        rustls::Error::InappropriateHandshakeMessage { got_type, .. } => {
            format!("the server sent a handshake message out of turn: {}", message_kind(got_type))
        }
        rustls::Error::InvalidMessage(why) => format!("the server sent a corrupt message: {}", variant(why)),
        rustls::Error::PeerMisbehaved(why) => format!("the server broke the rules of TLS: {}", variant(why)),
        rustls::Error::PeerSentOversizedRecord => "the server sent a record that is too large".to_owned(),
        rustls::Error::DecryptError => "what the server sent cannot be decrypted".to_owned(),
        rustls::Error::NoCertificatesPresented => "the server presents no certificate".to_owned(),
        rustls::Error::General(text) => text.clone(),
        other => variant(other),
    }
}

/// A kind that rustls does not know is shown by the name of the type.
fn message_kind(kind: &impl std::fmt::Debug) -> String {
    match variant(kind) {
        name if name.ends_with(" type") => "of an unknown kind".to_owned(),
        name => name,
    }
}

/// The name of an enum's variant as words: `NoCipherSuitesInCommon` is "no cipher suites in common". What the variant
/// holds is left out.
pub(super) fn variant(value: &impl std::fmt::Debug) -> String {
    let debug = format!("{value:?}");
    let name = debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let mut words = String::new();
    let mut before = ' ';
    for character in name.chars() {
        if character.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
        before = character;
    }
    words
}

const WEBPKI: &[(webpki::Error, &str)] = &[
    (webpki::Error::EmptyEkuExtension, "its extended key usage is empty"),
    (webpki::Error::EndEntityUsedAsCa, "its issuer is no CA"),
    (webpki::Error::ExtensionValueInvalid, "one of its extensions cannot be read"),
    (webpki::Error::InvalidSerialNumber, "its serial number is not one that RFC 5280 allows"),
    (webpki::Error::MalformedExtensions, "its extensions cannot be read"),
    (webpki::Error::MaximumPathDepthExceeded, "its chain is too long"),
    (webpki::Error::NameConstraintViolation, "its CA may not issue certificates for this name"),
    (webpki::Error::PathLenConstraintViolated, "a CA in its chain may not have so many CAs below it"),
    (webpki::Error::SignatureAlgorithmMismatch, "it names two different signature algorithms"),
    (webpki::Error::UnsupportedCertVersion, "it is not an X.509 version 3 certificate"),
    (webpki::Error::UnsupportedCriticalExtension, "it has a critical extension that we do not know"),
];

#[cfg(test)]
mod tests {
    use rustls::{InvalidMessage, PeerIncompatible, PeerMisbehaved};

    use super::*;

    #[test]
    fn no_text_is_a_debug_text() {
        let other =
            |error: webpki::Error| CertificateError::Other(rustls::OtherError(std::sync::Arc::new(error)));
        // AlgorithmIdentifiers without their outer tag: RSA with SHA-1, one that we do not know, and no OID at all.
        let sha1 = vec![6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 5, 5, 0];
        let signature = |id: Vec<u8>| CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: id,
            supported_algorithms: Vec::new(),
        };
        let texts = [
            certificate(&other(webpki::Error::UnsupportedCertVersion)).into_owned(),
            certificate(&other(webpki::Error::MaximumPathBuildCallsExceeded)).into_owned(),
            certificate(&CertificateError::InvalidOcspResponse).into_owned(),
            certificate(&signature(sha1)).into_owned(),
            certificate(&signature(vec![6, 1, 42])).into_owned(),
            certificate(&signature(vec![1, 2, 3])).into_owned(),
            handshake(&rustls::Error::PeerMisbehaved(PeerMisbehaved::TooManyEmptyFragments)),
            handshake(&rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)),
            handshake(&rustls::Error::InappropriateMessage {
                expect_types: vec![rustls::ContentType::Handshake],
                got_type: rustls::ContentType::Unknown(7),
            }),
            handshake(&rustls::Error::InappropriateHandshakeMessage {
                expect_types: vec![rustls::HandshakeType::ServerHello],
                got_type: rustls::HandshakeType::CertificateRequest,
            }),
            variant(&PeerIncompatible::NoCipherSuitesInCommon),
            variant(&PeerIncompatible::ServerRejectedEncryptedClientHello(None)),
        ];
        assert_eq!(
            texts,
            [
                "it is not an X.509 version 3 certificate",
                "maximum path build calls exceeded",
                "invalid ocsp response",
                "it is signed with RSA with SHA-1, which we do not accept",
                "it is signed with 1.2, which we do not accept",
                "its signature is of a kind that we do not accept",
                "the server broke the rules of TLS: too many empty fragments",
                "the server sent a corrupt message: invalid content type",
                "the server sent a message out of turn: of an unknown kind",
                "the server sent a handshake message out of turn: certificate request",
                "no cipher suites in common",
                "server rejected encrypted client hello",
            ]
        );
    }
}

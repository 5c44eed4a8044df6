//! Did this key sign that certificate? One signature alone, without anything that a path needs.

use std::borrow::Cow;

use webpki::ALL_VERIFICATION_ALGS;
use x509_parser::asn1_rs::{Any, FromDer as _, Oid};
use x509_parser::certificate::X509Certificate;

/// What came of one signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signature {
    /// Of another key.
    Foreign,
    /// Of this key.
    Own,
    /// Of a kind that no verifier of today checks.
    Unsupported,
}

/// Did the key of `issuer` sign `certificate`?
pub(crate) fn signed_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Signature {
    let key = issuer.public_key();
    let (Some(signature_kind), Some(key_kind)) = (signature_kind(certificate), key_kind(key.raw)) else {
        return Signature::Unsupported;
    };
    let known = ALL_VERIFICATION_ALGS.iter().filter(|known| {
        known.public_key_alg_id().as_ref() == key_kind && known.signature_alg_id().as_ref() == signature_kind
    });
    let (message, signature) = (certificate.tbs_certificate.as_ref(), &certificate.signature_value.data);
    let verdicts = known
        .map(|known| known.verify_signature(&key.subject_public_key.data, message, signature).is_ok())
        .collect::<Vec<_>>();
    match verdicts.as_slice() {
        [] => Signature::Unsupported,
        verdicts if verdicts.contains(&true) => Signature::Own,
        _ => Signature::Foreign,
    }
}

/// The same for certificates that have not been read yet. Those that cannot be are signed by none.
pub(crate) fn signature_of(certificate: &[u8], issuer: &[u8]) -> Signature {
    let (Ok((_, certificate)), Ok((_, issuer))) =
        (X509Certificate::from_der(certificate), X509Certificate::from_der(issuer))
    else {
        return Signature::Foreign;
    };
    signed_by(&certificate, &issuer)
}

/// Did the key of `issuer` sign `certificate`, as far as that can be verified?
pub(crate) fn is_signed_by(certificate: &[u8], issuer: &[u8]) -> bool {
    signature_of(certificate, issuer) == Signature::Own
}

/// The hash of a signature that can be forged, in words.
pub(crate) fn weak_hash(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    WEAK.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// The same for an AlgorithmIdentifier without its outer tag; `None` when there is none in it.
pub(crate) fn name_of(algorithm: &[u8]) -> Option<Cow<'static, str>> {
    let (_, oid) = Oid::from_der(algorithm).ok()?;
    Some(name_of_oid(&oid.to_id_string()))
}

/// The algorithm with this object identifier, in words where we have some.
pub(crate) fn name_of_oid(oid: &str) -> Cow<'static, str> {
    let known = WEAK.iter().chain(NAMES).find(|(known, _)| *known == oid);
    known.map_or_else(|| Cow::Owned(oid.to_owned()), |(_, name)| Cow::Borrowed(*name))
}

/// Its algorithm, in words; the object identifier where we have none.
pub(crate) fn name(certificate: &X509Certificate<'_>) -> Cow<'static, str> {
    name_of_oid(&certificate.signature_algorithm.algorithm.to_id_string())
}

/// Is it of a kind that common TLS stacks verify? The forgeable ones are: they have a name of their own.
pub(crate) fn is_common(certificate: &X509Certificate<'_>) -> bool {
    let kind = signature_kind(certificate);
    weak_hash(certificate).is_some()
        || ALL_VERIFICATION_ALGS.iter().any(|known| Some(known.signature_alg_id().as_ref()) == kind)
}

/// What stands inside the AlgorithmIdentifier of a certificate's signature (RFC 5280 section 4.1.1.2).
fn signature_kind<'a>(certificate: &X509Certificate<'a>) -> Option<&'a [u8]> {
    let (_, whole) = Any::from_der(certificate.as_raw()).ok()?;
    let (behind_tbs, _) = Any::from_der(whole.data).ok()?;
    Any::from_der(behind_tbs).ok().map(|(_, algorithm)| algorithm.data)
}

/// What stands inside the AlgorithmIdentifier of a key (RFC 5280 section 4.1.2.7).
fn key_kind(info: &[u8]) -> Option<&[u8]> {
    let (_, whole) = Any::from_der(info).ok()?;
    Any::from_der(whole.data).ok().map(|(_, algorithm)| algorithm.data)
}

const WEAK: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "RSA with MD2"),
    ("1.2.840.113549.1.1.4", "RSA with MD5"),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1"),
    ("1.3.14.3.2.29", "RSA with SHA-1"),
    ("1.2.840.10040.4.3", "DSA with SHA-1"),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
];

const NAMES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.113549.1.1.11", "RSA with SHA-256"),
    ("1.2.840.113549.1.1.12", "RSA with SHA-384"),
    ("1.2.840.113549.1.1.13", "RSA with SHA-512"),
    ("1.2.840.113549.1.1.14", "RSA with SHA-224"),
    ("2.16.840.1.101.3.4.3.13", "RSA with SHA3-224"),
    ("2.16.840.1.101.3.4.3.14", "RSA with SHA3-256"),
    ("2.16.840.1.101.3.4.3.15", "RSA with SHA3-384"),
    ("2.16.840.1.101.3.4.3.16", "RSA with SHA3-512"),
    ("2.16.840.1.101.3.4.3.2", "DSA with SHA-256"),
    ("2.16.840.1.101.3.4.3.9", "ECDSA with SHA3-224"),
    ("2.16.840.1.101.3.4.3.10", "ECDSA with SHA3-256"),
    ("2.16.840.1.101.3.4.3.11", "ECDSA with SHA3-384"),
    ("2.16.840.1.101.3.4.3.12", "ECDSA with SHA3-512"),
    ("1.2.840.10045.4.3.1", "ECDSA with SHA-224"),
    ("1.2.840.10045.4.3.2", "ECDSA with SHA-256"),
    ("1.2.840.10045.4.3.3", "ECDSA with SHA-384"),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

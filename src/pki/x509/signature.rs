//! Did this key sign that certificate? One signature alone, without anything that a path needs.

use std::borrow::Cow;

use webpki::ALL_VERIFICATION_ALGS;
use x509_parser::asn1_rs::{FromDer as _, Oid};

use crate::pki::{Certificate, PublicKey};

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
pub(crate) fn signed_by(certificate: &Certificate, issuer: &Certificate) -> Signature {
    let kind = certificate.signature_algorithm();
    made_by(&issuer.key, kind, certificate.tbs(), certificate.signature())
}

/// Did this key sign `message`? `kind` is what is inside the AlgorithmIdentifier.
pub(crate) fn made_by(key: &PublicKey, kind: &[u8], message: &[u8], signature: &[u8]) -> Signature {
    let (mut is_kind_known, mut is_key_known) = (false, false);
    for known in ALL_VERIFICATION_ALGS {
        let is_kind = known.signature_alg_id().as_ref() == kind;
        let is_key = key.algorithm().is_some_and(|key| known.public_key_alg_id().as_ref() == key);
        if is_kind && is_key && known.verify_signature(key.value(), message, signature).is_ok() {
            return Signature::Own;
        }
        is_kind_known |= is_kind;
        is_key_known |= is_key;
    }
    // An RSA key makes no ECDSA signature.
    if is_kind_known && is_key_known { Signature::Foreign } else { Signature::Unsupported }
}

/// Did the key of `issuer` sign `certificate`, as far as that can be verified?
pub(crate) fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    signed_by(certificate, issuer) == Signature::Own
}

/// The hash of a signature that can be forged, in words.
pub(crate) fn weak_hash(certificate: &Certificate) -> Option<&'static str> {
    let (_, oid) = Oid::from_der(certificate.signature_algorithm()).ok()?;
    let oid = oid.to_id_string();
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
pub(crate) fn name(certificate: &Certificate) -> Cow<'static, str> {
    name_of(certificate.signature_algorithm()).unwrap_or_default()
}

/// Is it of a kind that common TLS stacks verify? The forgeable ones are: they have a name of their own.
pub(crate) fn is_common(certificate: &Certificate) -> bool {
    let kind = certificate.signature_algorithm();
    weak_hash(certificate).is_some()
        || ALL_VERIFICATION_ALGS.iter().any(|known| known.signature_alg_id().as_ref() == kind)
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

//! Kinds of keys: what they are called, and which of them no common TLS stack takes.

use std::borrow::Cow;

use rustls_pki_types::PrivateKeyDer;
use x509_parser::asn1_rs::{Any, FromDer as _, Oid, Tag};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::crypto::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ParsedPublicKey,
};

/// Kind and size of a key, such as `P-256` or `RSA 2048`, and its form, if that is an odd one.
pub(super) fn name(info: &SubjectPublicKeyInfo<'_>) -> String {
    let name = algorithm(&info.algorithm);
    match info.parsed() {
        _ if is_compressed(&name, info) => format!("{name} with a compressed point"),
        Ok(PublicKey::RSA(key)) if name == RSA => format!("RSA {}", key.key_size()),
        _ => name.into_owned(),
    }
}

/// The length of an RSA key's modulus in bits; none for other kinds.
pub(super) fn rsa_bits(info: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    }
}

/// What an AlgorithmIdentifier of a key is called.
fn algorithm(identifier: &AlgorithmIdentifier<'_>) -> Cow<'static, str> {
    let oid = identifier.algorithm.to_id_string();
    if oid == EC {
        let curve = identifier
            .parameters
            .as_ref()
            .filter(|parameters| parameters.tag() == Tag::Oid)
            .and_then(|parameters| parameters.as_oid().ok());
        return match curve.map(|curve: Oid<'_>| curve.to_id_string()) {
            Some(curve) => known(&curve).map_or(Cow::Owned(format!("EC curve {curve}")), Cow::Borrowed),
            None => Cow::Borrowed("EC with explicit parameters"),
        };
    }
    known(&oid).map_or(Cow::Owned(oid), Cow::Borrowed)
}

fn known(oid: &str) -> Option<&'static str> {
    KEYS.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// The kind of a public key as rcgen knows it; none where it knows none.
pub(super) fn of_rcgen(identifier: &AlgorithmIdentifier<'_>) -> Option<&'static rcgen::SignatureAlgorithm> {
    Some(match algorithm(identifier).as_ref() {
        "P-256" => &rcgen::PKCS_ECDSA_P256_SHA256,
        "P-384" => &rcgen::PKCS_ECDSA_P384_SHA384,
        "P-521" => &rcgen::PKCS_ECDSA_P521_SHA512,
        "Ed25519" => &rcgen::PKCS_ED25519,
        RSA => &rcgen::PKCS_RSA_SHA256,
        _ => return None,
    })
}

/// Why no common TLS stack takes a key; none for one that all take, whatever its size.
pub(super) fn refusal(info: &SubjectPublicKeyInfo<'_>) -> Option<&'static str> {
    let data = &info.subject_public_key.data;
    match (algorithm(&info.algorithm).as_ref(), info.parsed()) {
        (RSA, Ok(PublicKey::RSA(key))) => rsa(info, key.modulus, key.exponent),
        (RSA, _) => Some("it is not an RSA key, though it says so"),
        (name, _) if is_compressed(name, info) => Some("Go, rustls and Java do not read compressed points"),
        ("P-256", _) if ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, data).is_err() => Some(OFF_CURVE),
        ("P-384", _) if ParsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, data).is_err() => Some(OFF_CURVE),
        ("P-521", _) if ParsedPublicKey::new(&ECDSA_P521_SHA512_ASN1, data).is_err() => Some(OFF_CURVE),
        ("P-256" | "P-384" | "P-521" | "P-224", _) => None,
        ("Ed25519", _) if data.len() != 32 || info.algorithm.parameters.is_some() => {
            Some("it is not an Ed25519 key, though it says so")
        }
        ("Ed25519", _) => None,
        ("EC with explicit parameters", _) => Some("the curve has to be named"),
        _ => Some("Go, rustls and Envoy know no certificates with such keys"),
    }
}

/// A point of a curve by one of its coordinates, and a sign for the other.
fn is_compressed(name: &str, info: &SubjectPublicKeyInfo<'_>) -> bool {
    let is_point = ["P-256", "P-384", "P-521", "P-224"].contains(&name);
    is_point && matches!(info.subject_public_key.data.first(), Some(2 | 3))
}

fn rsa(info: &SubjectPublicKeyInfo<'_>, modulus: &[u8], exponent: &[u8]) -> Option<&'static str> {
    let start = exponent.iter().take_while(|byte| **byte == 0).count();
    let exponent = &exponent[start..];
    let is_small = exponent.len() < 4 || exponent.len() == 4 && exponent[0] < 0x80;
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let is_null = info.algorithm.parameters.as_ref().is_some_and(|found| found.tag() == Tag::Null);
    if !is_null {
        Some("the NULL behind its algorithm is missing (RFC 3279)")
    } else if !is_small {
        Some("its public exponent is larger than 31 bits")
    } else if exponent == [1] || !is_odd(exponent) || !is_odd(modulus) {
        Some("its numbers are not those of an RSA key")
    } else {
        None
    }
}

/// The kind of a private key, where it can be told.
pub(super) fn private(key: &PrivateKeyDer<'_>) -> Option<String> {
    let identifier = |der: &[u8]| {
        let (_, identifier) = AlgorithmIdentifier::from_der(der).ok()?;
        Some(algorithm(&identifier).into_owned())
    };
    match key {
        PrivateKeyDer::Pkcs8(key) => {
            let (_, whole) = Any::from_der(key.secret_pkcs8_der()).ok()?;
            let (rest, _version) = Any::from_der(whole.data).ok()?;
            identifier(rest)
        }
        PrivateKeyDer::Sec1(key) => {
            let (_, whole) = Any::from_der(key.secret_sec1_der()).ok()?;
            let (rest, _version) = Any::from_der(whole.data).ok()?;
            let (rest, _number) = Any::from_der(rest).ok()?;
            let (_, parameters) = Any::from_der(rest).ok()?;
            let (_, curve) = Any::from_der(parameters.data).ok()?;
            match curve.oid() {
                Ok(curve) => {
                    let curve = curve.to_id_string();
                    Some(known(&curve).map_or(format!("EC curve {curve}"), str::to_owned))
                }
                Err(_) => Some("EC with explicit parameters".to_owned()),
            }
        }
        _ => None,
    }
}

const OFF_CURVE: &str = "its point is not on the curve";
const RSA: &str = "RSA";
const EC: &str = "1.2.840.10045.2.1";

/// Curves, and keys that are their own algorithm.
const KEYS: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", RSA),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.33", "P-224"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.8", "brainpoolP256t1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.12", "brainpoolP384t1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.3.36.3.3.2.8.1.1.14", "brainpoolP512t1"),
    ("1.2.156.10197.1.301", "SM2"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.10040.4.1", "DSA"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
];

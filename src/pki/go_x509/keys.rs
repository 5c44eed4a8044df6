//! Public keys, and which signatures Go verifies with them.

use super::der::{self, Input, right_aligned};
use super::parsed::Malformed;
use super::point;
use crate::crypto::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

/// A key as Go's parser leaves it.
#[derive(Debug)]
pub(super) enum Key {
    /// Go knows the algorithm, and verifies nothing with it.
    Dsa,
    Ecdsa(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        /// Without leading zeros.
        modulus: Vec<u8>,
        exponent: i64,
    },
    /// An algorithm that Go does not know. It does not look at the key.
    Unknown,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Curve {
    P224,
    P256,
    P384,
    P521,
}

/// `parsePublicKey`, with what stands around it.
pub(super) fn key(mut info: Input<'_>) -> Result<Key, Malformed> {
    let mut algorithm = info.sequence().ok_or("malformed public key algorithm identifier")?;
    let oid = algorithm.oid().ok_or("malformed OID")?;
    let parameters = match algorithm.is_empty() {
        true => &[][..],
        false => algorithm.any().ok_or("malformed parameters")?.whole,
    };
    let data = right_aligned(info.bits().ok_or("malformed subjectPublicKey")?);
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => rsa(parameters, &data),
        "1.2.840.10045.2.1" => {
            let curve = Input(parameters).oid().ok_or("invalid ECDSA parameters")?;
            let curve = match curve.as_str() {
                "1.3.132.0.33" => Curve::P224,
                "1.2.840.10045.3.1.7" => Curve::P256,
                "1.3.132.0.34" => Curve::P384,
                "1.3.132.0.35" => Curve::P521,
                _ => return Err("unsupported elliptic curve".into()),
            };
            point::check(curve, &data).map_err(Malformed)?;
            Ok(Key::Ecdsa(curve, data))
        }
        "1.3.101.112" if !parameters.is_empty() => Err("Ed25519 key encoded with illegal parameters".into()),
        "1.3.101.112" if data.len() != 32 => Err("wrong Ed25519 public key size".into()),
        "1.3.101.112" => Ok(Key::Ed25519(data)),
        "1.2.840.10040.4.1" => dsa(parameters, &data),
        _ => Ok(Key::Unknown),
    }
}

fn rsa(parameters: &[u8], data: &[u8]) -> Result<Key, Malformed> {
    if parameters != NULL {
        return Err("RSA key missing NULL parameters".into());
    }
    let mut der = Input(data).sequence().ok_or("invalid RSA public key")?;
    let modulus = der.integer().ok_or("invalid RSA modulus")?;
    let exponent = der.number().ok_or("invalid RSA public exponent")?;
    if modulus[0] & 0x80 != 0 || modulus == [0] {
        return Err("RSA modulus is not a positive number".into());
    }
    if exponent <= 0 {
        return Err("RSA public exponent is not a positive number".into());
    }
    Ok(Key::Rsa { modulus: modulus.strip_prefix(&[0]).unwrap_or(modulus).to_vec(), exponent })
}

fn dsa(parameters: &[u8], data: &[u8]) -> Result<Key, Malformed> {
    let public = Input(data).integer().ok_or("invalid DSA public key")?;
    let numbers = || -> Option<Vec<&[u8]>> {
        let mut parameters = Input(parameters).sequence()?;
        (0..3).map(|_| parameters.integer()).collect()
    };
    let mut numbers = numbers().ok_or("invalid DSA parameters")?;
    numbers.push(public);
    if numbers.iter().any(|number| number[0] & 0x80 != 0 || *number == [0]) {
        return Err("zero or negative DSA parameter".into());
    }
    Ok(Key::Dsa)
}

impl Key {
    /// The type of a key that Go's TLS has no signatures for.
    pub(super) fn foreign_to_tls(&self) -> Option<&'static str> {
        match self {
            Self::Dsa => Some("*dsa.PublicKey"),
            Self::Unknown => Some("<nil>"),
            Self::Ecdsa(..) | Self::Ed25519(_) | Self::Rsa { .. } => None,
        }
    }

    /// Does Go verify signatures of TLS with this key? Its words where it does not.
    pub(super) fn usable_in_tls(&self) -> Result<(), Unverified> {
        match self {
            Self::Rsa { modulus, exponent } => sound(modulus, *exponent).map_err(Unverified::Go),
            Self::Ecdsa(Curve::P224, _) => Err(Unverified::Beyond("a key on P-224")),
            _ => Ok(()),
        }
    }

    /// `checkSignature`
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        octets: &[u8],
    ) -> Result<(), Unverified> {
        let go = |words: &str| Err(Unverified::Go(words.to_owned()));
        let (hash, kind) = match algorithm {
            Algorithm::Insecure(name) => {
                return go(&format!("x509: cannot verify signature: insecure algorithm {name}"));
            }
            Algorithm::Unknown => return go(UNIMPLEMENTED),
            Algorithm::Ed25519 => (Hash::Sha512, "Ed25519"),
            Algorithm::Ecdsa(hash) => (hash, "ECDSA"),
            Algorithm::Rsa(hash) | Algorithm::RsaPss(hash) => (hash, "RSA"),
            Algorithm::DsaSha256 => (Hash::Sha256, "DSA"),
        };
        let own = match self {
            Self::Dsa | Self::Unknown => return go(UNIMPLEMENTED),
            Self::Ecdsa(..) => ("ECDSA", "*ecdsa.PublicKey"),
            Self::Ed25519(_) => ("Ed25519", "ed25519.PublicKey"),
            Self::Rsa { .. } => ("RSA", "*rsa.PublicKey"),
        };
        if own.0 != kind {
            return go(&format!(
                "x509: signature algorithm specifies an {kind} public key, but have public key of type {}",
                own.1
            ));
        }
        match self {
            Self::Ecdsa(curve, point) => {
                let known = ecdsa(*curve, hash).ok_or(Unverified::Beyond("a signature of a key on P-224"))?;
                let verified = UnparsedPublicKey::new(known, point).verify(message, octets);
                verified.or_else(|_| go("x509: ECDSA verification failure"))
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&signature::ED25519, key)
                .verify(message, octets)
                .or_else(|_| go("x509: Ed25519 verification failure")),
            Self::Rsa { modulus, exponent } => {
                sound(modulus, *exponent).map_err(Unverified::Go)?;
                let pss = matches!(algorithm, Algorithm::RsaPss(_));
                let known = rsa_parameters(bits(modulus), hash, pss)
                    .ok_or(Unverified::Beyond("a signature of an RSA key of this size"))?;
                let exponent = exponent.to_be_bytes();
                let start = exponent.iter().position(|octet| *octet != 0).unwrap_or_default();
                RsaPublicKeyComponents { n: modulus.as_slice(), e: &exponent[start..] }
                    .verify(known, message, octets)
                    .or_else(|_| go("crypto/rsa: verification error"))
            }
            Self::Dsa | Self::Unknown => go(UNIMPLEMENTED),
        }
    }
}

/// Why a signature is not one that Go accepts.
#[derive(Debug)]
pub(super) enum Unverified {
    /// Go may accept it, and there is no code here to tell.
    Beyond(&'static str),
    /// In Go's words.
    Go(String),
}

/// What Go makes of an AlgorithmIdentifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Algorithm {
    DsaSha256,
    Ecdsa(Hash),
    Ed25519,
    Insecure(&'static str),
    Rsa(Hash),
    RsaPss(Hash),
    Unknown,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// `getSignatureAlgorithmFromAI`; what stands inside the AlgorithmIdentifier.
pub(super) fn algorithm(mut input: Input<'_>) -> Result<Algorithm, String> {
    let oid = input.oid().ok_or("malformed OID")?;
    let parameters = match input.is_empty() {
        true => &[][..],
        false => input.any().ok_or("malformed parameters")?.whole,
    };
    Ok(match oid.as_str() {
        "1.2.840.113549.1.1.4" => Algorithm::Insecure("MD5-RSA"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Algorithm::Insecure("SHA1-RSA"),
        "1.2.840.113549.1.1.11" => Algorithm::Rsa(Hash::Sha256),
        "1.2.840.113549.1.1.12" => Algorithm::Rsa(Hash::Sha384),
        "1.2.840.113549.1.1.13" => Algorithm::Rsa(Hash::Sha512),
        "1.2.840.113549.1.1.10" => pss(parameters).map_or(Algorithm::Unknown, Algorithm::RsaPss),
        "1.2.840.10040.4.3" => Algorithm::Insecure("DSA-SHA1"),
        "2.16.840.1.101.3.4.3.2" => Algorithm::DsaSha256,
        "1.2.840.10045.4.1" => Algorithm::Insecure("ECDSA-SHA1"),
        "1.2.840.10045.4.3.2" => Algorithm::Ecdsa(Hash::Sha256),
        "1.2.840.10045.4.3.3" => Algorithm::Ecdsa(Hash::Sha384),
        "1.2.840.10045.4.3.4" => Algorithm::Ecdsa(Hash::Sha512),
        "1.3.101.112" if parameters.is_empty() => Algorithm::Ed25519,
        _ => Algorithm::Unknown,
    })
}

/// RSA-PSS with one hash for both purposes, and a salt of its length.
fn pss(parameters: &[u8]) -> Option<Hash> {
    let mut fields = Input(parameters).sequence()?;
    let hash = identifier(&mut fields.take(der::constructed(0))?)?;
    let mut mask = fields.take(der::constructed(1))?.sequence()?;
    if mask.oid()? != "1.2.840.113549.1.1.8" {
        return None;
    }
    let mask = identifier(&mut mask)?;
    let salt = fields.take(der::constructed(2))?.number()?;
    let trailer = match fields.optional(der::constructed(3))? {
        Some(mut trailer) => trailer.number()?,
        None => 1,
    };
    let (hash, length) = match hash.as_str() {
        "2.16.840.1.101.3.4.2.1" if mask == hash => (Hash::Sha256, 32),
        "2.16.840.1.101.3.4.2.2" if mask == hash => (Hash::Sha384, 48),
        "2.16.840.1.101.3.4.2.3" if mask == hash => (Hash::Sha512, 64),
        _ => return None,
    };
    (salt == length && trailer == 1).then_some(hash)
}

/// An AlgorithmIdentifier without parameters, or with NULL.
fn identifier(input: &mut Input<'_>) -> Option<String> {
    let mut identifier = input.sequence()?;
    let oid = identifier.oid()?;
    (identifier.is_empty() || identifier.0 == NULL).then_some(oid)
}

fn ecdsa(curve: Curve, hash: Hash) -> Option<&'static EcdsaVerificationAlgorithm> {
    Some(match (curve, hash) {
        (Curve::P224, _) => return None,
        (Curve::P256, Hash::Sha256) => &ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha256) => &ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &ECDSA_P521_SHA512_ASN1,
    })
}

fn rsa_parameters(bits: usize, hash: Hash, pss: bool) -> Option<&'static RsaParameters> {
    Some(match (bits, hash, pss) {
        (2048..=8192, Hash::Sha256, false) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (2048..=8192, Hash::Sha384, false) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (2048..=8192, Hash::Sha512, false) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (2048..=8192, Hash::Sha256, true) => &signature::RSA_PSS_2048_8192_SHA256,
        (2048..=8192, Hash::Sha384, true) => &signature::RSA_PSS_2048_8192_SHA384,
        (2048..=8192, Hash::Sha512, true) => &signature::RSA_PSS_2048_8192_SHA512,
        (1024..2048, Hash::Sha256, false) => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (1024..2048, Hash::Sha512, false) => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        _ => return None,
    })
}

/// `checkPublicKeySize` and `checkPublicKey` of `crypto/rsa`.
fn sound(modulus: &[u8], exponent: i64) -> Result<(), String> {
    let bits = bits(modulus);
    Err(if bits < 1024 {
        format!(
            "crypto/rsa: {bits}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)"
        )
    } else if modulus.last().is_none_or(|last| last & 1 == 0) {
        "crypto/rsa: public modulus is even".to_owned()
    } else if exponent < 2 {
        "crypto/rsa: public exponent too small or negative".to_owned()
    } else if exponent & 1 == 0 {
        "crypto/rsa: public exponent is even".to_owned()
    } else if exponent > (1 << 31) - 1 {
        "crypto/rsa: public exponent too large".to_owned()
    } else {
        return Ok(());
    })
}

pub(super) fn bits(modulus: &[u8]) -> usize {
    modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize)
}

const NULL: &[u8] = &[5, 0];

const UNIMPLEMENTED: &str = "x509: cannot verify signature: algorithm unimplemented";

//! Did the sender of a certificate request sign it with the key that it is for?
//!
//! x509-parser verifies the pairs of curve and hash that certificates usually have. OpenSSL, Java and Go sign a
//! request with any hash that the user names, so everything that aws-lc verifies is verified here.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use super::signature;
use crate::crypto::signature::{
    ECDSA_P256_SHA1_ASN1, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1,
    ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA1_ASN1,
    ECDSA_P521_SHA224_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPssSaltLength, VerificationAlgorithm,
};
use crate::pki::{KeyKind, PublicKey};

/// What came of a request's own signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::pki) enum Possession {
    /// Made by another key, or over another request.
    NotProven,
    Proven,
    /// Made with an algorithm that we cannot verify; its name.
    Unsupported(String),
}

/// Verifies the signature of a request for a certificate of `key`.
pub(in crate::pki) fn verify(request: &X509CertificationRequest<'_>, key: &PublicKey) -> Possession {
    let (info, algorithm) = (&request.certification_request_info, &request.signature_algorithm);
    let (message, signature) = (info.raw, request.signature_value.data.as_ref());
    let Some(verified) = verified(key, algorithm, message, signature) else {
        return Possession::Unsupported(name(key, algorithm));
    };
    if verified { Possession::Proven } else { Possession::NotProven }
}

/// None for algorithms that cannot be verified.
fn verified(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    if algorithm.algorithm.to_id_string() == RSA_PSS {
        return Some(pss(algorithm)?.verify_sig(key.value(), message, signature).is_ok());
    }
    let oid = algorithm.algorithm.to_id_string();
    let (_, _, known) = KNOWN.iter().find(|(kind, signature, _)| kind == key.kind() && *signature == oid)?;
    Some(known.verify_sig(key.value(), message, signature).is_ok())
}

/// RSA-PSS with the salt that the signer chose: OpenSSL takes the longest one by default, others that of the hash.
fn pss(algorithm: &AlgorithmIdentifier<'_>) -> Option<RsaParameters> {
    let (hash, mask, salt) = pss_parameters(algorithm)?;
    let parameters = match hash.as_str() {
        "SHA-256" => RSA_PSS_2048_8192_SHA256,
        "SHA-384" => RSA_PSS_2048_8192_SHA384,
        "SHA-512" => RSA_PSS_2048_8192_SHA512,
        _ => return None,
    };
    let salt = u16::try_from(salt).ok()?;
    (mask == hash).then(|| parameters.with_pss_salt_length(RsaPssSaltLength::Custom(salt)))
}

/// The hash, that of the mask, and the length of the salt. Both hashes are SHA-1 where nothing is said.
fn pss_parameters(algorithm: &AlgorithmIdentifier<'_>) -> Option<(String, String, u32)> {
    let parameters = RsaSsaPssParams::try_from(algorithm.parameters.as_ref()?).ok()?;
    let hash = hash_name(&parameters.hash_algorithm_oid().to_id_string());
    let mask = hash_name(&parameters.mask_gen_algorithm().ok()?.hash.to_id_string());
    Some((hash, mask, parameters.salt_length()))
}

fn hash_name(oid: &str) -> String {
    HASHES.iter().find(|(known, _)| *known == oid).map_or(oid, |(_, name)| name).to_owned()
}

/// What an algorithm is called that cannot be verified, with the kind of key if that is what does not fit.
fn name(key: &PublicKey, algorithm: &AlgorithmIdentifier<'_>) -> String {
    let oid = algorithm.algorithm.to_id_string();
    if oid == RSA_PSS {
        return match pss_parameters(algorithm) {
            Some((hash, mask, _)) if hash == mask => format!("RSA-PSS with {hash}"),
            Some((hash, mask, _)) => format!("RSA-PSS with {hash} and a mask by {mask}"),
            None => "RSA-PSS with parameters that cannot be read".to_owned(),
        };
    }
    format!("{}, {key} key", signature::name_of_oid(&oid))
}

const RSA_PSS: &str = "1.2.840.113549.1.1.10";

const HASHES: &[(&str, &str)] = &[
    ("1.3.14.3.2.26", "SHA-1"),
    ("2.16.840.1.101.3.4.2.4", "SHA-224"),
    ("2.16.840.1.101.3.4.2.1", "SHA-256"),
    ("2.16.840.1.101.3.4.2.2", "SHA-384"),
    ("2.16.840.1.101.3.4.2.3", "SHA-512"),
];

const ECDSA_SHA1: &str = "1.2.840.10045.4.1";
const ECDSA_SHA224: &str = "1.2.840.10045.4.3.1";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";
const ECDSA_SHA512: &str = "1.2.840.10045.4.3.4";

/// The kind of a key, the algorithm of a signature, and what verifies it.
///
/// SHA-1 too: a collision would not give a signature by a key that the attacker does not have.
const KNOWN: &[(KeyKind, &str, &dyn VerificationAlgorithm)] = &[
    (KeyKind::P256, ECDSA_SHA1, &ECDSA_P256_SHA1_ASN1),
    (KeyKind::P256, ECDSA_SHA256, &ECDSA_P256_SHA256_ASN1),
    (KeyKind::P256, ECDSA_SHA384, &ECDSA_P256_SHA384_ASN1),
    (KeyKind::P256, ECDSA_SHA512, &ECDSA_P256_SHA512_ASN1),
    (KeyKind::P384, ECDSA_SHA256, &ECDSA_P384_SHA256_ASN1),
    (KeyKind::P384, ECDSA_SHA384, &ECDSA_P384_SHA384_ASN1),
    (KeyKind::P384, ECDSA_SHA512, &ECDSA_P384_SHA512_ASN1),
    (KeyKind::P521, ECDSA_SHA1, &ECDSA_P521_SHA1_ASN1),
    (KeyKind::P521, ECDSA_SHA224, &ECDSA_P521_SHA224_ASN1),
    (KeyKind::P521, ECDSA_SHA256, &ECDSA_P521_SHA256_ASN1),
    (KeyKind::P521, ECDSA_SHA384, &ECDSA_P521_SHA384_ASN1),
    (KeyKind::P521, ECDSA_SHA512, &ECDSA_P521_SHA512_ASN1),
    (KeyKind::Ed25519, "1.3.101.112", &ED25519),
    (KeyKind::Rsa, "1.2.840.113549.1.1.5", &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    (KeyKind::Rsa, "1.3.14.3.2.29", &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    (KeyKind::Rsa, "1.2.840.113549.1.1.11", &RSA_PKCS1_2048_8192_SHA256),
    (KeyKind::Rsa, "1.2.840.113549.1.1.12", &RSA_PKCS1_2048_8192_SHA384),
    (KeyKind::Rsa, "1.2.840.113549.1.1.13", &RSA_PKCS1_2048_8192_SHA512),
];

//! Private keys: made, read in every form, written, and used to sign.

use std::fmt;

use rcgen::SignatureAlgorithm;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::pem;
use crate::crypto::encoding::AsDer as _;
use crate::crypto::error::{KeyRejected, Unspecified};
use crate::crypto::rand::SystemRandom;
use crate::crypto::rsa::KeySize;
use crate::crypto::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use crate::pki::KeyType;

/// A private key that can sign; what holds its octets is wiped from memory when dropped.
pub(in crate::pki) struct PrivateKey {
    der: Zeroizing<PrivateKeyDer<'static>>,
    pair: Pair,
    public_key: Vec<u8>,
}

/// As aws-lc has it.
#[derive(Debug)]
enum Pair {
    Ecdsa(EcdsaKeyPair, Curve),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A curve, and the hash that belongs to it (RFC 5480 section 4).
#[derive(Clone, Copy, Debug)]
struct Curve {
    algorithm: &'static EcdsaSigningAlgorithm,
    signature: &'static SignatureAlgorithm,
}

impl PrivateKey {
    /// Makes a key.
    pub(in crate::pki) fn generate(key_type: KeyType) -> Result<Self, Unspecified> {
        let (pair, document) = match key_type {
            KeyType::P256 => ecdsa(P256)?,
            KeyType::P384 => ecdsa(P384)?,
            KeyType::P521 => ecdsa(P521)?,
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048)?,
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072)?,
            KeyType::Rsa4096 => rsa(KeySize::Rsa4096)?,
            KeyType::Ed25519 => {
                let pair = Ed25519KeyPair::generate()?;
                // The second version of PKCS#8, which has the public key too, is read by OpenSSL from 3.5 on.
                let document = pair.to_pkcs8v1()?.as_ref().to_vec();
                (Pair::Ed25519(pair), document)
            }
        };
        Self::of(pair, Zeroizing::new(PrivatePkcs8KeyDer::from(document).into())).ok_or(Unspecified)
    }

    /// None for what is broken, and for kinds that cannot sign certificates.
    pub(in crate::pki) fn new(der: PrivateKeyDer<'static>) -> Option<Self> {
        let der = Zeroizing::new(der);
        let pair = match &*der {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok().map(Pair::Rsa),
            PrivateKeyDer::Sec1(key) => on_a_curve(key.secret_sec1_der(), EcdsaKeyPair::from_private_key_der),
            PrivateKeyDer::Pkcs8(key) => {
                let key = key.secret_pkcs8_der();
                on_a_curve(key, EcdsaKeyPair::from_pkcs8)
                    .or_else(|| RsaKeyPair::from_pkcs8(key).ok().map(Pair::Rsa))
                    .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).ok().map(Pair::Ed25519))
            }
            _ => None,
        };
        Self::of(pair?, der)
    }

    fn of(pair: Pair, der: Zeroizing<PrivateKeyDer<'static>>) -> Option<Self> {
        let public_key = match &pair {
            Pair::Ecdsa(pair, _) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
        };
        let public_key = public_key.ok()?.as_ref().to_vec();
        Some(Self { der, pair, public_key })
    }

    /// SubjectPublicKeyInfo, DER.
    pub(in crate::pki) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The algorithm by which it signs: one for each kind of key.
    pub(in crate::pki) fn algorithm(&self) -> &'static SignatureAlgorithm {
        match &self.pair {
            Pair::Ecdsa(_, curve) => curve.signature,
            Pair::Ed25519(_) => &rcgen::PKCS_ED25519,
            Pair::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
        }
    }

    /// Signs with [`Self::algorithm`].
    pub(in crate::pki) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        Ok(match &self.pair {
            Pair::Ecdsa(pair, _) => pair.sign(&random, message)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                signature
            }
        })
    }

    /// The octets.
    pub(in crate::pki) fn der(&self) -> &PrivateKeyDer<'static> {
        &self.der
    }

    /// In the form in which it is: PKCS#8 for keys that we have made.
    pub(in crate::pki) fn pem(&self) -> Zeroizing<String> {
        let label = match &*self.der {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        pem::write(label, self.der.secret_der())
    }
}

impl fmt::Debug for PrivateKey {
    /// Without the key: aws-lc's pairs show their public half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("pair", &self.pair).finish_non_exhaustive()
    }
}

fn ecdsa(curve: Curve) -> Result<(Pair, Vec<u8>), Unspecified> {
    let pair = EcdsaKeyPair::generate(curve.algorithm)?;
    let document = pair.to_pkcs8v1()?.as_ref().to_vec();
    Ok((Pair::Ecdsa(pair, curve), document))
}

fn rsa(size: KeySize) -> Result<(Pair, Vec<u8>), Unspecified> {
    let pair = RsaKeyPair::generate(size)?;
    let document = pair.as_der()?.as_ref().to_vec();
    Ok((Pair::Rsa(pair), document))
}

fn on_a_curve(
    key: &[u8],
    read: fn(&'static EcdsaSigningAlgorithm, &[u8]) -> Result<EcdsaKeyPair, KeyRejected>,
) -> Option<Pair> {
    [P256, P384, P521]
        .into_iter()
        .find_map(|curve| read(curve.algorithm, key).ok().map(|pair| Pair::Ecdsa(pair, curve)))
}

const P256: Curve =
    Curve { algorithm: &ECDSA_P256_SHA256_ASN1_SIGNING, signature: &rcgen::PKCS_ECDSA_P256_SHA256 };
const P384: Curve =
    Curve { algorithm: &ECDSA_P384_SHA384_ASN1_SIGNING, signature: &rcgen::PKCS_ECDSA_P384_SHA384 };
const P521: Curve =
    Curve { algorithm: &ECDSA_P521_SHA512_ASN1_SIGNING, signature: &rcgen::PKCS_ECDSA_P521_SHA512 };

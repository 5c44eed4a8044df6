//! Private keys: made, read in every form, written, and used to sign.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls_pki_types::{AlgorithmIdentifier, PrivateKeyDer, PrivatePkcs8KeyDer, alg_id};
use zeroize::Zeroizing;

use super::{KeyType, der, pem};

/// A private key that can sign; what holds its octets is wiped from memory when dropped.
///
/// It signs by way of rustls, which reads PKCS#8, PKCS#1 and SEC1 alike and knows every kind of key that
/// aws-lc has: what can serve TLS can sign certificates.
pub(super) struct PrivateKey {
    der: Zeroizing<PrivateKeyDer<'static>>,
    signer: Arc<dyn SigningKey>,
    public_key: Vec<u8>,
}

impl PrivateKey {
    /// Makes a key.
    pub(super) fn generate(key_type: KeyType) -> Result<Self, Unspecified> {
        let random = SystemRandom::new();
        let pkcs8 = |der: &[u8]| PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.to_vec()));
        let rsa = |size| RsaKeyPair::generate(size)?.as_der().map(|document| pkcs8(document.as_ref()));
        let ecdsa = |algorithm| {
            EcdsaKeyPair::generate_pkcs8(algorithm, &random).map(|document| pkcs8(document.as_ref()))
        };
        let der = match key_type {
            KeyType::P256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyType::P384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
            // The second version of PKCS#8, which has the public key too, is read by OpenSSL from 3.5 on.
            KeyType::Ed25519 => {
                Ed25519KeyPair::generate_pkcs8v1(&random).map(|document| pkcs8(document.as_ref()))
            }
        };
        Self::new(der?).ok_or(Unspecified)
    }

    /// None for what is broken, and for kinds that cannot sign certificates.
    pub(super) fn new(der: PrivateKeyDer<'static>) -> Option<Self> {
        let der = Zeroizing::new(der);
        let signer = any_supported_type(&der).ok()?;
        let public_key = signer.public_key()?.as_ref().to_vec();
        Some(Self { der, signer, public_key })
    }

    /// SubjectPublicKeyInfo, DER.
    pub(super) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The algorithm by which it signs (AlgorithmIdentifier, DER): one for each kind of key.
    pub(super) fn algorithm(&self) -> Option<Vec<u8>> {
        self.scheme().map(|(_, identifier)| der::element(der::SEQUENCE, identifier.as_ref()))
    }

    /// Signs with [`Self::algorithm`].
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (scheme, _) = self.scheme()?;
        self.signer.choose_scheme(&[scheme])?.sign(message).ok()
    }

    /// The octets.
    pub(super) fn der(&self) -> &PrivateKeyDer<'static> {
        &self.der
    }

    /// In the form in which it is: PKCS#8 for keys that we have made.
    pub(super) fn pem(&self) -> Zeroizing<String> {
        let label = match &*self.der {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        pem::write(label, self.der.secret_der())
    }

    fn scheme(&self) -> Option<(SignatureScheme, AlgorithmIdentifier)> {
        SCHEMES.into_iter().find(|(scheme, _)| self.signer.choose_scheme(&[*scheme]).is_some())
    }
}

impl fmt::Debug for PrivateKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("algorithm", &self.signer.algorithm()).finish_non_exhaustive()
    }
}

/// The hash that belongs to each kind of key (RFC 5480 section 4).
const SCHEMES: [(SignatureScheme, AlgorithmIdentifier); 5] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, alg_id::ECDSA_SHA256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, alg_id::ECDSA_SHA384),
    (SignatureScheme::ECDSA_NISTP521_SHA512, alg_id::ECDSA_SHA512),
    (SignatureScheme::RSA_PKCS1_SHA256, alg_id::RSA_PKCS1_SHA256),
    (SignatureScheme::ED25519, alg_id::ED25519),
];

use std::fmt::{self, Display};

use crate::choice::choices;
use crate::pki::PublicKey;

/// Kind and size of the keys that we make.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyType {
    /// ECDSA on P-256: accepted everywhere.
    #[default]
    P256,
    /// ECDSA on P-384: Envoy as a client takes it with TLS 1.3 only.
    P384,
    /// RSA of 2048 bits, for peers that know nothing else.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// Ed25519: Envoy and some verifiers reject it.
    Ed25519,
    /// ECDSA on P-521. Not offered: only a renewal makes such a key, in place of one.
    P521,
    /// RSA of 4096 bits. Not offered either.
    Rsa4096,
}

choices! { KeyType {
    P256 => "p256", P384 => "p384", Rsa2048 => "rsa2048", Rsa3072 => "rsa3072", Ed25519 => "ed25519";
    P521 => "p521", Rsa4096 => "rsa4096"
} }

impl KeyType {
    /// The type of a key that a certificate has, if we make such keys.
    pub(in crate::pki) fn of(key: &PublicKey) -> Option<Self> {
        let made = Self::ALL.iter().chain(&[Self::P521, Self::Rsa4096]);
        made.copied().find(|made| key.is_a(*made))
    }
}

impl Display for KeyType {
    /// As [`PublicKey`] does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Rsa2048 => "RSA 2048",
            Self::Rsa3072 => "RSA 3072",
            Self::Ed25519 => "Ed25519",
            Self::P521 => "P-521",
            Self::Rsa4096 => "RSA 4096",
        })
    }
}

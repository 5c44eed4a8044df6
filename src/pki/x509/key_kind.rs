//! Types of keys: their names, and which of them TLS stacks accept.

use std::borrow::Cow;
use std::fmt::{self, Display};

use rustls_pki_types::PrivateKeyDer;
use x509_parser::asn1_rs::{Any, FromDer as _, Oid, Tag, oid};
use x509_parser::x509::AlgorithmIdentifier;

/// The algorithm of a key, and the curve of an elliptic one (RFC 3279 section 2.3, RFC 5480 section 2.1.1, RFC 8410
/// section 3). Displays as people call it, such as `P-256`; a kind without a name is its object identifier.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyKind {
    /// EdDSA on edwards25519.
    Ed25519,
    /// An elliptic curve whose parameters are written out, which RFC 5480 section 2.1.1 forbids.
    ExplicitCurve,
    /// Any other algorithm.
    Other(Cow<'static, str>),
    /// Any other named curve.
    OtherCurve(Cow<'static, str>),
    /// The curve secp224r1.
    P224,
    /// The curve secp256r1.
    P256,
    /// The curve secp384r1.
    P384,
    /// The curve secp521r1.
    P521,
    /// RSA that may be used with any padding.
    Rsa,
    /// RSA for signatures with PSS only (RFC 4055 section 1.2).
    RsaPss,
}

impl KeyKind {
    /// The kind of a key with this AlgorithmIdentifier.
    pub(in crate::pki) fn of(identifier: &AlgorithmIdentifier<'_>) -> Self {
        if identifier.algorithm != EC {
            return Self::of_algorithm(&identifier.algorithm);
        }
        let named = identifier.parameters.as_ref().filter(|parameters| parameters.tag() == Tag::Oid);
        match named.and_then(|curve| curve.as_oid().ok()) {
            Some(curve) => Self::of_curve(&curve),
            None => Self::ExplicitCurve,
        }
    }

    /// The kind of a private key, as far as it can be told.
    pub(in crate::pki) fn of_private(key: &PrivateKeyDer<'_>) -> Option<Self> {
        match key {
            PrivateKeyDer::Pkcs8(key) => {
                let (_, whole) = Any::from_der(key.secret_pkcs8_der()).ok()?;
                let (rest, _version) = Any::from_der(whole.data).ok()?;
                let (_, identifier) = AlgorithmIdentifier::from_der(rest).ok()?;
                Some(Self::of(&identifier))
            }
            PrivateKeyDer::Sec1(key) => {
                let (_, whole) = Any::from_der(key.secret_sec1_der()).ok()?;
                let (rest, _version) = Any::from_der(whole.data).ok()?;
                let (rest, _number) = Any::from_der(rest).ok()?;
                let (_, parameters) = Any::from_der(rest).ok()?;
                let (_, curve) = Any::from_der(parameters.data).ok()?;
                Some(curve.oid().map_or(Self::ExplicitCurve, |curve| Self::of_curve(&curve)))
            }
            _ => None,
        }
    }

    /// Do the TLS stacks of today use keys of this kind, if they are sound?
    pub(in crate::pki) fn is_common(&self) -> bool {
        matches!(self, Self::Ed25519 | Self::P256 | Self::P384 | Self::P521 | Self::Rsa)
    }

    fn of_algorithm(algorithm: &Oid<'_>) -> Self {
        if *algorithm == RSA {
            return Self::Rsa;
        }
        if *algorithm == RSA_PSS {
            return Self::RsaPss;
        }
        if *algorithm == ED25519 {
            return Self::Ed25519;
        }
        let known = ALGORITHMS.iter().find(|(known, _)| known == algorithm);
        Self::Other(known.map_or_else(|| algorithm.to_id_string().into(), |(_, name)| (*name).into()))
    }

    fn of_curve(curve: &Oid<'_>) -> Self {
        if let Some((_, kind)) = CURVES.iter().find(|(known, _)| known == curve) {
            return kind.clone();
        }
        Self::OtherCurve(format!("EC curve {}", curve.to_id_string()).into())
    }
}

impl Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ed25519 => "Ed25519",
            Self::ExplicitCurve => "EC with explicit parameters",
            Self::Other(name) | Self::OtherCurve(name) => name,
            Self::P224 => "P-224",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Rsa => "RSA",
            Self::RsaPss => "RSA-PSS",
        })
    }
}

/// Keys on curves: the parameters say which.
const EC: Oid<'_> = oid!(1.2.840.10045.2.1);
const ED25519: Oid<'_> = oid!(1.3.101.112);
const RSA: Oid<'_> = oid!(1.2.840.113549.1.1.1);
const RSA_PSS: Oid<'_> = oid!(1.2.840.113549.1.1.10);

const CURVES: &[(Oid<'_>, KeyKind)] = &[
    (oid!(1.2.840.10045.3.1.7), KeyKind::P256),
    (oid!(1.3.132.0.34), KeyKind::P384),
    (oid!(1.3.132.0.35), KeyKind::P521),
    (oid!(1.3.132.0.33), KeyKind::P224),
    (oid!(1.2.840.10045.3.1.1), curve("P-192")),
    (oid!(1.3.132.0.10), curve("secp256k1")),
    (oid!(1.3.36.3.3.2.8.1.1.7), curve("brainpoolP256r1")),
    (oid!(1.3.36.3.3.2.8.1.1.8), curve("brainpoolP256t1")),
    (oid!(1.3.36.3.3.2.8.1.1.11), curve("brainpoolP384r1")),
    (oid!(1.3.36.3.3.2.8.1.1.12), curve("brainpoolP384t1")),
    (oid!(1.3.36.3.3.2.8.1.1.13), curve("brainpoolP512r1")),
    (oid!(1.3.36.3.3.2.8.1.1.14), curve("brainpoolP512t1")),
    (oid!(1.2.156.10197.1.301), curve("SM2")),
];

const fn curve(name: &'static str) -> KeyKind {
    KeyKind::OtherCurve(Cow::Borrowed(name))
}

/// Keys that are their own algorithm.
const ALGORITHMS: &[(Oid<'_>, &str)] = &[
    (oid!(1.3.101.110), "X25519"),
    (oid!(1.3.101.111), "X448"),
    (oid!(1.3.101.113), "Ed448"),
    (oid!(1.2.840.10040.4.1), "DSA"),
    (oid!(2.16.840.1.101.3.4.3.17), "ML-DSA-44"),
    (oid!(2.16.840.1.101.3.4.3.18), "ML-DSA-65"),
    (oid!(2.16.840.1.101.3.4.3.19), "ML-DSA-87"),
];

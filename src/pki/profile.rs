//! What our certificates look like: the one place that decides about fields and extensions.
//!
//! Every field is one that OpenSSL's strict mode, Go, webpki, BoringSSL, GnuTLS, Java and Python accept, and that
//! linters have nothing to say about; `docs/certificates.md` has the table and the reasons. Nothing is left to
//! the defaults of the library that writes the certificates: those are valid for two thousand years, reuse
//! serial numbers when a key is reused, and give issuer and subject the same name.

use std::fmt::{self, Display};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyIdMethod, KeyUsagePurpose, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::Role;

/// Kind and size of the keys that we make.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum KeyType {
    /// ECDSA on P-256: accepted everywhere
    #[default]
    P256,
    /// ECDSA on P-384
    P384,
    /// RSA of 2048 bits, for peers that know nothing else
    Rsa2048,
    /// RSA of 3072 bits
    Rsa3072,
    /// Ed25519: Envoy and some verifiers refuse it
    Ed25519,
}

impl KeyType {
    /// As it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl Display for KeyType {
    /// As [`Summary`](super::Summary) calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Rsa2048 => "RSA 2048",
            Self::Rsa3072 => "RSA 3072",
            Self::Ed25519 => "Ed25519",
        })
    }
}

/// The first and the last second of a certificate's life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

impl Validity {
    /// From an hour ago, because the peer's clock may be slow, for `lifetime` from now on.
    pub(super) fn starting(now: OffsetDateTime, lifetime: std::time::Duration) -> Self {
        // Certificates know whole seconds only.
        let now = now.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(now);
        Self { not_before: now - BACKDATED, not_after: now + lifetime }
    }

    /// No longer than until `limit`: a verifier that checks the whole chain stops there anyway.
    pub(super) fn until_at_most(self, limit: OffsetDateTime) -> Self {
        Self { not_after: self.not_after.min(limit), ..self }
    }
}

/// A root that may sign leafs, but no further CA.
///
/// It has no extended key usage, which Go and OpenSSL would apply to everything below it, and no names.
/// Its subject is its own: two generations may stand in one bundle without being taken for each other.
pub(super) fn root(public_key: &[u8], validity: Validity) -> Result<CertificateParams, NoRandomness> {
    let identifier = key_identifier(public_key);
    let short = identifier[..4].iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let mut profile = base(&format!("egext CA {short}"), identifier, validity)?;
    profile.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    profile.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(profile)
}

/// A leaf for one side of the channel, and for that side only.
///
/// Its only key usage is digitalSignature: RFC 8813 forbids keyEncipherment for elliptic curves, and what
/// RSA would need it for is gone since TLS 1.3.
pub(super) fn leaf(
    role: Role,
    common_name: &str,
    public_key: &[u8],
    validity: Validity,
) -> Result<CertificateParams, NoRandomness> {
    let mut profile = base(common_name, key_identifier(public_key), validity)?;
    // Writes the extension, with the empty sequence that is DER's way to say "no CA".
    profile.is_ca = IsCa::ExplicitNoCa;
    profile.use_authority_key_identifier_extension = true;
    profile.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    profile.extended_key_usages = vec![match role {
        Role::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Role::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    Ok(profile)
}

/// The operating system has no random numbers to give.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random numbers")]
pub(super) struct NoRandomness;

fn base(
    common_name: &str,
    identifier: Vec<u8>,
    validity: Validity,
) -> Result<CertificateParams, NoRandomness> {
    let mut profile = CertificateParams::default();
    profile.not_before = validity.not_before;
    profile.not_after = validity.not_after;
    profile.serial_number = Some(serial_number()?);
    profile.distinguished_name = DistinguishedName::new();
    profile.distinguished_name.push(DnType::CommonName, common_name);
    profile.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
    Ok(profile)
}

/// Sixteen random octets, never derived from the key: a renewal that keeps its key needs a new number.
fn serial_number() -> Result<SerialNumber, NoRandomness> {
    let mut octets = [0; 16];
    rand::fill(&mut octets).map_err(|_| NoRandomness)?;
    // Positive, and of the same length every time; 126 random bits are left.
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&octets))
}

/// RFC 7093 section 2 method 1: SHA-256 over the BIT STRING's value, the first 160 bits of it.
fn key_identifier(public_key: &[u8]) -> Vec<u8> {
    digest(&SHA256, public_key).as_ref()[..20].to_vec()
}

/// How long before now a certificate's life begins.
pub(super) const BACKDATED: Duration = Duration::HOUR;

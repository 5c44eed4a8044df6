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

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use time::macros::datetime;
    use x509_parser::asn1_rs::FromDer as _;
    use x509_parser::certificate::X509Certificate;
    use x509_parser::extensions::{ParsedExtension, X509Extension};

    use super::*;
    use crate::pki::authority::{CertificateSet, SetPlan, issue_set};

    fn set(key_type: KeyType) -> CertificateSet {
        let plan = SetPlan { key_type, ..SetPlan::default() };
        issue_set(&plan, datetime!(2030-01-02 03:04:05 UTC)).expect("a set")
    }

    fn parsed<'a>(der: &'a CertificateDer<'_>) -> X509Certificate<'a> {
        X509Certificate::from_der(der).expect("a certificate").1
    }

    /// Name, criticality and DER value of each extension, by the last part of its name.
    fn extensions(certificate: &X509Certificate<'_>) -> Vec<(String, bool, Vec<u8>)> {
        let line = |extension: &X509Extension<'_>| {
            (extension.oid.to_id_string(), extension.critical, extension.value.to_vec())
        };
        let mut all = certificate.extensions().iter().map(line).collect::<Vec<_>>();
        all.sort();
        all
    }

    #[test]
    fn each_certificate_has_these_extensions_and_no_others() {
        let set = set(KeyType::P256);
        let names = |issued: &crate::pki::authority::Issued| {
            extensions(&parsed(issued.certificate()))
                .into_iter()
                .map(|(oid, critical, _)| format!("{oid}{}", if critical { " critical" } else { "" }))
                .collect::<Vec<_>>()
        };
        let (subject_key, key_usage, alternative_name) = ("2.5.29.14", "2.5.29.15 critical", "2.5.29.17");
        let (basic_constraints, authority_key, extended_key_usage) =
            ("2.5.29.19 critical", "2.5.29.35", "2.5.29.37");
        assert_eq!(names(&set.ca), [subject_key, key_usage, basic_constraints]);
        let leaf =
            [subject_key, key_usage, alternative_name, basic_constraints, authority_key, extended_key_usage];
        assert_eq!(names(&set.server), leaf);
        assert_eq!(names(&set.client), leaf);
    }

    #[test]
    fn their_values_are_these_octets() {
        let set = set(KeyType::P256);
        let value = |issued: &crate::pki::authority::Issued, oid: &str| {
            let all = extensions(&parsed(issued.certificate()));
            all.into_iter().find(|(name, ..)| name == oid).expect("there").2
        };
        // cA TRUE and pathLenConstraint 0; nothing at all, where a FALSE would not be DER.
        assert_eq!(value(&set.ca, "2.5.29.19"), [0x30, 6, 1, 1, 0xff, 2, 1, 0]);
        assert_eq!(value(&set.server, "2.5.29.19"), [0x30, 0]);
        // keyCertSign and cRLSign, one unused bit; digitalSignature, seven unused bits.
        assert_eq!(value(&set.ca, "2.5.29.15"), [3, 2, 1, 0b0000_0110]);
        assert_eq!(value(&set.client, "2.5.29.15"), [3, 2, 7, 0b1000_0000]);
        // serverAuth and clientAuth, each alone.
        assert_eq!(value(&set.server, "2.5.29.37"), [0x30, 10, 6, 8, 43, 6, 1, 5, 5, 7, 3, 1]);
        assert_eq!(value(&set.client, "2.5.29.37"), [0x30, 10, 6, 8, 43, 6, 1, 5, 5, 7, 3, 2]);
        // The issuer's key identifier alone, copied: no issuer name, no serial number.
        let ca = value(&set.ca, "2.5.29.14");
        assert_eq!(value(&set.server, "2.5.29.35"), [&[0x30, 22, 0x80, 20], &ca[2..]].concat());
    }

    #[test]
    fn key_identifiers_are_of_rfc_7093_for_every_kind_of_key() {
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Rsa2048, KeyType::Ed25519] {
            let set = set(key_type);
            let certificate = parsed(set.server.certificate());
            let identifier =
                certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
                    ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
                    _ => None,
                });
            let bits = &certificate.public_key().subject_public_key.data;
            assert_eq!(identifier.expect("there"), &digest(&SHA256, bits).as_ref()[..20], "{key_type}");
        }
    }

    #[test]
    fn subjects_have_no_dots_and_tell_generations_apart() {
        let set = set(KeyType::P256);
        let subjects = [&set.ca, &set.server, &set.client].map(|issued| issued.summary().subject.to_string());
        assert_eq!(subjects[1..], ["egext server", "egext client"]);
        assert!(subjects[0].starts_with("egext CA ") && subjects[0].len() == "egext CA 00000000".len());
        assert!(subjects.iter().all(|subject| !subject.contains('.')));
    }
}

//! The fields and extensions of our certificates.
//!
//! OpenSSL's strict mode, Go, webpki, BoringSSL, GnuTLS, Java and Python accept them;
//! `docs/certificates.md` has the table, the reasons, and the few remarks of linters.
//!
//! The profile is expressed in rcgen's types; [`sign`](super::sign) lets rcgen write the certificate, and signs it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::HEXLOWER;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyIdMethod, KeyUsagePurpose, NameConstraints, PublicKeyData, SanType,
    SerialNumber, SignatureAlgorithm,
};
use time::OffsetDateTime;

use super::inherited::Inherited;
use crate::crypto::digest::{SHA256, digest};
use crate::crypto::rand;
use crate::pki::x509::{date, lifetime};
use crate::pki::{Certificate, KeyKind, Role, SubjectName};

/// The first and the last second of a certificate's life.
#[derive(Clone, Copy, Debug)]
pub(in crate::pki) struct Validity {
    pub(in crate::pki) not_before: OffsetDateTime,
    pub(in crate::pki) not_after: OffsetDateTime,
}

impl Validity {
    /// From an hour ago, because the peer's clock may be slow, for `lifetime` from now on.
    pub(in crate::pki) fn starting(now: OffsetDateTime, lifetime: std::time::Duration) -> Self {
        // Certificates know whole seconds only.
        let now = date::utc(now).truncate_to_second();
        // A clock that was never set shows the first hour of 1970, and webpki reads no date before it.
        let not_before =
            date::before(now, lifetime::BACKDATED.unsigned_abs()).max(OffsetDateTime::UNIX_EPOCH);
        Self { not_before, not_after: date::after(now, lifetime) }
    }

    pub(in crate::pki) fn of(summary: &Certificate) -> Self {
        Self { not_before: summary.not_before, not_after: summary.not_after }
    }

    /// Neither before nor after: a verifier that checks the whole chain treats it like that anyway.
    pub(in crate::pki) fn within(self, limit: Self) -> Self {
        Self {
            not_before: self.not_before.max(limit.not_before),
            not_after: self.not_after.min(limit.not_after),
        }
    }

    /// Not past `end`. It may begin before its CA: verifiers look at the dates of each certificate by itself, and
    /// the lifetime that was asked for can be read from it later.
    pub(in crate::pki) fn until(self, end: OffsetDateTime) -> Self {
        Self { not_after: self.not_after.min(end), ..self }
    }
}

/// All that is signed, but for who signs it and how.
#[derive(Debug)]
pub(in crate::pki) struct Profile {
    pub(in crate::pki) parameters: CertificateParams,
    pub(in crate::pki) public_key: PublicKey,
    /// Name, DER: in place of that of `parameters`.
    pub(in crate::pki) subject: Option<Vec<u8>>,
}

/// A public key in the way of rcgen.
#[derive(Debug)]
pub(in crate::pki) struct PublicKey {
    algorithm: &'static SignatureAlgorithm,
    /// The BIT STRING's value.
    bits: Vec<u8>,
}

impl PublicKey {
    /// From SubjectPublicKeyInfo, DER.
    fn read(der: &[u8]) -> Result<Self, ProfileError> {
        let key = crate::pki::PublicKey::from_der(der).ok_or(ProfileError::PublicKey)?;
        let algorithm = match key.kind() {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::P521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa => &rcgen::PKCS_RSA_SHA256,
            _ => return Err(ProfileError::PublicKey),
        };
        Ok(Self { algorithm, bits: key.value().to_vec() })
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl Profile {
    /// A root that may sign leaf certificates, but no further CA.
    ///
    /// It has no extended key usage, which Go and OpenSSL would apply to everything below it. Its subject is
    /// its own: two generations may be in one bundle without being confused. `names` is the id
    /// of a SPIFFE trust domain, or nothing.
    pub(in crate::pki) fn root(
        public_key: &[u8],
        names: &[SubjectName],
        constraints: Option<&[SubjectName]>,
        validity: Validity,
    ) -> Result<Self, ProfileError> {
        let public_key = PublicKey::read(public_key)?;
        let short = HEXLOWER.encode(&identifier(&public_key.bits)[..4]);
        let mut root = Self::new(&format!("egext CA {short}"), names, public_key, validity)?;
        let parameters = &mut root.parameters;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(PATH_LENGTH));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.name_constraints = constraints.map(name_constraints).transpose()?;
        Ok(root)
    }

    /// A leaf for these sides of the channel, and for no other.
    ///
    /// Its only key usage is digitalSignature: RFC 8813 forbids keyEncipherment for elliptic curves, and what
    /// RSA would need it for is gone since TLS 1.3.
    pub(in crate::pki) fn leaf(
        roles: &[Role],
        common_name: &str,
        names: &[SubjectName],
        public_key: &[u8],
        validity: Validity,
    ) -> Result<Self, ProfileError> {
        let mut leaf = Self::new(common_name, names, PublicKey::read(public_key)?, validity)?;
        let parameters = &mut leaf.parameters;
        // The empty sequence is DER's way to say "no CA".
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let usages = [
            (Role::Server, ExtendedKeyUsagePurpose::ServerAuth),
            (Role::Client, ExtendedKeyUsagePurpose::ClientAuth),
        ];
        let usages = usages.into_iter().filter(|(role, _)| roles.contains(role));
        parameters.extended_key_usages = usages.map(|(_, usage)| usage).collect();
        // The key identifier alone: no issuer name, no serial number.
        parameters.use_authority_key_identifier_extension = true;
        Ok(leaf)
    }

    /// The subject and the key usages of a predecessor. keyEncipherment is for RSA only, keyAgreement for the others.
    pub(in crate::pki) fn inherit(&mut self, inherited: &Inherited) {
        let is_rsa = *self.public_key.algorithm == rcgen::PKCS_RSA_SHA256;
        let usages = [
            (inherited.key_encipherment && is_rsa, KeyUsagePurpose::KeyEncipherment),
            (inherited.key_agreement && !is_rsa, KeyUsagePurpose::KeyAgreement),
        ];
        let usages = usages.into_iter().filter(|(is_kept, _)| *is_kept).map(|(_, usage)| usage);
        self.parameters.key_usages.extend(usages);
        if inherited.has_no_subject {
            // The names become critical then (RFC 5280 section 4.2.1.6), which rcgen has to know.
            self.parameters.distinguished_name = DistinguishedName::new();
        }
        self.subject = Some(inherited.subject.clone());
    }

    fn new(
        common_name: &str,
        names: &[SubjectName],
        public_key: PublicKey,
        validity: Validity,
    ) -> Result<Self, ProfileError> {
        // What is not set below has no default that counts: rcgen's dates, serial number and name are replaced.
        let mut parameters = CertificateParams::default();
        parameters.serial_number = Some(SerialNumber::from_slice(&serial_number()?));
        parameters.not_before = validity.not_before;
        parameters.not_after = validity.not_after;
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        parameters.subject_alt_names = names.iter().map(general_name).collect::<Result<_, _>>()?;
        parameters.key_identifier_method = KeyIdMethod::PreSpecified(identifier(&public_key.bits));
        Ok(Self { parameters, public_key, subject: None })
    }
}

/// Why a profile could not be written.
#[derive(Debug, thiserror::Error)]
pub(in crate::pki) enum ProfileError {
    /// The operating system has no random numbers to give.
    #[error("the operating system gave no random numbers")]
    NoRandomness,
    /// What should be a public key is none, or of a kind that signs nothing.
    #[error("the public key is malformed, or of an unsupported kind")]
    PublicKey,
    /// A name of a kind that we do not write.
    #[error("`{0}` cannot be written into a certificate")]
    UnsupportedName(String),
}

/// The identifier of a key.
pub(in crate::pki) fn key_identifier(public_key: &crate::pki::PublicKey) -> Vec<u8> {
    identifier(public_key.value())
}

/// RFC 7093 section 2 method 1: SHA-256 over the BIT STRING's value, the first 160 bits of it.
fn identifier(bits: &[u8]) -> Vec<u8> {
    digest(&SHA256, bits).as_ref()[..20].to_vec()
}

/// Sixteen random octets, never derived from the key: a renewal that keeps its key needs a new number.
fn serial_number() -> Result<[u8; 16], ProfileError> {
    let mut octets = [0; 16];
    rand::fill(&mut octets).map_err(|_| ProfileError::NoRandomness)?;
    // Positive, and of the same length every time; 126 random bits are left.
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(octets)
}

fn general_name(name: &SubjectName) -> Result<SanType, ProfileError> {
    let unsupported = || ProfileError::UnsupportedName(name.to_string());
    let ascii = |text: &str| Ia5String::try_from(text).map_err(|_| unsupported());
    Ok(match name {
        SubjectName::Dns(text) => SanType::DnsName(ascii(text)?),
        SubjectName::Email(text) => SanType::Rfc822Name(ascii(text)?),
        SubjectName::Ip(address) => SanType::IpAddress(*address),
        SubjectName::Uri(text) => SanType::URI(ascii(text)?),
        SubjectName::Other(_) => return Err(unsupported()),
    })
}

/// Permits these names and no others of their two kinds (RFC 5280 section 4.2.1.10).
///
/// Names of a kind that is not mentioned are not constrained at all, so both are always mentioned: where none
/// is permitted, all are excluded. URIs are not constrained, because webpki refuses every URI below a CA that
/// does.
fn name_constraints(permitted: &[SubjectName]) -> Result<NameConstraints, ProfileError> {
    let (mut hosts, mut addresses) = (Vec::new(), Vec::new());
    for name in permitted {
        match name {
            // A constraint covers all names below as well; the asterisk is no part of one.
            SubjectName::Dns(name) if name.is_ascii() => {
                hosts.push(GeneralSubtree::DnsName(name.strip_prefix("*.").unwrap_or(name).to_owned()));
            }
            SubjectName::Ip(address) => {
                addresses.push(subnet(*address, if address.is_ipv4() { 32 } else { 128 }));
            }
            SubjectName::Uri(_) => {}
            other => return Err(ProfileError::UnsupportedName(other.to_string())),
        }
    }
    let mut excluded_subtrees = Vec::new();
    if hosts.is_empty() {
        // Every host is below the empty name.
        excluded_subtrees.push(GeneralSubtree::DnsName(String::new()));
    }
    if addresses.is_empty() {
        let all = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        excluded_subtrees.extend(all.map(|address| subnet(address, 0)));
    }
    hosts.append(&mut addresses);
    Ok(NameConstraints { permitted_subtrees: hosts, excluded_subtrees })
}

fn subnet(address: IpAddr, prefix: u8) -> GeneralSubtree {
    GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix))
}

/// Of our own root: it signs leaf certificates only.
const PATH_LENGTH: u8 = 0;

#[cfg(test)]
mod tests;

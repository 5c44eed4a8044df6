//! What our certificates look like: the one place that decides about fields and extensions.
//!
//! Every field is one that OpenSSL's strict mode, Go, webpki, BoringSSL, GnuTLS, Java and Python accept, and that
//! linters have nothing to say about; `docs/certificates.md` has the table and the reasons.
//!
//! # Why we write the DER ourselves
//!
//! The issuer of what we sign has to be the CA's subject octet by octet, also when the CA is somebody else's:
//! Active Directory's with its several domain components, with attributes side by side in one set, with old
//! string types. Every library at hand takes a name apart and puts it together again: rcgen loses attributes
//! that occur twice and refuses sets of several, x509-cert sorts what is in a set. Letting a library sign with
//! another issuer and replacing that afterwards would be signing twice. The profile is small and fixed, so it
//! is written here, with the CA's subject as octets that nobody looks into. Our own CA goes the same way: there
//! is one way to sign.

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::str::FromStr;

use time::{Duration, OffsetDateTime};

use super::der::{self, Reader};
use super::{Role, SubjectName, Summary, date};
use crate::choice::{self, UnknownChoice};
use crate::crypto::digest::{SHA256, digest};
use crate::crypto::rand;

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
    /// Ed25519: Envoy and some verifiers refuse it.
    Ed25519,
}

impl KeyType {
    /// All there are.
    pub const ALL: &[Self] = &[Self::P256, Self::P384, Self::Rsa2048, Self::Rsa3072, Self::Ed25519];

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

impl FromStr for KeyType {
    type Err = UnknownChoice;

    fn from_str(typed: &str) -> Result<Self, UnknownChoice> {
        choice::named(typed, Self::ALL, Self::name)
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
        let now = date::utc(now).truncate_to_second();
        // A clock that was never set shows the first hour of 1970, and webpki reads no date before it.
        let not_before = date::before(now, BACKDATED.unsigned_abs()).max(OffsetDateTime::UNIX_EPOCH);
        Self { not_before, not_after: date::after(now, lifetime) }
    }

    pub(super) fn of(summary: &Summary) -> Self {
        Self { not_before: summary.not_before, not_after: summary.not_after }
    }

    /// Neither before nor after: a verifier that checks the whole chain takes it for that anyway.
    pub(super) fn within(self, limit: Self) -> Self {
        Self {
            not_before: self.not_before.max(limit.not_before),
            not_after: self.not_after.min(limit.not_after),
        }
    }

    /// Not past `end`. It may begin before its CA: verifiers look at the dates of each certificate by itself, and
    /// the lifetime that was asked for can be read from it later.
    pub(super) fn until(self, end: OffsetDateTime) -> Self {
        Self { not_after: self.not_after.min(end), ..self }
    }
}

/// All that is signed, but for who signs it and how.
#[derive(Debug)]
pub(super) struct Profile {
    serial: [u8; 16],
    /// RDNSequence, DER.
    subject: Vec<u8>,
    validity: Validity,
    /// SubjectPublicKeyInfo, DER.
    public_key: Vec<u8>,
    /// Extensions, DER.
    extensions: Vec<Vec<u8>>,
}

impl Profile {
    /// A root that may sign leafs, but no further CA.
    ///
    /// It has no extended key usage, which Go and OpenSSL would apply to everything below it. Its subject is
    /// its own: two generations may stand in one bundle without being taken for each other. `names` is the id
    /// of a SPIFFE trust domain, or nothing.
    pub(super) fn root(
        public_key: &[u8],
        names: &[SubjectName],
        constraints: Option<&[SubjectName]>,
        validity: Validity,
    ) -> Result<Self, ProfileError> {
        let identifier = key_identifier(public_key)?;
        let short = identifier[..4].iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        let basic_constraints =
            der::sequence(&[der::element(der::BOOLEAN, &[0xff]), der::unsigned(&[PATH_LENGTH])]);
        let mut extensions = vec![
            critical(BASIC_CONSTRAINTS, &basic_constraints),
            critical(KEY_USAGE, &[der::BIT_STRING, 2, 1, KEY_CERT_SIGN | CRL_SIGN]),
            extension(SUBJECT_KEY_IDENTIFIER, &der::octet_string(&identifier)),
        ];
        if !names.is_empty() {
            extensions.push(extension(SUBJECT_ALT_NAME, &general_names(names)?));
        }
        if let Some(permitted) = constraints {
            extensions.push(critical(NAME_CONSTRAINTS, &name_constraints(permitted)?));
        }
        Self::new(&format!("egext CA {short}"), public_key, validity, extensions)
    }

    /// A leaf for one side of the channel, and for that side only.
    ///
    /// The exception is a SPIFFE id: X509-SVID (section 4.4) wants both usages, since each workload is client
    /// and server.
    ///
    /// Its only key usage is digitalSignature: RFC 8813 forbids keyEncipherment for elliptic curves, and what
    /// RSA would need it for is gone since TLS 1.3.
    pub(super) fn leaf(
        role: Role,
        common_name: &str,
        names: &[SubjectName],
        public_key: &[u8],
        authority_key_identifier: &[u8],
        validity: Validity,
    ) -> Result<Self, ProfileError> {
        let identifier = key_identifier(public_key)?;
        let usages = if names.iter().any(SubjectName::is_spiffe) {
            der::sequence(&[der::object_identifier(SERVER_AUTH), der::object_identifier(CLIENT_AUTH)])
        } else {
            der::sequence(&[der::object_identifier(match role {
                Role::Client => CLIENT_AUTH,
                Role::Server => SERVER_AUTH,
            })])
        };
        let extensions = vec![
            // The empty sequence is DER's way to say "no CA".
            critical(BASIC_CONSTRAINTS, &der::sequence::<&[u8]>(&[])),
            critical(KEY_USAGE, &[der::BIT_STRING, 2, 7, DIGITAL_SIGNATURE]),
            extension(EXTENDED_KEY_USAGE, &usages),
            extension(SUBJECT_KEY_IDENTIFIER, &der::octet_string(&identifier)),
            // The key identifier alone: no issuer name, no serial number.
            extension(
                AUTHORITY_KEY_IDENTIFIER,
                &der::sequence(&[der::element(CONTEXT, authority_key_identifier)]),
            ),
            extension(SUBJECT_ALT_NAME, &general_names(names)?),
        ];
        Self::new(common_name, public_key, validity, extensions)
    }

    fn new(
        common_name: &str,
        public_key: &[u8],
        validity: Validity,
        extensions: Vec<Vec<u8>>,
    ) -> Result<Self, ProfileError> {
        let attribute = der::sequence(&[
            der::object_identifier(COMMON_NAME),
            der::element(der::UTF8_STRING, common_name.as_bytes()),
        ]);
        Ok(Self {
            serial: serial_number()?,
            subject: der::sequence(&[der::element(der::SET, &attribute)]),
            validity,
            public_key: public_key.to_vec(),
            extensions,
        })
    }

    /// The subject's octets: a root is its own issuer.
    pub(super) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// TBSCertificate, with `issuer` (a Name) and `algorithm` (an AlgorithmIdentifier) as they are.
    pub(super) fn to_be_signed(&self, issuer: &[u8], algorithm: &[u8]) -> Vec<u8> {
        let Validity { not_before, not_after } = self.validity;
        der::sequence(&[
            &*der::element(EXPLICIT, &der::unsigned(&[VERSION_3])),
            &der::unsigned(&self.serial),
            algorithm,
            issuer,
            &der::sequence(&[der::time(not_before), der::time(not_after)]),
            &self.subject,
            &self.public_key,
            &der::element(EXPLICIT | 3, &der::sequence(&self.extensions)),
        ])
    }
}

/// Why a profile could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    /// The operating system has no random numbers to give.
    #[error("the operating system gave no random numbers")]
    NoRandomness,
    /// What should be a public key is none.
    #[error("the public key is malformed")]
    PublicKey,
    /// A name of a kind that we do not write.
    #[error("`{0}` cannot be written into a certificate")]
    UnsupportedName(String),
}

/// RFC 7093 section 2 method 1: SHA-256 over the BIT STRING's value, the first 160 bits of it.
pub(super) fn key_identifier(public_key: &[u8]) -> Result<Vec<u8>, ProfileError> {
    let bits = || {
        let mut information = Reader::new(public_key).sequence()?;
        information.sequence()?;
        information.take(der::BIT_STRING)?.split_first().map(|(_unused, bits)| bits)
    };
    Ok(digest(&SHA256, bits().ok_or(ProfileError::PublicKey)?).as_ref()[..20].to_vec())
}

/// Sixteen random octets, never derived from the key: a renewal that keeps its key needs a new number.
fn serial_number() -> Result<[u8; 16], ProfileError> {
    let mut octets = [0; 16];
    rand::fill(&mut octets).map_err(|_| ProfileError::NoRandomness)?;
    // Positive, and of the same length every time; 126 random bits are left.
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(octets)
}

/// Could it be one of [`serial_number`]?
pub(super) fn has_our_serial_number(octets: &[u8]) -> bool {
    octets.len() == 16 && octets[0] & 0xc0 == 0x40
}

fn general_names(names: &[SubjectName]) -> Result<Vec<u8>, ProfileError> {
    let unsupported = |name: &SubjectName| ProfileError::UnsupportedName(name.to_string());
    let one = |name: &SubjectName| {
        Ok(match name {
            SubjectName::Email(text) if text.is_ascii() => der::element(CONTEXT | 1, text.as_bytes()),
            SubjectName::Dns(text) if text.is_ascii() => der::element(CONTEXT | 2, text.as_bytes()),
            SubjectName::Uri(text) if text.is_ascii() => der::element(CONTEXT | 6, text.as_bytes()),
            SubjectName::Ip(address) => der::element(CONTEXT | 7, &octets(*address)),
            SubjectName::Dns(_) | SubjectName::Email(_) | SubjectName::Other(_) | SubjectName::Uri(_) => {
                return Err(unsupported(name));
            }
        })
    };
    Ok(der::sequence(&names.iter().map(one).collect::<Result<Vec<_>, _>>()?))
}

/// Permits these names and no others of their two kinds (RFC 5280 section 4.2.1.10).
///
/// Names of a kind that is not mentioned are not constrained at all, so both are always mentioned: where none
/// is permitted, all are excluded. URIs are not constrained, because webpki refuses every URI below a CA that
/// does.
fn name_constraints(permitted: &[SubjectName]) -> Result<Vec<u8>, ProfileError> {
    let subtree = |tag: u8, base: &[u8]| der::sequence(&[der::element(tag, base)]);
    let (mut hosts, mut addresses) = (Vec::new(), Vec::new());
    for name in permitted {
        match name {
            // A constraint covers all names below as well; the asterisk is no part of one.
            SubjectName::Dns(name) => {
                hosts.push(subtree(CONTEXT | 2, name.strip_prefix("*.").unwrap_or(name).as_bytes()));
            }
            SubjectName::Ip(address) => {
                let address = octets(*address);
                let mask = vec![0xff; address.len()];
                addresses.push(subtree(CONTEXT | 7, &[address, mask].concat()));
            }
            SubjectName::Uri(_) => {}
            other => return Err(ProfileError::UnsupportedName(other.to_string())),
        }
    }
    let mut excluded = Vec::new();
    if hosts.is_empty() {
        excluded.push(subtree(CONTEXT | 2, &[]));
    }
    if addresses.is_empty() {
        // All of IPv4 and all of IPv6.
        excluded.extend([subtree(CONTEXT | 7, &[0; 8]), subtree(CONTEXT | 7, &[0; 32])]);
    }
    let trees = |tag: u8, trees: Vec<Vec<u8>>| match trees.as_slice() {
        [] => Vec::new(),
        some => der::element(tag, &some.concat()),
    };
    let permitted = [hosts, addresses].concat();
    Ok(der::sequence(&[trees(EXPLICIT, permitted), trees(EXPLICIT | 1, excluded)]))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn extension(oid: &[u32], value: &[u8]) -> Vec<u8> {
    der::sequence(&[der::object_identifier(oid), der::octet_string(value)])
}

fn critical(oid: &[u32], value: &[u8]) -> Vec<u8> {
    der::sequence(&[
        der::object_identifier(oid),
        der::element(der::BOOLEAN, &[0xff]),
        der::octet_string(value),
    ])
}

/// How long before now a certificate's life begins.
pub(super) const BACKDATED: Duration = Duration::HOUR;

const VERSION_3: u8 = 2;

/// Of our own root: leafs, and nothing between.
const PATH_LENGTH: u8 = 0;

const COMMON_NAME: &[u32] = &[2, 5, 4, 3];

const SUBJECT_KEY_IDENTIFIER: &[u32] = &[2, 5, 29, 14];
const KEY_USAGE: &[u32] = &[2, 5, 29, 15];
const SUBJECT_ALT_NAME: &[u32] = &[2, 5, 29, 17];
const BASIC_CONSTRAINTS: &[u32] = &[2, 5, 29, 19];
const NAME_CONSTRAINTS: &[u32] = &[2, 5, 29, 30];
const AUTHORITY_KEY_IDENTIFIER: &[u32] = &[2, 5, 29, 35];
const EXTENDED_KEY_USAGE: &[u32] = &[2, 5, 29, 37];

const SERVER_AUTH: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];

/// Bits of keyUsage, the first on the left.
const DIGITAL_SIGNATURE: u8 = 0x80;
const KEY_CERT_SIGN: u8 = 0x04;
const CRL_SIGN: u8 = 0x02;

/// Context-specific tags: in place of another one, and around one.
const CONTEXT: u8 = 0x80;
const EXPLICIT: u8 = 0xa0;

#[cfg(test)]
mod tests;

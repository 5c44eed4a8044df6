//! A certificate, parsed once where it enters the program.

use std::borrow::Cow;
use std::ops::Range;

use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::num_bigint::BigUint;

use super::certificate_error::InspectError;
use super::extension::{AuthorityKey, ExtendedKeyUsages, Extension, Extensions, KeyUsages, Value};
use super::rfc2253::rfc2253;
use super::signature::{self, Signature};
use super::{date, der, lifetime};
use crate::crypto::digest::{SHA256, digest};
use crate::pki::{DistinguishedName, PublicKey, Role, SubjectName};

/// Everything that a certificate says (RFC 5280 section 4.1). Nothing in it has been verified.
///
/// The same extension twice is an error of its maker (RFC 5280 section 4.2). Fields have what the last one says; what
/// decides about trust takes such an extension for one that is missing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Certificate {
    /// Itself.
    pub der: CertificateDer<'static>,
    /// Whom it was issued to.
    pub subject: DistinguishedName,
    /// Who says that it did.
    pub issuer: DistinguishedName,
    /// Subject and issuer are the same, octet by octet: it is a root, or stands for itself alone.
    pub self_issued: bool,
    /// The serial number's octets in hexadecimal, without leading zeros.
    pub serial: String,
    /// The first second of its life.
    pub not_before: OffsetDateTime,
    /// The last second of its life.
    pub not_after: OffsetDateTime,
    /// How long it was meant to live when it was issued.
    pub lifetime: Duration,
    /// What a peer may call its holder. Empty: no modern TLS stack accepts it from a server.
    pub names: Vec<SubjectName>,
    /// It may sign other certificates (basicConstraints).
    pub is_ca: bool,
    /// How many CAs may stand between it and a leaf certificate, if it says so.
    pub path_length: Option<u32>,
    /// It may be presented by a server: its extended key usage says so, allows any, or is absent.
    pub server_auth: bool,
    /// It may be presented by a client: its extended key usage says so, allows any, or is absent.
    pub client_auth: bool,
    /// Whose certificate it is.
    pub key: PublicKey,
    /// 1, 2 or 3.
    pub version: u32,
    pub(in crate::pki) all: Extensions,
    parts: Parts,
}

/// Where things stand in the DER encoding.
#[derive(Clone, Debug)]
struct Parts {
    tbs: Range<usize>,
    serial: Range<usize>,
    issuer: Range<usize>,
    subject: Range<usize>,
    /// The contents of the AlgorithmIdentifier next to the signed part.
    algorithm: Range<usize>,
    signature: Range<usize>,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// When it is not the DER encoding of an X.509 certificate.
    pub fn of(der: &CertificateDer<'_>) -> Result<Self, InspectError> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| InspectError::of(&error))?;
        if !rest.is_empty() {
            return Err(InspectError::TrailingOctets(rest.len()));
        }
        let all = Extensions(parsed.extensions().iter().map(Extension::of).collect());
        let validity = parsed.validity();
        let [not_before, not_after] =
            [validity.not_before, validity.not_after].map(|moment| date::utc(moment.to_datetime()));
        let constraints = all.last(|value| match value {
            Value::BasicConstraints { is_ca, path_length } => Some((*is_ca, *path_length)),
            _ => None,
        });
        let (is_ca, path_length) = constraints.unwrap_or_default();
        let (server_auth, client_auth) =
            extended(&all).map_or((true, true), |usages| (usages.server(), usages.client()));
        let is_ours = lifetime::is_ours(&all.0, parsed.raw_serial());
        Ok(Self {
            der: der.clone().into_owned(),
            subject: DistinguishedName::of(parsed.subject()),
            issuer: DistinguishedName::of(parsed.issuer()),
            self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            serial: serial(parsed.raw_serial()),
            not_before,
            not_after,
            lifetime: lifetime::meant(not_before, not_after, is_ours),
            names: names(&parsed),
            is_ca,
            path_length,
            server_auth,
            client_auth,
            key: PublicKey::of(parsed.public_key()),
            version: parsed.version().0.saturating_add(1),
            all,
            parts: Parts::of(&parsed),
        })
    }

    /// True if its extended key usage permits this side, or does not restrict any.
    pub fn permits(&self, role: Role) -> bool {
        match role {
            Role::Client => self.client_auth,
            Role::Server => self.server_auth,
        }
    }

    /// Did `issuer` issue it: does it say so, and is the signature of its key?
    ///
    /// A signature with an algorithm that is no longer verified is not checked.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        self.raw_issuer() == issuer.raw_subject() && signature::signed_by(self, issuer) != Signature::Foreign
    }

    /// Does it look like one that we issue? Nothing depends on it but the hour before, and the advice about a CA.
    pub fn is_ours(&self) -> bool {
        lifetime::is_ours(&self.all.0, self.raw_serial())
    }

    /// May it issue for certain names only (RFC 5280 section 4.2.1.10)?
    pub fn has_name_constraints(&self) -> bool {
        matches!(self.all.name_constraints(), Ok(Some(_)))
    }

    /// The subject has no attributes.
    pub fn has_empty_subject(&self) -> bool {
        self.raw_subject() == EMPTY_NAME
    }

    /// Its extensions, in its order.
    pub fn extensions(&self) -> &[Extension] {
        &self.all.0
    }

    /// What its key may be used for, if it says so.
    pub fn key_usages(&self) -> Option<KeyUsages> {
        self.all.last(|value| match value {
            Value::KeyUsage(usages) => Some(*usages),
            _ => None,
        })
    }

    /// Which purposes it has, if it says so.
    pub fn extended_key_usages(&self) -> Option<&ExtendedKeyUsages> {
        extended(&self.all)
    }

    /// The identifier of its key (RFC 5280 section 4.2.1.2), if it has one.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.all.last(|value| match value {
            Value::SubjectKey(identifier) => Some(identifier.as_slice()),
            _ => None,
        })
    }

    /// The identifier of its issuer's key (RFC 5280 section 4.2.1.1), if it has one.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.all.last(|value| match value {
            Value::AuthorityKey(AuthorityKey { identifier, .. }) => Some(identifier.as_deref()),
            _ => None,
        })?
    }

    /// What was signed: TBSCertificate, DER.
    pub fn tbs(&self) -> &[u8] {
        self.part(&self.parts.tbs)
    }

    /// The subject, DER.
    pub fn raw_subject(&self) -> &[u8] {
        self.part(&self.parts.subject)
    }

    /// The subject as OpenSSL writes it by the rules of RFC 2253, in ASCII.
    pub fn subject_rfc2253(&self) -> String {
        // It was read when the certificate was.
        rfc2253(self.raw_subject()).unwrap_or_default()
    }

    /// The issuer, DER.
    pub fn raw_issuer(&self) -> &[u8] {
        self.part(&self.parts.issuer)
    }

    /// The octets of the serial number.
    pub fn raw_serial(&self) -> &[u8] {
        self.part(&self.parts.serial)
    }

    /// The serial number as a decimal number, as some tools have it.
    pub fn serial_decimal(&self) -> String {
        BigUint::from_bytes_be(self.raw_serial()).to_string()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        self.part(&self.parts.signature)
    }

    /// What is inside the AlgorithmIdentifier of its signature (RFC 5280 section 4.1.1.2).
    pub(in crate::pki) fn signature_algorithm(&self) -> &[u8] {
        self.part(&self.parts.algorithm)
    }

    /// How it was signed, such as `ECDSA with SHA-256`; the object identifier of what has no name.
    pub fn signed_with(&self) -> Cow<'static, str> {
        signature::name(self)
    }

    /// SHA-256 of the certificate, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        sha256(&self.der)
    }

    fn part(&self, place: &Range<usize>) -> &[u8] {
        der::part(&self.der, place)
    }
}

impl AsRef<[u8]> for Certificate {
    /// DER.
    fn as_ref(&self) -> &[u8] {
        &self.der
    }
}

impl Eq for Certificate {}

impl PartialEq for Certificate {
    /// Octet by octet.
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Parts {
    fn of(parsed: &X509Certificate<'_>) -> Self {
        let whole = parsed.as_raw();
        let place = |part: &[u8]| der::place(whole, part);
        let tbs = place(parsed.tbs_certificate.as_ref());
        let algorithm = whole.get(tbs.end..).and_then(der::contents);
        Self {
            serial: place(parsed.raw_serial()),
            issuer: place(parsed.issuer().as_raw()),
            subject: place(parsed.subject().as_raw()),
            algorithm: algorithm.map(place).unwrap_or_default(),
            signature: place(&parsed.signature_value.data),
            tbs,
        }
    }
}

/// SHA-256 in hexadecimal.
pub(in crate::pki) fn sha256(octets: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, octets).as_ref())
}

fn extended(all: &Extensions) -> Option<&ExtendedKeyUsages> {
    all.last(|value| match value {
        Value::ExtendedKeyUsage(usages) => Some(usages),
        _ => None,
    })
}

fn names(parsed: &X509Certificate<'_>) -> Vec<SubjectName> {
    let names = parsed.extensions().iter().rev().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names.into_iter().flatten().map(SubjectName::of).collect()
}

fn serial(octets: &[u8]) -> String {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    HEXLOWER.encode(&octets[zeros.min(octets.len().saturating_sub(1))..])
}

/// An empty SEQUENCE.
const EMPTY_NAME: [u8; 2] = [0x30, 0];

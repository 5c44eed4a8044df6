//! A certificate as Go's parser returns it (`crypto/x509/parser.go`), and what Go requires of each one in a chain.

use time::OffsetDateTime;
use x509_parser::num_bigint::BigUint;

use super::Refusal;
use super::der::{self, Input, right_aligned};
use super::extensions::{self, Extensions, KEY_CERT_SIGN};
use super::keys::{self, Algorithm, Key, Unverified};
use super::text::{self, Name};
use crate::pki::Role;

/// Why a certificate cannot be parsed, as Go says it.
#[derive(Debug)]
pub(super) struct Malformed(pub(super) String);

impl From<&str> for Malformed {
    fn from(reason: &str) -> Self {
        Self(format!("x509: {reason}"))
    }
}

impl From<String> for Malformed {
    fn from(reason: String) -> Self {
        reason.as_str().into()
    }
}

/// Where in a chain a certificate stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Position {
    Intermediate,
    Leaf,
    Root,
}

/// What Go keeps of a certificate.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) der: &'a [u8],
    tbs: &'a [u8],
    /// 1, 2 or 3.
    version: i64,
    serial: &'a [u8],
    algorithm: Algorithm,
    signature: Vec<u8>,
    /// Names with tag and length.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) subject_name: Name,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    pub(super) key_info: &'a [u8],
    pub(super) key: Key,
    pub(super) extensions: Extensions<'a>,
}

impl<'a> Parsed<'a> {
    /// `ParseCertificate`
    pub(super) fn of(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Input(der).sequence().ok_or("malformed certificate")?;
        let tbs = outer.element(der::SEQUENCE).ok_or("malformed tbs certificate")?;
        let mut input = Input(tbs.contents);
        let version = version(&mut input)?;
        let serial = input.integer().ok_or("malformed serial number")?;
        if serial[0] & 0x80 != 0 {
            return Err("negative serial number".into());
        }
        let inner = input.sequence().ok_or("malformed signature algorithm identifier")?;
        if inner.0 != outer.sequence().ok_or("malformed algorithm identifier")?.0 {
            return Err("inner and outer signature algorithm identifiers don't match".into());
        }
        let algorithm = keys::algorithm(inner)?;
        let issuer = input.element(der::SEQUENCE).ok_or("malformed issuer")?.whole;
        text::name(issuer)?;
        let (not_before, not_after) = text::validity(input.sequence().ok_or("malformed validity")?)?;
        // As Go says it, too.
        let subject = input.element(der::SEQUENCE).ok_or("malformed issuer")?.whole;
        let subject_name = text::name(subject)?;
        let key_info = input.element(der::SEQUENCE).ok_or("malformed spki")?;
        let key = keys::key(Input(key_info.contents))?;
        let extensions = extensions(&mut input, version)?;
        let signature = right_aligned(outer.bits().ok_or("malformed signature")?);
        if Input(der).any().is_none_or(|whole| whole.whole.len() != der.len()) {
            return Err("trailing data".into());
        }
        let (tbs, key_info) = (tbs.whole, key_info.whole);
        Ok(Self {
            der,
            tbs,
            version,
            serial,
            algorithm,
            signature,
            issuer,
            subject,
            subject_name,
            not_before,
            not_after,
            key_info,
            key,
            extensions,
        })
    }

    /// What Go asks of a certificate by its place in a chain, below which `below` others stand.
    pub(super) fn is_valid(
        &self,
        position: Position,
        below: usize,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        if self.extensions.unhandled_critical {
            return Err(Refusal::UnhandledCriticalExtension);
        }
        if now < not_before {
            return Err(Refusal::NotYetValid { now, not_before });
        }
        if now > not_after {
            return Err(Refusal::Expired { now, not_after });
        }
        if position == Position::Intermediate && !matches!(self.extensions.constraints, Some((true, _))) {
            return Err(Refusal::NotAuthorizedToSign);
        }
        if let Some((_, Some(length))) = self.extensions.constraints
            && u64::try_from(below.saturating_sub(1)).is_ok_and(|between| between > length)
        {
            return Err(Refusal::TooManyIntermediates);
        }
        Ok(())
    }

    /// `CheckSignatureFrom`: did the key of `parent` sign this, and may it?
    pub(super) fn check_signature(&self, parent: &Parsed<'_>) -> Result<(), Unverified> {
        let is_ca = match parent.extensions.constraints {
            Some((is_ca, _)) => is_ca,
            None => parent.version != 3,
        };
        let usage = parent.extensions.key_usage;
        if !is_ca || usage != 0 && usage & KEY_CERT_SIGN == 0 {
            let words = "x509: invalid signature: parent certificate cannot sign this kind of certificate";
            return Err(Unverified::Go(words.to_owned()));
        }
        parent.key.verify(self.algorithm, self.tbs, &self.signature)
    }

    /// Does its extended key usage allow this side?
    pub(super) fn allows(&self, role: Role) -> bool {
        let wanted = match role {
            Role::Client => "1.3.6.1.5.5.7.3.2",
            Role::Server => "1.3.6.1.5.5.7.3.1",
        };
        let allows = |usages: &Vec<String>| usages.iter().any(|usage| usage == wanted || usage == ANY_USAGE);
        self.extensions.usages.as_ref().is_none_or(allows)
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// What Go calls it in a hint.
    pub(super) fn name_in_hints(&self) -> String {
        let name = &self.subject_name;
        match &name.organization {
            _ if !name.common_name.is_empty() => name.common_name.clone(),
            Some(organization) => organization.clone(),
            // A negative one is not parsed.
            None => format!("serial:{}", BigUint::from_bytes_be(self.serial)),
        }
    }
}

fn version(input: &mut Input<'_>) -> Result<i64, String> {
    let version = match input.optional(der::constructed(0)).ok_or("malformed version")? {
        None => 0,
        Some(mut explicit) => {
            let number = explicit.number().filter(|_| explicit.is_empty());
            number.filter(|number| *number >= 0).ok_or("malformed version")?
        }
    };
    if version < 3 { Ok(version + 1) } else { Err("invalid version".to_owned()) }
}

fn extensions<'a>(input: &mut Input<'a>, version: i64) -> Result<Extensions<'a>, String> {
    if version == 1 {
        return Ok(Extensions::default());
    }
    input.optional(der::context(1)).ok_or("malformed issuerUniqueID")?;
    input.optional(der::context(2)).ok_or("malformed subjectUniqueID")?;
    if version != 3 {
        return Ok(Extensions::default());
    }
    match input.optional(der::constructed(3)).ok_or("malformed extensions")? {
        Some(mut list) => extensions::read(list.sequence().ok_or("malformed extensions")?),
        None => Ok(Extensions::default()),
    }
}

const ANY_USAGE: &str = "2.5.29.37.0";

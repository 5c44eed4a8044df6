//! Extensions of a certificate (RFC 5280 section 4.2), as far as something here depends on them.

use std::borrow::Cow;

use x509_parser::asn1_rs::Oid;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, ExtendedKeyUsage, GeneralName, GeneralSubtree, ParsedExtension, X509Extension,
};
use x509_parser::oid_registry::{
    OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE, OID_X509_EXT_NAME_CONSTRAINTS,
    OID_X509_EXT_SUBJECT_ALT_NAME,
};
use x509_parser::x509::X509Name;

use crate::pki::SubjectName;

/// One extension of a certificate.
#[derive(Clone, Debug)]
pub struct Extension {
    oid: Oid<'static>,
    is_critical: bool,
    pub(in crate::pki) value: Value,
}

/// What an extension says.
#[derive(Clone, Debug)]
pub(in crate::pki) enum Value {
    /// RFC 5280 section 4.2.1.1.
    AuthorityKey(AuthorityKey),
    /// RFC 5280 section 4.2.1.9.
    BasicConstraints { is_ca: bool, path_length: Option<u32> },
    /// RFC 5280 section 4.2.1.12.
    ExtendedKeyUsage(ExtendedKeyUsages),
    /// RFC 5280 section 4.2.1.3.
    KeyUsage(KeyUsages),
    /// RFC 5280 section 4.2.1.10.
    NameConstraints(NameConstraints),
    /// RFC 5280 section 4.2.1.6; the names are [`Certificate::names`](crate::pki::Certificate::names).
    Names,
    /// Any other, or one that cannot be read.
    Other,
    /// RFC 5280 section 4.2.1.2.
    SubjectKey(Vec<u8>),
}

/// How a certificate names the key of its issuer.
#[derive(Clone, Debug)]
pub(in crate::pki) struct AuthorityKey {
    pub(in crate::pki) identifier: Option<Vec<u8>>,
    pub(in crate::pki) serial: Option<Vec<u8>>,
    /// Who issued the issuer's certificate, as [`issuer_words`] has it.
    pub(in crate::pki) issuer: Option<String>,
}

/// The names that a CA may issue certificates for.
#[derive(Clone, Debug)]
pub(in crate::pki) struct NameConstraints {
    /// Of an address the first one of its network.
    pub(in crate::pki) permitted: Vec<SubjectName>,
    /// Some of them, permitted or excluded, are about subjects.
    pub(in crate::pki) about_subjects: bool,
}

/// What a key may be used for (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyUsages(u16);

/// Which purposes a certificate has (RFC 5280 section 4.2.1.12).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtendedKeyUsages {
    any: bool,
    server: bool,
    client: bool,
    names: Vec<Cow<'static, str>>,
}

impl Extension {
    pub(in crate::pki) fn of(extension: &X509Extension<'_>) -> Self {
        Self {
            oid: extension.oid.to_owned(),
            is_critical: extension.critical,
            value: Value::of(extension.parsed_extension()),
        }
    }

    /// Its object identifier, such as `2.5.29.15`.
    pub fn oid(&self) -> String {
        self.oid.to_id_string()
    }

    /// Must a verifier that does not know it reject the certificate (RFC 5280 section 4.2)?
    pub fn is_critical(&self) -> bool {
        self.is_critical
    }

    pub(in crate::pki) fn is(&self, oid: &Oid<'_>) -> bool {
        self.oid == *oid
    }
}

impl Value {
    fn of(parsed: &ParsedExtension<'_>) -> Self {
        match parsed {
            ParsedExtension::AuthorityKeyIdentifier(found) => Self::AuthorityKey(AuthorityKey::of(found)),
            ParsedExtension::BasicConstraints(found) => {
                Self::BasicConstraints { is_ca: found.ca, path_length: found.path_len_constraint }
            }
            ParsedExtension::ExtendedKeyUsage(found) => Self::ExtendedKeyUsage(ExtendedKeyUsages::of(found)),
            ParsedExtension::KeyUsage(found) => Self::KeyUsage(KeyUsages(found.flags)),
            ParsedExtension::NameConstraints(found) => Self::NameConstraints(NameConstraints::of(found)),
            ParsedExtension::SubjectAlternativeName(_) => Self::Names,
            ParsedExtension::SubjectKeyIdentifier(found) => Self::SubjectKey(found.0.to_vec()),
            _ => Self::Other,
        }
    }
}

impl AuthorityKey {
    fn of(found: &AuthorityKeyIdentifier<'_>) -> Self {
        let directory = |name: &GeneralName<'_>| match name {
            GeneralName::DirectoryName(name) => Some(X509Name::to_string(name)),
            _ => None,
        };
        Self {
            identifier: found.key_identifier.as_ref().map(|key| key.0.to_vec()),
            serial: found.authority_cert_serial.map(<[u8]>::to_vec),
            issuer: found.authority_cert_issuer.iter().flatten().find_map(directory),
        }
    }
}

impl NameConstraints {
    fn of(found: &x509_parser::extensions::NameConstraints<'_>) -> Self {
        let permitted = || found.permitted_subtrees.iter().flatten();
        let is_subject = |tree: &GeneralSubtree<'_>| matches!(tree.base, GeneralName::DirectoryName(_));
        Self {
            permitted: permitted().map(self::permitted).collect(),
            about_subjects: permitted().chain(found.excluded_subtrees.iter().flatten()).any(is_subject),
        }
    }
}

impl KeyUsages {
    /// Its key may sign certificates.
    pub fn key_cert_sign(self) -> bool {
        self.0 >> 5 & 1 == 1
    }

    /// By the names of RFC 5280.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let names = KEY_USAGES.iter().enumerate();
        names.filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name)
    }
}

impl ExtendedKeyUsages {
    fn of(usage: &ExtendedKeyUsage<'_>) -> Self {
        let known = [
            (usage.any, "any"),
            (usage.server_auth, "serverAuth"),
            (usage.client_auth, "clientAuth"),
            (usage.code_signing, "codeSigning"),
            (usage.email_protection, "emailProtection"),
            (usage.time_stamping, "timeStamping"),
            (usage.ocsp_signing, "OCSPSigning"),
        ];
        let known = known.into_iter().filter(|(set, _)| *set).map(|(_, name)| Cow::Borrowed(name));
        let others = usage.other.iter().map(|oid| Cow::Owned(oid.to_id_string()));
        let names = known.chain(others).collect();
        Self { any: usage.any, server: usage.server_auth, client: usage.client_auth, names }
    }

    /// By the names of RFC 5280; the object identifier of one that it does not name.
    pub fn names(&self) -> &[Cow<'static, str>] {
        &self.names
    }

    /// May a client present the certificate?
    pub fn client(&self) -> bool {
        self.any || self.client
    }

    /// May a server present the certificate?
    pub fn server(&self) -> bool {
        self.any || self.server
    }
}

/// The extensions of one certificate, in its order.
#[derive(Clone, Debug)]
pub(in crate::pki) struct Extensions(pub(in crate::pki) Vec<Extension>);

/// It is there twice, or cannot be read.
#[derive(Clone, Copy, Debug)]
pub(in crate::pki) struct Unreadable;

impl Extensions {
    /// basicConstraints, and whether they are critical. None if they are missing or cannot be read.
    ///
    /// # Errors
    /// If they are there twice.
    pub(in crate::pki) fn basic_constraints(&self) -> Result<Option<(bool, bool)>, Unreadable> {
        let found = self.unique(&OID_X509_EXT_BASIC_CONSTRAINTS)?;
        Ok(found.and_then(|extension| match extension.value {
            Value::BasicConstraints { is_ca, .. } => Some((is_ca, extension.is_critical)),
            _ => None,
        }))
    }

    /// Is subjectAltName critical, if it is there?
    ///
    /// # Errors
    /// If it is there twice, or cannot be read.
    pub(in crate::pki) fn has_critical_names(&self) -> Result<Option<bool>, Unreadable> {
        match self.unique(&OID_X509_EXT_SUBJECT_ALT_NAME)? {
            None => Ok(None),
            Some(Extension { value: Value::Names, is_critical, .. }) => Ok(Some(*is_critical)),
            Some(_) => Err(Unreadable),
        }
    }

    /// keyUsage, if it is there.
    ///
    /// # Errors
    /// If it is there twice, or cannot be read.
    pub(in crate::pki) fn key_usage(&self) -> Result<Option<KeyUsages>, Unreadable> {
        match self.unique(&OID_X509_EXT_KEY_USAGE)?.map(|extension| &extension.value) {
            None => Ok(None),
            Some(Value::KeyUsage(usages)) => Ok(Some(*usages)),
            Some(_) => Err(Unreadable),
        }
    }

    /// nameConstraints, if they are there.
    ///
    /// # Errors
    /// If they are there twice, or cannot be read.
    pub(in crate::pki) fn name_constraints(&self) -> Result<Option<&NameConstraints>, Unreadable> {
        match self.unique(&OID_X509_EXT_NAME_CONSTRAINTS)?.map(|extension| &extension.value) {
            None => Ok(None),
            Some(Value::NameConstraints(found)) => Ok(Some(found)),
            Some(_) => Err(Unreadable),
        }
    }

    /// The first of the values that `wanted` takes.
    pub(in crate::pki) fn first<'a, T>(&'a self, wanted: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|extension| wanted(&extension.value))
    }

    /// The last of the values that `wanted` takes.
    pub(in crate::pki) fn last<'a, T>(&'a self, wanted: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.0.iter().rev().find_map(|extension| wanted(&extension.value))
    }

    fn unique(&self, oid: &Oid<'_>) -> Result<Option<&Extension>, Unreadable> {
        let mut found = self.0.iter().filter(|extension| extension.is(oid));
        let first = found.next();
        if found.next().is_some() { Err(Unreadable) } else { Ok(first) }
    }
}

/// A distinguished name, as it is compared with one in an authority key identifier.
pub(in crate::pki) fn issuer_words(der: &[u8]) -> Option<String> {
    use x509_parser::asn1_rs::FromDer as _;

    X509Name::from_der(der).ok().map(|(_, name)| name.to_string())
}

fn permitted(tree: &GeneralSubtree<'_>) -> SubjectName {
    match &tree.base {
        // The address; the mask follows.
        GeneralName::IPAddress(octets) => {
            SubjectName::of(&GeneralName::IPAddress(&octets[..octets.len() / 2]))
        }
        other => SubjectName::of(other),
    }
}

/// The usage that a CA cannot do without.
pub const KEY_CERT_SIGN: &str = "keyCertSign";

/// In the order of their bits.
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    KEY_CERT_SIGN,
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

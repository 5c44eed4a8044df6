//! Distinguished names: of the subject and of the issuer.

use std::fmt::{self, Display};

use data_encoding::HEXLOWER;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::pki::SubjectName;
use crate::printable::printable;

/// The name of a subject or an issuer, in words.
///
/// What has nothing but a common name is called by it, such as `egext CA 7f3a91c4`. Anything else is written
/// as RFC 4514 says: most specific part first, special characters escaped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DistinguishedName {
    words: Box<str>,
    common_name: Box<str>,
}

impl DistinguishedName {
    pub(in crate::pki) fn of(name: &X509Name<'_>) -> Self {
        let mut parts = name.iter().map(|part| part.iter().collect::<Vec<_>>()).collect::<Vec<_>>();
        let is_common_name =
            |attribute: &&&AttributeTypeAndValue<'_>| attribute.attr_type().to_id_string() == COMMON_NAME;
        let common_name =
            parts.iter().flatten().rev().find(is_common_name).and_then(|attribute| text(attribute));
        let alone = matches!(parts.as_slice(), [part] if part.len() == 1);
        if let Some(name) = common_name.as_deref().filter(|_| alone) {
            let name = printable(name).into_boxed_str();
            return Self { words: name.clone(), common_name: name };
        }
        parts.reverse();
        let written = parts
            .iter()
            .map(|part| part.iter().map(|attribute| written(attribute)).collect::<Vec<_>>().join("+"))
            .collect::<Vec<_>>();
        let common_name = printable(&common_name.unwrap_or_default());
        Self { words: written.join(",").into(), common_name: common_name.into() }
    }

    /// Reads a name by itself, such as those that a server sends when it asks for a certificate.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        X509Name::from_der(der).ok().map(|(_, name)| Self::of(&name))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.words
    }

    /// The most specific of its common names alone; empty where it has none.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }
}

impl Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words)
    }
}

/// Names in one line, between commas.
pub(in crate::pki) fn list<'a>(names: impl IntoIterator<Item = &'a SubjectName>) -> String {
    names.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn written(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let kind = KINDS.iter().find(|(known, _)| *known == oid).map_or(oid.as_str(), |(_, kind)| kind);
    match text(attribute) {
        Some(value) => format!("{kind}={}", escaped(&value)),
        // RFC 4514 section 2.4: a value without a text form is `#` and its octets.
        None => format!("{kind}=#{}", HEXLOWER.encode(attribute.as_slice())),
    }
}

/// The value, where it is of a text type.
fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    use x509_parser::asn1_rs::Tag;

    let octets = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::T61String => Some(octets.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        _ => attribute.as_str().ok().map(str::to_owned),
    }
}

/// As RFC 4514 section 2.4 escapes.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        let special = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            '#' => position == 0,
            ' ' => position == 0 || position == last,
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    printable(&escaped)
}

const COMMON_NAME: &str = "2.5.4.3";

/// The short names of RFC 4514 section 3, and the three others that CAs like to use.
const KINDS: &[(&str, &str)] = &[
    (COMMON_NAME, "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use crate::pki::Certificate;

    #[test]
    fn a_common_name_is_found_among_other_attributes() {
        let name = |attributes: &[(DnType, &str)]| {
            let mut parameters = CertificateParams::default();
            parameters.distinguished_name = rcgen::DistinguishedName::new();
            for (kind, value) in attributes {
                parameters.distinguished_name.push(kind.clone(), *value);
            }
            let key = KeyPair::generate().expect("a key");
            Certificate::of(parameters.self_signed(&key).expect("signed").der())
                .expect("a certificate")
                .subject
        };
        for (attributes, words, common_name) in [
            (&[][..], "", ""),
            (&[(DnType::CommonName, "egext CA")][..], "egext CA", "egext CA"),
            (&[(DnType::OrganizationName, "a, b")][..], r"O=a\, b", ""),
            (
                &[(DnType::OrganizationName, "Example"), (DnType::CommonName, "one\u{202e}")][..],
                r"CN=one\u{202e},O=Example",
                r"one\u{202e}",
            ),
        ] {
            let found = name(attributes);
            assert_eq!((found.as_str(), found.common_name()), (words, common_name));
        }
    }
}

//! A distinguished name as OpenSSL writes it with `XN_FLAG_RFC2253`, and so Envoy in `x-forwarded-client-cert`: programs
//! compare this text, so it follows OpenSSL where that goes beyond RFC 2253.

use data_encoding::HEXUPPER;
use x509_parser::asn1_rs::{FromDer as _, ToDer as _};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::names::text;

/// The text of a name's DER encoding; `None` if it is none.
///
/// The most specific part comes first. Characters that are not printable ASCII are written as `\` and two hexadecimal
/// digits for each byte of UTF-8, so the text can stand in a header field.
pub(super) fn rfc2253(der: &[u8]) -> Option<String> {
    let (_, name) = X509Name::from_der(der).ok()?;
    let mut parts = name
        .iter()
        .map(|part| {
            // OpenSSL goes through all attributes from the last one to the first, also within a part.
            let mut attributes = part.iter().map(written).collect::<Vec<_>>();
            attributes.reverse();
            attributes.join("+")
        })
        .collect::<Vec<_>>();
    parts.reverse();
    Some(parts.join(","))
}

fn written(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let kind = KINDS.iter().find(|(known, _)| *known == id).map(|(_, kind)| *kind);
    match kind.and_then(|_| text(attribute)) {
        Some(value) => format!("{}={}", kind.unwrap_or(&id), escaped(&value)),
        // RFC 2253 section 2.4: `#` and the BER encoding of the value.
        None => {
            let encoding = attribute.attr_value().to_der_vec().unwrap_or_default();
            format!("{}=#{}", kind.unwrap_or(&id), HEXUPPER.encode(&encoding))
        }
    }
}

fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (position, byte) in value.bytes().enumerate() {
        let is_special = match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => true,
            b' ' => position == 0 || position == last,
            b'#' => position == 0,
            _ => false,
        };
        match byte {
            _ if is_special => escaped.extend(['\\', char::from(byte)]),
            b' '..=b'~' => escaped.push(char::from(byte)),
            _ => {
                escaped.push('\\');
                escaped.push_str(&HEXUPPER.encode(&[byte]));
            }
        }
    }
    escaped
}

/// OpenSSL's short names of attributes that certificates have. A type that it does not know is written as its number,
/// and the value in hexadecimal.
const KINDS: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
];

//! A distinguished name as OpenSSL writes it with `XN_FLAG_RFC2253`, and so Envoy in `x-forwarded-client-cert`: programs
//! compare this text, so it follows OpenSSL where that goes beyond RFC 2253.

use data_encoding::HEXUPPER;
use x509_parser::asn1_rs::{Any, FromDer as _, Tag, ToDer as _};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

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
    match kind.and_then(|_| text(attribute.attr_value())) {
        Some(value) => format!("{}={}", kind.unwrap_or(&id), escaped(&value)),
        // RFC 2253 section 2.4: `#` and the BER encoding of the value.
        None => {
            let encoding = attribute.attr_value().to_der_vec().unwrap_or_default();
            format!("{}=#{}", kind.unwrap_or(&id), HEXUPPER.encode(&encoding))
        }
    }
}

/// The text of a value; `None` if OpenSSL knows no text of this type, or the value is malformed.
///
/// Malformed text stays in hexadecimal, so that no two names have the same text.
fn text(value: &Any<'_>) -> Option<String> {
    let octets = value.data;
    match value.tag() {
        Tag::Utf8String => str::from_utf8(octets).ok().map(str::to_owned),
        // Times too. OpenSSL takes each byte for a character of Latin-1, whatever the type allows.
        Tag::NumericString
        | Tag::PrintableString
        | Tag::T61String
        | Tag::Ia5String
        | Tag::VisibleString
        | Tag::UtcTime
        | Tag::GeneralizedTime => Some(octets.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let (units, rest) = octets.as_chunks();
            let text =
                char::decode_utf16(units.iter().copied().map(u16::from_be_bytes)).collect::<Result<_, _>>();
            text.ok().filter(|_| rest.is_empty())
        }
        Tag::UniversalString => {
            let (units, rest) = octets.as_chunks();
            let text =
                units.iter().copied().map(u32::from_be_bytes).map(char::from_u32).collect::<Option<_>>();
            text.filter(|_| rest.is_empty())
        }
        _ => None,
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

/// The short names of BoringSSL, which is Envoy's OpenSSL, for all attributes of X.520, the COSINE schema of RFC 4524,
/// PKCS #9, and RFC 3739. A type that is not listed is written as its number, and the value in hexadecimal.
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
    ("2.5.4.14", "searchGuide"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.16", "postalAddress"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.18", "postOfficeBox"),
    ("2.5.4.19", "physicalDeliveryOfficeName"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.21", "telexNumber"),
    ("2.5.4.22", "teletexTerminalIdentifier"),
    ("2.5.4.23", "facsimileTelephoneNumber"),
    ("2.5.4.24", "x121Address"),
    ("2.5.4.25", "internationaliSDNNumber"),
    ("2.5.4.26", "registeredAddress"),
    ("2.5.4.27", "destinationIndicator"),
    ("2.5.4.28", "preferredDeliveryMethod"),
    ("2.5.4.29", "presentationAddress"),
    ("2.5.4.30", "supportedApplicationContext"),
    ("2.5.4.31", "member"),
    ("2.5.4.32", "owner"),
    ("2.5.4.33", "roleOccupant"),
    ("2.5.4.34", "seeAlso"),
    ("2.5.4.35", "userPassword"),
    ("2.5.4.36", "userCertificate"),
    ("2.5.4.37", "cACertificate"),
    ("2.5.4.38", "authorityRevocationList"),
    ("2.5.4.39", "certificateRevocationList"),
    ("2.5.4.40", "crossCertificatePair"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.47", "enhancedSearchGuide"),
    ("2.5.4.48", "protocolInformation"),
    ("2.5.4.49", "distinguishedName"),
    ("2.5.4.50", "uniqueMember"),
    ("2.5.4.51", "houseIdentifier"),
    ("2.5.4.52", "supportedAlgorithms"),
    ("2.5.4.53", "deltaRevocationList"),
    ("2.5.4.54", "dmdName"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.72", "role"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.2", "textEncodedORAddress"),
    ("0.9.2342.19200300.100.1.3", "mail"),
    ("0.9.2342.19200300.100.1.4", "info"),
    ("0.9.2342.19200300.100.1.5", "favouriteDrink"),
    ("0.9.2342.19200300.100.1.6", "roomNumber"),
    ("0.9.2342.19200300.100.1.7", "photo"),
    ("0.9.2342.19200300.100.1.8", "userClass"),
    ("0.9.2342.19200300.100.1.9", "host"),
    ("0.9.2342.19200300.100.1.10", "manager"),
    ("0.9.2342.19200300.100.1.11", "documentIdentifier"),
    ("0.9.2342.19200300.100.1.12", "documentTitle"),
    ("0.9.2342.19200300.100.1.13", "documentVersion"),
    ("0.9.2342.19200300.100.1.14", "documentAuthor"),
    ("0.9.2342.19200300.100.1.15", "documentLocation"),
    ("0.9.2342.19200300.100.1.20", "homeTelephoneNumber"),
    ("0.9.2342.19200300.100.1.21", "secretary"),
    ("0.9.2342.19200300.100.1.22", "otherMailbox"),
    ("0.9.2342.19200300.100.1.23", "lastModifiedTime"),
    ("0.9.2342.19200300.100.1.24", "lastModifiedBy"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.26", "aRecord"),
    ("0.9.2342.19200300.100.1.27", "pilotAttributeType27"),
    ("0.9.2342.19200300.100.1.28", "mXRecord"),
    ("0.9.2342.19200300.100.1.29", "nSRecord"),
    ("0.9.2342.19200300.100.1.30", "sOARecord"),
    ("0.9.2342.19200300.100.1.31", "cNAMERecord"),
    ("0.9.2342.19200300.100.1.37", "associatedDomain"),
    ("0.9.2342.19200300.100.1.38", "associatedName"),
    ("0.9.2342.19200300.100.1.39", "homePostalAddress"),
    ("0.9.2342.19200300.100.1.40", "personalTitle"),
    ("0.9.2342.19200300.100.1.41", "mobileTelephoneNumber"),
    ("0.9.2342.19200300.100.1.42", "pagerTelephoneNumber"),
    ("0.9.2342.19200300.100.1.43", "friendlyCountryName"),
    ("0.9.2342.19200300.100.1.45", "organizationalStatus"),
    ("0.9.2342.19200300.100.1.46", "janetMailbox"),
    ("0.9.2342.19200300.100.1.47", "mailPreferenceOption"),
    ("0.9.2342.19200300.100.1.48", "buildingName"),
    ("0.9.2342.19200300.100.1.49", "dSAQuality"),
    ("0.9.2342.19200300.100.1.50", "singleLevelQuality"),
    ("0.9.2342.19200300.100.1.51", "subtreeMinimumQuality"),
    ("0.9.2342.19200300.100.1.52", "subtreeMaximumQuality"),
    ("0.9.2342.19200300.100.1.53", "personalSignature"),
    ("0.9.2342.19200300.100.1.54", "dITRedirect"),
    ("0.9.2342.19200300.100.1.55", "audio"),
    ("0.9.2342.19200300.100.1.56", "documentPublisher"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("1.2.840.113549.1.9.3", "contentType"),
    ("1.2.840.113549.1.9.4", "messageDigest"),
    ("1.2.840.113549.1.9.5", "signingTime"),
    ("1.2.840.113549.1.9.6", "countersignature"),
    ("1.2.840.113549.1.9.7", "challengePassword"),
    ("1.2.840.113549.1.9.8", "unstructuredAddress"),
    ("1.2.840.113549.1.9.9", "extendedCertificateAttributes"),
    ("1.2.840.113549.1.9.14", "extReq"),
    ("1.2.840.113549.1.9.15", "SMIME-CAPS"),
    ("1.2.840.113549.1.9.16", "SMIME"),
    ("1.2.840.113549.1.9.20", "friendlyName"),
    ("1.2.840.113549.1.9.21", "localKeyID"),
    ("1.3.6.1.5.5.7.9.1", "id-pda-dateOfBirth"),
    ("1.3.6.1.5.5.7.9.2", "id-pda-placeOfBirth"),
    ("1.3.6.1.5.5.7.9.3", "id-pda-gender"),
    ("1.3.6.1.5.5.7.9.4", "id-pda-countryOfCitizenship"),
    ("1.3.6.1.5.5.7.9.5", "id-pda-countryOfResidence"),
];

#[cfg(test)]
mod tests {
    use super::rfc2253;

    /// A name of one part with two attributes, `x500UniqueIdentifier` and one without a name, that have the same value.
    fn written(tag: u8, value: &[u8]) -> String {
        let wrapped = |tag: u8, content: Vec<u8>| {
            let length = u8::try_from(content.len()).expect("short");
            [vec![tag, length], content].concat()
        };
        let attribute = |id: &[u8]| {
            let value = wrapped(tag, value.to_vec());
            wrapped(0x30, [wrapped(0x06, id.to_vec()), value].concat())
        };
        let part = wrapped(0x31, [attribute(&[0x55, 0x04, 0x2d]), attribute(&[0x2a, 0x03])].concat());
        rfc2253(&wrapped(0x30, part)).expect("a name")
    }

    /// The expected texts are those of Envoy 1.39.3; it rejects the certificates whose text is malformed.
    #[test]
    fn values_of_all_types_are_written_as_openssl_writes_them() {
        for (what, tag, value, expected) in [
            ("UTF-8", 0x0c, "ö,".as_bytes(), r"\C3\B6\,"),
            ("malformed UTF-8", 0x0c, b"a\xff", "#0C0261FF"),
            ("digits with a letter", 0x12, b"1a", "1a"),
            ("printable, and not", 0x13, b"a\xf6", r"a\C3\B6"),
            ("T.61", 0x14, b"a\x80\xff", r"a\C2\80\C3\BF"),
            ("ASCII, and not", 0x16, b"a@\xf6", r"a@\C3\B6"),
            ("a short time", 0x17, b"260101000000Z", "260101000000Z"),
            ("a time", 0x18, b"20260101000000Z", "20260101000000Z"),
            ("visible", 0x1a, b"a b", "a b"),
            ("graphic", 0x19, b"ab", "#19026162"),
            ("32 bits", 0x1c, b"\0\0\0\xf6\0\x01\xf6\xaa", r"\C3\B6\F0\9F\9A\AA"),
            ("32 bits without character", 0x1c, b"\0\x11\0\0", "#1C0400110000"),
            ("32 bits and a rest", 0x1c, b"\0\0\0a\0", "#1C050000006100"),
            ("16 bits", 0x1e, b"\0\xf6", r"\C3\B6"),
            ("16 bits, half a pair", 0x1e, b"\xd8\0", "#1E02D800"),
            ("16 bits and a rest", 0x1e, b"\0a\0", "#1E03006100"),
            ("yes", 0x01, b"\xff", "#0101FF"),
            ("bits", 0x03, b"\0a", "#03020061"),
        ] {
            let hexadecimal = [vec![tag, u8::try_from(value.len()).expect("short")], value.to_vec()].concat();
            let unknown = format!("1.2.3=#{}", super::HEXUPPER.encode(&hexadecimal));
            let expected = format!("{unknown}+x500UniqueIdentifier={expected}");
            assert_eq!(written(tag, value), expected, "{what}");
        }
    }
}

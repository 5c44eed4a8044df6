use rustls_pki_types::CertificateDer;
use time::macros::datetime;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};

use super::*;
use crate::pki::KeyType;
use crate::pki::ca::sign;
use crate::pki::keys::private_key::PrivateKey;
use crate::pki::set::issue::{CertificateSet, SetPlan, issue_set};

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
    let names = |issued: &crate::pki::ca::authority::Issued| {
        extensions(&parsed(&issued.certificate().der))
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
    let value = |issued: &crate::pki::ca::authority::Issued, oid: &str| {
        let all = extensions(&parsed(&issued.certificate().der));
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
        let certificate = parsed(&set.server.certificate().der);
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
fn a_kind_of_name_that_is_not_permitted_is_excluded() {
    let key = PrivateKey::generate(KeyType::P256).expect("a key");
    let validity = Validity::starting(datetime!(2030-01-02 03:04:05 UTC), std::time::Duration::from_secs(60));
    let constraints = |permitted: &str| {
        let permitted = permitted.parse::<SubjectName>().expect("a name");
        let root = Profile::root(key.public_key(), &[], Some(&[permitted]), validity).expect("a profile");
        let certificate = sign::self_signed(&key, &root).expect("a certificate");
        let all = extensions(&parsed(&certificate));
        all.into_iter().find(|(oid, critical, _)| oid == "2.5.29.30" && *critical).expect("there").2
    };
    // permittedSubtrees: the host; excludedSubtrees: all of IPv4 and of IPv6.
    let excluded = [vec![0x30, 10, 0x87, 8], vec![0; 8], vec![0x30, 34, 0x87, 32], vec![0; 32]].concat();
    let expected = [&[0x30, 59, 0xa0, 7, 0x30, 5, 0x82, 3][..], b"a.b", &[0xa1, 48], &excluded].concat();
    assert_eq!(constraints("*.a.b"), expected);
    // The other way round: every host, which is what an empty name stands for.
    let permitted = [0xa0, 12, 0x30, 10, 0x87, 8, 10, 0, 0, 7, 255, 255, 255, 255];
    assert_eq!(constraints("10.0.0.7"), [&[0x30, 20][..], &permitted, &[0xa1, 4, 0x30, 2, 0x82, 0]].concat());
}

#[test]
fn subjects_have_no_dots_and_tell_generations_apart() {
    let set = set(KeyType::P256);
    let subjects = [&set.ca, &set.server, &set.client].map(|issued| issued.certificate().subject.to_string());
    assert_eq!(subjects[1..], ["egext server", "egext client"]);
    assert!(subjects[0].starts_with("egext CA ") && subjects[0].len() == "egext CA 00000000".len());
    assert!(subjects.iter().all(|subject| !subject.contains('.')));
}

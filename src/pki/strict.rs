//! What OpenSSL refuses and Go, webpki and this program let pass.
//!
//! By default OpenSSL, and what is built on it (Python, Node.js), wants the authority key identifier of a certificate, if
//! there is one, to fit its issuer (`X509_check_akid`). In its strict mode, which Python 3.13 switches on, it also wants
//! what RFC 5280 requires of a CA and what it issues (`check_extensions` in `x509_vfy.c`).

use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{AuthorityKeyIdentifier, GeneralName, ParsedExtension};
use x509_parser::x509::X509Name;

use super::DistinguishedName;
use super::inspect::Certificate;

/// What the certificate of a CA lacks for a strict verifier, in words. Of version 1 none is said: it has no extensions.
pub(super) fn lacks(der: &CertificateDer<'_>, is_root: bool) -> Vec<&'static str> {
    let Some(ca) = parse(der).filter(|ca| ca.version().0 >= 2) else { return Vec::new() };
    let has = |is_wanted: fn(&ParsedExtension<'_>) -> bool| {
        ca.extensions().iter().any(|extension| is_wanted(extension.parsed_extension()))
    };
    let is_loose = ca.basic_constraints().ok().flatten().is_some_and(|constraints| !constraints.critical);
    let checks = [
        (!has(|extension| matches!(extension, ParsedExtension::KeyUsage(_))), "no key usage"),
        (
            !has(|extension| matches!(extension, ParsedExtension::SubjectKeyIdentifier(_))),
            "no subject key identifier",
        ),
        (ca.subject().as_raw() == EMPTY_NAME, "an empty subject"),
        (is_loose, "basicConstraints that are not critical"),
        (
            !is_root && authority(&ca).is_none_or(|key| key.key_identifier.is_none()),
            "no authority key identifier",
        ),
    ];
    checks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).collect()
}

/// The same of a leaf certificate below a CA.
pub(super) fn leaf_lacks(der: &CertificateDer<'_>) -> Vec<&'static str> {
    let Some(leaf) = parse(der).filter(|leaf| leaf.version().0 >= 2) else { return Vec::new() };
    let is_loose = leaf.subject_alternative_name().ok().flatten().is_some_and(|names| !names.critical);
    let checks = [
        (authority(&leaf).is_none_or(|key| key.key_identifier.is_none()), "no authority key identifier"),
        (
            leaf.subject().as_raw() == EMPTY_NAME && is_loose,
            "an empty subject and a subjectAltName that is not critical",
        ),
    ];
    checks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).collect()
}

/// Where the authority key identifier of `certificate` does not fit `issuer`, which has signed it: what it names, and what
/// the issuer has.
pub(super) fn mismatch(certificate: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> Option<[String; 2]> {
    let (certificate, issuer) = (parse(certificate)?, parse(issuer)?);
    let named = authority(&certificate)?;
    let own_key = issuer.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(key) => Some(key.0),
        _ => None,
    });
    if let (Some(key), Some(own)) = (&named.key_identifier, own_key)
        && key.0 != own
    {
        return Some([key.0, own].map(|key| format!("key identifier {}", HEXLOWER.encode(key))));
    }
    let own_serial = issuer.raw_serial();
    if let Some(serial) = named.authority_cert_serial
        && serial != own_serial
    {
        return Some([serial, own_serial].map(|serial| format!("serial number {}", HEXLOWER.encode(serial))));
    }
    let directory = |name: &GeneralName<'_>| match name {
        GeneralName::DirectoryName(name) => Some(X509Name::to_string(name)),
        _ => None,
    };
    let (name, own) =
        (named.authority_cert_issuer.iter().flatten().find_map(directory)?, issuer.issuer().to_string());
    (name != own).then(|| [name, own].map(|name| format!("a certificate issued by `{name}`")))
}

/// The first certificate of `chain` that OpenSSL rejects as soon as only `after` is trusted, and its issuer there. Among
/// `before` it has one that fits; Go and rustls take the other one, too.
pub(super) fn loses_issuer(
    chain: &[CertificateDer<'_>],
    before: &[CertificateDer<'_>],
    after: &[CertificateDer<'_>],
) -> Option<[DistinguishedName; 2]> {
    let read = |ders: &[CertificateDer<'_>]| {
        ders.iter().filter_map(|der| Certificate::of(der).ok()).collect::<Vec<_>>()
    };
    let [chain, before, after] = [chain, before, after].map(read);
    chain.iter().find_map(|certificate| {
        let is_issuer = |other: &&Certificate| certificate.is_issued_by(other);
        let fits = |trusted: &[Certificate]| {
            let mut issuers = trusted.iter().chain(&chain).filter(is_issuer);
            issuers.any(|issuer| mismatch(&certificate.der, &issuer.der).is_none())
        };
        let issuer = after.iter().find(is_issuer)?;
        let names = [&certificate.summary.subject, &issuer.summary.subject];
        (fits(&before) && !fits(&after)).then(|| names.map(Clone::clone))
    })
}

fn authority<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a AuthorityKeyIdentifier<'a>> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => Some(key),
        _ => None,
    })
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

/// An empty SEQUENCE.
const EMPTY_NAME: [u8; 2] = [0x30, 0];

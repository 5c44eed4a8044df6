//! What OpenSSL rejects but Go, webpki and this program accept.
//!
//! By default OpenSSL, and what is built on it (Python, Node.js), requires that the authority key identifier of a certificate, if
//! there is one, matches its issuer (`X509_check_akid`). In its strict mode, which Python 3.13 switches on, it also requires
//! what RFC 5280 requires of a CA and what it issues (`check_extensions` in `x509_vfy.c`).

use data_encoding::HEXLOWER;

use super::extension::{AuthorityKey, Extensions, Value, issuer_words};
use crate::pki::{Certificate, DistinguishedName};

/// What the certificate of a CA lacks for a strict verifier, in words. Of version 1 none is said: it has no extensions.
pub(in crate::pki) fn lacks(ca: &Certificate, is_root: bool) -> Vec<&'static str> {
    if ca.version < 3 {
        return Vec::new();
    }
    let has = |is_wanted: fn(&Value) -> bool| ca.all.first(|value| is_wanted(value).then_some(())).is_some();
    let is_loose = matches!(ca.all.basic_constraints(), Ok(Some((_, false))));
    let checks = [
        (!has(|value| matches!(value, Value::KeyUsage(_))), "no key usage"),
        (!has(|value| matches!(value, Value::SubjectKey(_))), "no subject key identifier"),
        (ca.has_empty_subject(), "an empty subject"),
        (is_loose, "basicConstraints that are not critical"),
        (
            !is_root && authority(&ca.all).is_none_or(|key| key.identifier.is_none()),
            "no authority key identifier",
        ),
    ];
    checks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).collect()
}

/// The same of a leaf certificate below a CA.
pub(in crate::pki) fn leaf_lacks(leaf: &Certificate) -> Vec<&'static str> {
    if leaf.version < 3 {
        return Vec::new();
    }
    let is_loose = matches!(leaf.all.has_critical_names(), Ok(Some(false)));
    let checks = [
        (authority(&leaf.all).is_none_or(|key| key.identifier.is_none()), "no authority key identifier"),
        (leaf.has_empty_subject() && is_loose, "an empty subject and a subjectAltName that is not critical"),
    ];
    checks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).collect()
}

/// Where the authority key identifier of `certificate` does not fit `issuer`, which has signed it: what it names, and what
/// the issuer has.
pub(in crate::pki) fn mismatch(certificate: &Certificate, issuer: &Certificate) -> Option<[String; 2]> {
    let named = authority(&certificate.all)?;
    let own_key = issuer.all.first(|value| match value {
        Value::SubjectKey(key) => Some(key),
        _ => None,
    });
    if let (Some(key), Some(own)) = (&named.identifier, own_key)
        && key != own
    {
        return Some([key, own].map(|key| format!("key identifier {}", HEXLOWER.encode(key))));
    }
    let own_serial = issuer.raw_serial();
    if let Some(serial) = named.serial.as_deref()
        && serial != own_serial
    {
        return Some([serial, own_serial].map(|serial| format!("serial number {}", HEXLOWER.encode(serial))));
    }
    let (name, own) = (named.issuer.as_ref()?, issuer_words(issuer.raw_issuer())?);
    (*name != own).then(|| [name, &own].map(|name| format!("a certificate issued by `{name}`")))
}

/// The first certificate of `chain` that OpenSSL rejects as soon as only `after` is trusted, and its issuer there. Among
/// `before` it has one that fits; Go and rustls take the other one, too.
pub(in crate::pki) fn loses_issuer(
    chain: &[Certificate],
    before: &[Certificate],
    after: &[Certificate],
) -> Option<[DistinguishedName; 2]> {
    chain.iter().find_map(|certificate| {
        let is_issuer = |other: &&Certificate| certificate.is_issued_by(other);
        let fits = |trusted: &[Certificate]| {
            let mut issuers = trusted.iter().chain(chain).filter(is_issuer);
            issuers.any(|issuer| mismatch(certificate, issuer).is_none())
        };
        let issuer = after.iter().find(is_issuer)?;
        let names = [&certificate.subject, &issuer.subject];
        (fits(before) && !fits(after)).then(|| names.map(Clone::clone))
    })
}

fn authority(all: &Extensions) -> Option<&AuthorityKey> {
    all.first(|value| match value {
        Value::AuthorityKey(key) => Some(key),
        _ => None,
    })
}

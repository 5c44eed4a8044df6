//! The lifetime of a certificate.
//!
//! Our certificates are valid from an hour before they are issued. This hour is not part of the lifetime: for a
//! certificate for ten minutes it would be the largest part, and the last third would begin before the certificate is
//! issued. Other tools backdate by seconds, or not at all, so it matters who made the certificate.

use time::{Duration, OffsetDateTime};
use x509_parser::oid_registry::{
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER as AUTHORITY_KEY, OID_X509_EXT_BASIC_CONSTRAINTS as CONSTRAINTS,
    OID_X509_EXT_EXTENDED_KEY_USAGE as EXTENDED_USAGE, OID_X509_EXT_KEY_USAGE as USAGE,
    OID_X509_EXT_NAME_CONSTRAINTS as PERMITTED, OID_X509_EXT_SUBJECT_ALT_NAME as NAMES,
    OID_X509_EXT_SUBJECT_KEY_IDENTIFIER as SUBJECT_KEY, Oid,
};

use super::extension::Extension;
use crate::pki::Certificate;
use crate::units::Span;

/// From the moment of issue to the end, as far as the certificate tells.
pub(in crate::pki) fn meant(
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    is_ours: bool,
) -> Duration {
    let whole = not_after - not_before;
    let asked = whole - BACKDATED;
    if is_ours && asked.is_positive() { asked } else { whole.max(Duration::ZERO) }
}

/// The same in whole seconds, as it would be typed.
pub fn span(summary: &Certificate) -> Span {
    Span::from_seconds(u64::try_from(summary.lifetime.whole_seconds()).unwrap_or_default())
}

/// Without the odd seconds by which a CA has cut it short: for a reader, and for a successor.
pub(in crate::pki) fn rounded(span: Span) -> Span {
    let seconds = span.duration().as_secs();
    let unit = ROUNDED.iter().find(|(least, _)| *least <= seconds).map_or(1, |(_, unit)| *unit);
    Span::from_seconds(seconds.saturating_add(unit / 2) / unit * unit)
}

/// From so many seconds on, and to what they are rounded.
const ROUNDED: &[(u64, u64)] = &[(60 * 24 * 3600, 24 * 3600), (2 * 24 * 3600, 3600), (2 * 3600, 60)];

/// What to do about a certificate that is not valid yet, for a hint.
pub const CLOCK: &str = "compare this machine's clock with another one: `date -u`";

/// Does a certificate with these extensions and this serial number look like one that we issue?
pub(in crate::pki) fn is_ours(extensions: &[Extension], serial: &[u8]) -> bool {
    let is_leaf = || LEAFS.iter().any(|leaf| is_order(extensions.iter(), leaf));
    let is_optional = |extension: &&Extension| [NAMES, PERMITTED].iter().any(|oid| extension.is(oid));
    let is_root =
        || ROOTS.iter().any(|root| is_order(extensions.iter().filter(|found| !is_optional(found)), root));
    has_our_serial_number(serial) && (is_leaf() || is_root())
}

fn is_order<'a>(mut extensions: impl Iterator<Item = &'a Extension>, wanted: &[Oid<'_>]) -> bool {
    wanted.iter().all(|oid| extensions.next().is_some_and(|extension| extension.is(oid)))
        && extensions.next().is_none()
}

/// Could it be one of ours: sixteen random octets, positive, of the same length every time?
fn has_our_serial_number(octets: &[u8]) -> bool {
    octets.len() == 16 && octets[0] & 0xc0 == 0x40
}

/// How long before now a certificate's life begins.
pub(in crate::pki) const BACKDATED: Duration = Duration::HOUR;

/// Extensions of ours in their order: as rcgen writes them, and as we did before rcgen wrote for us.
const LEAFS: [[Oid<'_>; 6]; 2] = [
    [AUTHORITY_KEY, NAMES, USAGE, EXTENDED_USAGE, SUBJECT_KEY, CONSTRAINTS],
    [CONSTRAINTS, USAGE, EXTENDED_USAGE, SUBJECT_KEY, AUTHORITY_KEY, NAMES],
];

/// The same of a root, which may have names and permitted names besides.
const ROOTS: [[Oid<'_>; 3]; 2] = [[USAGE, SUBJECT_KEY, CONSTRAINTS], [CONSTRAINTS, USAGE, SUBJECT_KEY]];

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;
    use time::macros::datetime;

    use super::*;
    use crate::pki::set::issue::{SetPlan, issue_set};

    #[test]
    fn the_hour_before_is_no_part_of_what_was_asked_for() {
        let plan = SetPlan {
            lifetime: Span::from_seconds(60),
            ca_lifetime: Span::from_seconds(120),
            name_constraints: true,
            ..SetPlan::default()
        };
        let set = issue_set(&plan, datetime!(2030-01-02 03:04:05 UTC)).expect("a set");
        assert_eq!(set.ca.certificate().lifetime, Duration::seconds(120));
        assert_eq!(set.server.certificate().lifetime, Duration::seconds(60));
    }

    #[test]
    fn no_lifetime_is_negative() {
        let begin = datetime!(2030-01-02 03:04:05 UTC);
        for (minutes, asked) in [(90, 30), (61, 1), (60, 60), (30, 30), (0, 0), (-1, 0)] {
            let meant = meant(begin, begin + Duration::minutes(minutes), true);
            assert_eq!(meant, Duration::minutes(asked), "{minutes}");
        }
    }

    /// Of a CA for two hours and a client for one, from before rcgen wrote our certificates.
    #[test]
    fn certificates_of_earlier_releases_are_ours_too() {
        for (pem, hours) in [(EARLIER_CA, 2), (EARLIER_CLIENT, 1)] {
            let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
            let certificate = Certificate::of(&certificate).expect("a certificate");
            assert!(certificate.is_ours());
            assert_eq!(certificate.lifetime, Duration::hours(hours));
        }
    }

    const EARLIER_CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIB4zCCAYmgAwIBAgIQYaSZy4SGXgacKF4sPLaO0zAKBggqhkjOPQQDAjAcMRow
GAYDVQQDDBFlZ2V4dCBDQSBmYWQ3M2VkODAeFw0yNjExMjYxMzUzMjFaFw0yNjEx
MjYxNjUzMjFaMBwxGjAYBgNVBAMMEWVnZXh0IENBIGZhZDczZWQ4MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEPod/tRcQQ/Dm09OwM+79FOtskrWs7THHy+vv4fvX
6AyUcTVvkMboLbNqqh5rmzT2feHO28f6rumXnxlmDUS+yqOBrDCBqTASBgNVHRMB
Af8ECDAGAQH/AgEAMA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQU+tc+2D3jVZhm
KY8fDIDAJGFrKPQwZAYDVR0eAQH/BFowWKBWMAuCCWxvY2FsaG9zdDAXghVjbGll
bnQuZWdleHQuaW50ZXJuYWwwCocIfwAAAf////8wIocgAAAAAAAAAAAAAAAAAAAA
Af////////////////////8wCgYIKoZIzj0EAwIDSAAwRQIhAKThD0/+EKWOKe2j
BEwi0OKpiEpI93zEQgxUqVGf5q+EAiBMMFzzwBtvCXU0W9cW03LZunFGJLP0y1av
b0fRfbL8iA==
-----END CERTIFICATE-----
";

    const EARLIER_CLIENT: &str = "\
-----BEGIN CERTIFICATE-----
MIIByTCCAXCgAwIBAgIQdgsSP/B+9BcAIveU9t8clDAKBggqhkjOPQQDAjAcMRow
GAYDVQQDDBFlZ2V4dCBDQSBmYWQ3M2VkODAeFw0yNjExMjYxMzUzMjFaFw0yNjEx
MjYxNTUzMjFaMBcxFTATBgNVBAMMDGVnZXh0IGNsaWVudDBZMBMGByqGSM49AgEG
CCqGSM49AwEHA0IABFAr9MceA+V1V+0DYMDdqM76L3XpQStjAmpTU+EZdilNcxrR
13Ag8yRwrUe58XOrnnbXDudGSJKg4OVyQaMZLXOjgZgwgZUwDAYDVR0TAQH/BAIw
ADAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0OBBYE
FD/7LhGvDnSsSw9DSMNKrTDxVxvpMB8GA1UdIwQYMBaAFPrXPtg941WYZimPHwyA
wCRhayj0MCAGA1UdEQQZMBeCFWNsaWVudC5lZ2V4dC5pbnRlcm5hbDAKBggqhkjO
PQQDAgNHADBEAiBXIZITnKroH/IzKfC7m3MdN0dmW2bR/ZfQeIlNYGrMYQIgDwts
3+yoUYcpeqDcePsFeeF4MysxwTRXjPenmh2/9qo=
-----END CERTIFICATE-----
";
}

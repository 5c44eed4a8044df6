//! How long a certificate was meant to live.
//!
//! Our certificates begin an hour before they are issued. That hour is no part of the lifetime that was asked for: of a
//! certificate for ten minutes it would be most of it, and the last third would have begun before the certificate was
//! issued. Other tools backdate by seconds, or not at all, so whose certificate it is decides.

use rustls_pki_types::CertificateDer;
use time::Duration;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER as AUTHORITY_KEY, OID_X509_EXT_BASIC_CONSTRAINTS as CONSTRAINTS,
    OID_X509_EXT_EXTENDED_KEY_USAGE as EXTENDED_USAGE, OID_X509_EXT_KEY_USAGE as USAGE,
    OID_X509_EXT_NAME_CONSTRAINTS as PERMITTED, OID_X509_EXT_SUBJECT_ALT_NAME as NAMES,
    OID_X509_EXT_SUBJECT_KEY_IDENTIFIER as SUBJECT_KEY, Oid,
};

use super::profile::{BACKDATED, has_our_serial_number};
use super::{Summary, date};
use crate::units::Span;

/// From the moment of issue to the end, as far as the certificate tells.
pub(super) fn of(certificate: &X509Certificate<'_>) -> Duration {
    let validity = certificate.validity();
    let [from, until] = [validity.not_before, validity.not_after].map(|date| date::utc(date.to_datetime()));
    let whole = until - from;
    let asked = whole - BACKDATED;
    if is_ours(certificate) && asked.is_positive() { asked } else { whole.max(Duration::ZERO) }
}

/// The same in whole seconds, as it would be typed.
pub fn span(summary: &Summary) -> Span {
    Span::from_seconds(u64::try_from(summary.lifetime.whole_seconds()).unwrap_or_default())
}

/// What to do about a certificate that is not valid yet, for a hint.
pub const CLOCK: &str = "compare this machine's clock with another one: `date -u`";

/// Does it look like one that we issue, if it can be read?
pub(super) fn has_made(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, certificate)| is_ours(&certificate))
}

/// Does it look like one that we issue? Nothing depends on it but the hour, and the advice about a CA.
pub(super) fn is_ours(certificate: &X509Certificate<'_>) -> bool {
    const LEAF: [Oid<'_>; 6] = [CONSTRAINTS, USAGE, EXTENDED_USAGE, SUBJECT_KEY, AUTHORITY_KEY, NAMES];
    const ROOT: [Oid<'_>; 3] = [CONSTRAINTS, USAGE, SUBJECT_KEY];
    let order = certificate.extensions().iter().map(|extension| &extension.oid).collect::<Vec<_>>();
    let has_order = order.iter().copied().eq(&LEAF)
        || order.iter().take(3).copied().eq(&ROOT)
            && order.iter().skip(3).all(|oid| [NAMES, PERMITTED].contains(oid));
    has_order && has_our_serial_number(certificate.raw_serial())
}

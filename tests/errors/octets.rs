//! Files that no tool makes: parts of sound ones are exchanged for others of the same length.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};

/// What a PEM block stands for.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let text = pem.as_bytes();
    if let Ok(key) = PrivateKeyDer::from_pem_slice(text) {
        return key.secret_der().to_vec();
    }
    if let Ok(request) = CertificateSigningRequestDer::from_pem_slice(text) {
        return request.to_vec();
    }
    CertificateDer::from_pem_slice(text).expect("a certificate").to_vec()
}

/// `octets` with `new` wherever `old` is.
pub(crate) fn exchanged(octets: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut octets = octets.to_vec();
    let places = octets.windows(old.len()).enumerate().filter(|(_, window)| *window == old);
    let places: Vec<_> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{old:?} is not in it");
    for at in places {
        octets[at..at + new.len()].copy_from_slice(new);
    }
    octets
}

/// A PEM block (RFC 7468), in lines of 64 characters.
pub(crate) fn pem(label: &str, octets: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in octets.chunks(48) {
        text.extend(line.chunks(3).map(digits));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

/// One group of Base64 (RFC 4648 section 4).
fn digits(group: &[u8]) -> String {
    let number = (0..3).fold(0, |number, at| number << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
    let digit = |at: usize| match at <= group.len() {
        true => char::from(DIGITS[number >> (18 - 6 * at) & 63]),
        false => '=',
    };
    (0..4).map(digit).collect()
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

//! What the server behind the bridge is told about a caller with a certificate: `x-forwarded-client-cert`, as Envoy
//! writes it with `SANITIZE_SET` and the details `subject`, `uri` and `dns`.

use std::fmt::Write as _;

use http::HeaderValue;
use rustls_pki_types::CertificateDer;

use crate::pki::{Certificate, SubjectName};

/// The value for a caller that presented these certificates, leaf first, to us, who have shown `own`.
///
/// It is made once for each connection: every call has a copy, which shares its bytes.
pub(super) fn client_certificate(own: &Certificate, presented: &[CertificateDer<'_>]) -> HeaderValue {
    let leaf = presented.first().and_then(|leaf| Certificate::of(leaf).ok());
    // A handshake succeeds only with a certificate that was verified, and webpki reads no more than we do.
    leaf.and_then(|leaf| HeaderValue::try_from(written(own, &leaf)).ok())
        .unwrap_or_else(|| HeaderValue::from_static(""))
}

fn written(own: &Certificate, leaf: &Certificate) -> String {
    let mut written = String::new();
    for uri in uris(own) {
        let _ = write!(written, "By={};", value(uri));
    }
    let _ = write!(written, "Hash={};Subject=\"{}\"", leaf.fingerprint(), leaf.subject_rfc2253());
    // Envoy writes the key also without a URI.
    if uris(leaf).next().is_none() {
        written.push_str(";URI=");
    }
    for uri in uris(leaf) {
        let _ = write!(written, ";URI={}", value(uri));
    }
    for name in &leaf.names {
        if let SubjectName::Dns(name) = name {
            let _ = write!(written, ";DNS={}", value(name));
        }
    }
    written
}

fn uris(certificate: &Certificate) -> impl Iterator<Item = &str> {
    certificate.names.iter().filter_map(|name| match name {
        SubjectName::Uri(uri) => Some(uri.as_str()),
        _ => None,
    })
}

/// In quotes, where a reader would take a part of it for another key: Envoy's documentation says so, though Envoy writes
/// names as they are.
fn value(text: &str) -> String {
    if !text.contains([',', ';', '=', '"', '\\']) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

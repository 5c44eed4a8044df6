//! What was learned about a channel, for a program.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::net::{Agreed, Settings};
use crate::pki::{Certificate, when};
use crate::probe::Facts;

/// What was learned about a channel, also about one that failed. What was not reached is left out.
#[derive(Serialize, JsonSchema)]
pub(super) struct FactsDetails {
    /// Every address that was tried, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<AddressDetails>,
    /// What the TLS handshake agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<AgreedDetails>,
    /// What the server presented, its own certificate first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    server_certificates: Vec<CertificateDetails>,
    /// The names of the CAs from which the server accepts client certificates; left out if it did not ask for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_authorities: Option<Vec<String>>,
    /// The certificate that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<CertificateDetails>,
    /// What the server's first HTTP/2 frame says.
    #[serde(skip_serializing_if = "Option::is_none")]
    http2_settings: Option<SettingsDetails>,
    /// What the server says about its health, such as `SERVING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<String>,
}

/// An address that was tried.
#[derive(Serialize, JsonSchema)]
struct AddressDetails {
    address: String,
    /// Why it took no connection; left out for the one that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What a TLS handshake agreed on.
#[derive(Serialize, JsonSchema)]
struct AgreedDetails {
    version: String,
    /// Left out if TLS 1.2 does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_exchange: Option<String>,
    cipher_suite: String,
    /// The protocol that ALPN agreed on; `null` for none.
    alpn: Option<&'static str>,
}

/// A certificate that a side presents.
#[derive(Serialize, JsonSchema)]
struct CertificateDetails {
    subject: String,
    issuer: String,
    serial: String,
    names: Vec<String>,
    not_before: String,
    not_after: String,
    /// Full days until it expires; negative if it has expired.
    days_left: i64,
    sha256: String,
}

/// Settings of HTTP/2 (RFC 9113 section 6.5.2); those that the server does not send are left out.
#[derive(Serialize, JsonSchema)]
struct SettingsDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    header_table_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_streams: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_window_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_frame_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_header_list_size: Option<u32>,
}

impl FactsDetails {
    pub(super) fn of(facts: &Facts) -> Self {
        let address = |(address, error): &(std::net::SocketAddr, Option<String>)| AddressDetails {
            address: address.to_string(),
            error: error.clone(),
        };
        let certificate = |it: &Certificate| CertificateDetails::of(it, facts.now);
        let names = |names: &Vec<_>| names.iter().map(ToString::to_string).collect();
        Self {
            addresses: facts.addresses.iter().map(address).collect(),
            tls: facts.agreed.as_ref().map(AgreedDetails::of),
            server_certificates: facts.presented.iter().map(certificate).collect(),
            accepted_authorities: facts.asked.as_ref().map(names),
            client_certificate: facts.sent.as_ref().map(certificate),
            http2_settings: facts.settings.map(SettingsDetails::of),
            health: facts.health.clone(),
        }
    }
}

impl AgreedDetails {
    fn of(agreed: &Agreed) -> Self {
        Self {
            version: agreed.version.clone(),
            key_exchange: Some(agreed.key_exchange.clone()).filter(|name| !name.is_empty()),
            cipher_suite: agreed.cipher_suite.clone(),
            alpn: agreed.alpn.then_some("h2"),
        }
    }
}

impl CertificateDetails {
    fn of(certificate: &Certificate, now: Option<OffsetDateTime>) -> Self {
        let left = certificate.not_after - now.unwrap_or(certificate.not_after);
        Self {
            subject: certificate.subject.to_string(),
            issuer: certificate.issuer.to_string(),
            serial: certificate.serial.clone(),
            names: certificate.names.iter().map(ToString::to_string).collect(),
            not_before: when::timestamp(certificate.not_before),
            not_after: when::timestamp(certificate.not_after),
            days_left: left.whole_seconds().div_euclid(24 * 60 * 60),
            sha256: certificate.fingerprint(),
        }
    }
}

impl SettingsDetails {
    fn of(settings: Settings) -> Self {
        let Settings {
            header_table_size,
            max_concurrent_streams,
            initial_window_size,
            max_frame_size,
            max_header_list_size,
        } = settings;
        Self {
            header_table_size,
            max_concurrent_streams,
            initial_window_size,
            max_frame_size,
            max_header_list_size,
        }
    }
}

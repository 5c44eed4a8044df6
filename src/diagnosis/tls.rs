//! Faults of the handshake.

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, InvalidMessage, PeerMisbehaved};

use super::{Context, client, server, wire, words};
use crate::net::{Address, Stage};
use crate::report::{Finding, FindingId};
use crate::shell::{shell_path, shell_word};

pub(super) fn tls_error(context: &Context<'_>, stage: Stage, error: &rustls::Error) -> Finding {
    match error {
        rustls::Error::InvalidCertificate(error) => server::certificate(context, error),
        rustls::Error::AlertReceived(alert) => alert_received(context, *alert),
        // No second connection has told. Where TLS had begun, it is no plaintext.
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
            if stage == Stage::Tls && context.presented_count() == 0 =>
        {
            plaintext(context, None)
        }
        rustls::Error::DecryptError
        | rustls::Error::InappropriateHandshakeMessage { .. }
        | rustls::Error::InappropriateMessage { .. }
        | rustls::Error::InvalidMessage(_)
        | rustls::Error::PeerSentOversizedRecord => malformed(context, error),
        rustls::Error::PeerIncompatible(reason) => context
            .finding(FindingId::ProbeTlsVersion, "the server speaks no TLS that we accept")
            .with_evidence("expected", "TLS 1.2 or 1.3")
            .with_evidence("found", words::variant(reason))
            .with_hint(LET_IT_SPEAK),
        rustls::Error::NoApplicationProtocol
        | rustls::Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            alpn_refused(context)
        }
        rustls::Error::PeerMisbehaved(_) => malformed(context, error),
        other => context.finding(
            FindingId::ProbeTlsAlert,
            format!("the TLS handshake failed: {}", words::handshake(other)),
        ),
    }
}

/// What answers is no TLS; `first` is how it begins, if that is known.
pub(super) fn plaintext(context: &Context<'_>, first: Option<&[u8]>) -> Finding {
    let hint = match first {
        Some(first) if wire::is_of_web_server(first) => wire::CHECK_PORT.to_owned(),
        _ => context.plaintext_hint(),
    };
    let finding = context
        .finding(FindingId::ProbeTlsNotTls, "the server answered our TLS hello in plaintext")
        .with_hint(hint);
    match first {
        Some(first) => finding.with_evidence("found", wire::shown(first)),
        None => finding,
    }
}

/// What answers is TLS, and broken.
pub(super) fn malformed(context: &Context<'_>, error: &rustls::Error) -> Finding {
    if is_too_long(error) {
        return context
            .finding(
                FindingId::ProbeTlsMalformed,
                "the server sent a handshake message of more than 64 KiB, most likely its certificates",
            )
            .with_hint("let the server present its own certificate and its intermediates only: we read 64 KiB, and Envoy Gateway reads 256 KiB");
    }
    context
        .finding(
            FindingId::ProbeTlsMalformed,
            format!("the TLS handshake failed: {}", words::handshake(error)),
        )
        .with_hint("look for a proxy or a firewall on the way that changes TLS, and at the server's log")
}

/// Go's limit of certificates is that of `crypto/tls/common.go` (`maxHandshakeCertificateMsg`).
fn is_too_long(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge
        )
    )
}

fn alert_received(context: &Context<'_>, alert: AlertDescription) -> Finding {
    let name = alert_name(alert);
    if alert == AlertDescription::NoApplicationProtocol {
        return alpn_refused(context);
    }
    // In TLS 1.2 this comes within the handshake, in 1.3 behind it.
    if context.asked_for_certificate() && CERTIFICATE_ALERTS.contains(&alert) {
        let finding = client::client_certificate(context, alert);
        // The alert is the same for both (RFC 8446 section 6.2).
        let also = match (finding.id, alert) {
            (FindingId::ProbeClientCertNotYetValid, AlertDescription::CertificateExpired) => {
                ", which servers also send if a certificate is not valid yet"
            }
            _ => "",
        };
        return finding.with_evidence("found", format!("alert `{name}`{also}"));
    }
    if VERSION_ALERTS.contains(&alert) {
        let finding = nothing_in_common(context, alert).with_evidence("found", format!("alert `{name}`"));
        return with_name(context, alert, finding);
    }
    let finding = context
        .finding(FindingId::ProbeTlsAlert, format!("the server ended the handshake with the alert `{name}`"));
    with_name(context, alert, finding)
}

fn nothing_in_common(context: &Context<'_>, alert: AlertDescription) -> Finding {
    if alert == AlertDescription::ProtocolVersion {
        return context
            .finding(FindingId::ProbeTlsVersion, "the server found no TLS version in common with us")
            .with_hint(LET_IT_SPEAK);
    }
    let server = match context.target.address() {
        Address::Unix(path) => format!("-unix {}", shell_path(path)),
        address => format!("-connect {}", shell_word(&address.authority())),
    };
    context
        .finding(
            FindingId::ProbeTlsVersion,
            "the server found no TLS version, cipher suite, key exchange or kind of key in common with us",
        )
        .with_hint(format!(
            "see what it agrees on with a client that offers more: `openssl s_client {server} -brief < /dev/null`; {OFFERED}"
        ))
}

/// The alert is the same for all of them.
const OFFERED: &str = "we offer AES-GCM and ChaCha20-Poly1305 (no CBC, which Envoy Gateway offers, too), the groups X25519, P-256 and P-384, and take keys of RSA, ECDSA and Ed25519";

const LET_IT_SPEAK: &str = "let the server speak TLS 1.2 or 1.3, with ECDHE and AES-GCM or ChaCha20-Poly1305";

/// With the name that was sent, for servers that choose their certificate by it.
fn with_name(context: &Context<'_>, alert: AlertDescription, finding: Finding) -> Finding {
    let Some(ServerName::DnsName(name)) =
        context.target.server_name().filter(|_| NAME_ALERTS.contains(&alert))
    else {
        return finding;
    };
    let finding = finding.with_evidence("sent", format!("server name (SNI) {}", name.as_ref()));
    match alert {
        AlertDescription::UnrecognisedName => finding.with_hint(context.with_flags_or(
            "`--server-name NAME` and a name that the server knows",
            "write a name that the server knows as host in the file",
        )),
        _ => finding,
    }
}

fn alpn_refused(context: &Context<'_>) -> Finding {
    context.finding(FindingId::ProbeAlpnRefused, "the server refuses `h2` by ALPN").with_hint(OFFER_H2)
}

/// Most servers without it are for browsers.
pub(super) const OFFER_H2: &str = "let the server's TLS offer `h2`; if it is a web server, look at the port: it is not the extension server's";

/// The name of RFC 8446 section 6, as OpenSSL and Wireshark write it.
pub(super) fn alert_name(alert: AlertDescription) -> String {
    if let AlertDescription::Unknown(number) = alert {
        return format!("number {number}");
    }
    if alert == AlertDescription::UnrecognisedName {
        return "unrecognized_name".to_owned();
    }
    let debug = format!("{alert:?}");
    let mut name = String::new();
    let mut after_capital = true;
    for character in debug.chars() {
        if character.is_ascii_uppercase() && !after_capital {
            name.push('_');
        }
        after_capital = character.is_ascii_uppercase();
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// Alerts by which servers refuse a client certificate, or that there is none, within a TLS 1.2 handshake.
/// OpenSSL says handshake_failure for none, Go bad_certificate.
const CERTIFICATE_ALERTS: &[AlertDescription] = &[
    AlertDescription::AccessDenied,
    AlertDescription::BadCertificate,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateRequired,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateUnknown,
    AlertDescription::DecryptError,
    AlertDescription::HandshakeFailure,
    AlertDescription::NoCertificate,
    AlertDescription::UnknownCA,
    AlertDescription::UnsupportedCertificate,
];

/// Alerts of servers that have no certificate for the name that was sent.
const NAME_ALERTS: &[AlertDescription] = &[
    AlertDescription::HandshakeFailure,
    AlertDescription::InternalError,
    AlertDescription::UnrecognisedName,
];

/// Alerts of a server that found nothing in common with our hello.
const VERSION_ALERTS: &[AlertDescription] = &[
    AlertDescription::HandshakeFailure,
    AlertDescription::InsufficientSecurity,
    AlertDescription::ProtocolVersion,
];

//! Why a caller's handshake failed, for the log of a program that accepts callers.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerMisbehaved};

use super::tls::alert_name;
use super::words;
use crate::net::Wording;

/// What the log says about callers that are not served.
pub(crate) const CALLERS: Wording = Wording {
    explain: caller_fault,
    not_permitted: "`--allow-san` with one of its names, or `--allow-fingerprint` with its key's, permits it",
    more_descriptors: "raise the limit on open files: `LimitNOFILE=` in the systemd unit, or `ulimit -n`",
    too_many: "start it with a larger `--max-connections`",
    too_many_of_one: "one remote address may have half of `--max-connections`: start it with a larger number",
    foreign: "`--allow-uid` serves one user, and `--socket-group` the members of a group",
};

/// Why a caller's TLS handshake failed, and in some cases what to do.
///
/// `error` is that of an acceptor. If its cause is not TLS, it is printed unchanged.
fn caller_fault(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause {
        Some(Error::InvalidCertificate(error)) => certificate(error),
        Some(Error::NoCertificatesPresented) => "the client presents no certificate".to_owned(),
        Some(Error::NoApplicationProtocol) => "the client offers ALPN protocols, and `h2` is not among them".to_owned(),
        Some(Error::AlertReceived(alert)) => alert_received(*alert),
        Some(Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName)) => {
            "the client sent a server name (SNI) that is not a host name; Envoy Gateway sends `host:port`: let it use \
             a unix socket"
                .to_owned()
        }
        Some(Error::PeerIncompatible(reason)) => {
            format!("the client has no TLS version or cipher suite in common with us ({})", words::variant(reason))
        }
        Some(Error::PeerMisbehaved(why)) => format!("the client broke the rules of TLS: {}", words::variant(why)),
        Some(Error::InvalidMessage(_)) => "the client does not speak TLS".to_owned(),
        Some(other) => words::variant(other),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the client closed the connection in the handshake".to_owned()
        }
        None if error.kind() == io::ErrorKind::TimedOut => "the handshake took too long".to_owned(),
        None => error.to_string(),
    }
}

/// Our verdict on the client's certificate.
fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the client's certificate was not issued by a CA that we trust".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the client's certificate, or one above it, has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the client's certificate is not valid yet: compare the clocks".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the client's certificate is not for clients".to_owned()
        }
        CertificateError::Revoked => "the client's certificate, or one above it, has been revoked".to_owned(),
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            format!("the client's certificate may have been revoked: {}", words::certificate(error))
        }
        other => format!("the client's certificate cannot be used: {}", words::certificate(other)),
    }
}

/// The client's verdict on ours, in most cases.
fn alert_received(alert: AlertDescription) -> String {
    let name = alert_name(alert);
    match alert {
        AlertDescription::UnknownCA => {
            format!("the client does not trust the CA of our certificate (alert `{name}`)")
        }
        AlertDescription::CertificateExpired => {
            format!("our certificate has expired, by the client's clock (alert `{name}`)")
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => {
            format!("the client rejected our certificate: its log may say why (alert `{name}`)")
        }
        _ => format!("the client ended the handshake with the alert `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{InvalidMessage, PeerIncompatible};

    use super::*;

    #[test]
    fn no_text_is_a_debug_text() {
        for (error, begin) in [
            (
                Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName),
                "the client sent a server name (SNI) that is not a host name",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired),
                "the client has no TLS version or cipher suite in common with us (signature algorithms",
            ),
            (Error::AlertReceived(AlertDescription::BadCertificate), "the client rejected our certificate"),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), "the client does not speak TLS"),
            (
                Error::InvalidCertificate(CertificateError::UnknownIssuer),
                "the client's certificate was not issued",
            ),
            (Error::DecryptError, "decrypt error"),
        ] {
            let text = caller_fault(&io::Error::new(io::ErrorKind::InvalidData, error));
            assert!(text.starts_with(begin), "{text}");
        }
        assert_eq!(caller_fault(&io::ErrorKind::TimedOut.into()), "the handshake took too long");
    }
}

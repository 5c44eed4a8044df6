//! From what happened on the wire to a finding that names the cause.
//!
//! Each verdict is a row of a table where one error says it all, and a short function where two facts must
//! be weighed: an alert means something else when we sent a certificate than when we sent none.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, PeerMisbehaved};
use time::OffsetDateTime;

use crate::net::{Fault, FaultKind, Layer, Target, Trace};
use crate::pki::{DistinguishedName, SubjectName, Summary};
use crate::report::{Finding, Id};

/// What is known beside the fault itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where we connected to.
    pub target: &'a Target,
    /// What was learned on the way.
    pub trace: &'a Trace,
    /// The certificate that we show.
    pub own: Option<&'a Summary>,
    /// The limit that a timeout ran into.
    pub limit: Duration,
    /// When the verdict falls.
    pub now: OffsetDateTime,
}

/// Names the cause of a fault.
pub fn diagnose(context: &Context<'_>, fault: &Fault) -> Finding {
    match &fault.kind {
        FaultKind::AlpnMissing => context
            .finding(Id::ProbeAlpnMissing, "the server agrees on no protocol by ALPN")
            .with_evidence("expected", "h2")
            .with_hint("let the server's TLS offer `h2`"),
        FaultKind::Closed => closed(context, fault.layer),
        FaultKind::Io(error) => io_error(context, fault.layer, error),
        FaultKind::Timeout => timed_out(context, fault.layer),
        FaultKind::Tls(error) => tls_error(context, fault.layer, error),
        FaultKind::Unexpected(first) => unexpected(context, first),
    }
}

/// The layer that failed. A refused client certificate shows on a later one than where it belongs.
pub fn layer(context: &Context<'_>, fault: &Fault) -> Layer {
    match diagnose(context, fault).id.name().split('.').nth(1) {
        Some("client-cert") => Layer::Mtls,
        Some("alpn") => Layer::Alpn,
        Some("http2") => Layer::Http2,
        _ => fault.layer,
    }
}

/// True where trying again may help without anybody doing anything about it.
pub fn may_pass(id: Id) -> bool {
    matches!(
        id,
        Id::ProbeResolveFailed
            | Id::ProbeConnectFailed
            | Id::ProbeConnectRefused
            | Id::ProbeConnectReset
            | Id::ProbeConnectSocketMissing
            | Id::ProbeConnectTimeout
            | Id::ProbeConnectUnreachable
            | Id::ProbeTlsClosed
            | Id::ProbeTlsTimeout
            | Id::ProbeHttp2Closed
            | Id::ProbeHttp2Timeout
            | Id::ProbeGrpcClosed
    )
}

/// A limit as it is typed, or in tenths where it is none that was typed.
pub(super) fn seconds(limit: Duration) -> String {
    let seconds = limit.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds} s") } else { format!("{seconds:.1} s") }
}

impl Context<'_> {
    fn finding(&self, id: Id, message: impl Into<String>) -> Finding {
        Finding::new(id, self.target.address().to_string(), message)
    }

    /// What the server presented first.
    fn presented(&self) -> Option<Summary> {
        let witness = self.trace.witness.as_ref()?;
        Summary::of(witness.presented().first()?).ok()
    }

    fn asked_for_certificate(&self) -> bool {
        self.trace.witness.as_ref().is_some_and(|witness| witness.asked().is_some())
    }

    fn plaintext_hint(&self) -> String {
        format!("if the server is plaintext: `egext probe tcp://{}`", self.target.address().authority())
    }
}

fn closed(context: &Context<'_>, layer: Layer) -> Finding {
    match layer {
        Layer::Tls => context
            .finding(Id::ProbeTlsClosed, "the server closed the connection during the TLS handshake")
            .with_hint(context.plaintext_hint()),
        Layer::Grpc | Layer::Health => context.finding(Id::ProbeGrpcClosed, "the server cut the call"),
        _ => after_handshake(context, "the server closed the connection before its first HTTP/2 frame"),
    }
}

/// The server went away after the handshake, and no alert says why. If it had asked for a certificate, it
/// most likely did not like the answer: an alert is easily lost when the server closes at once.
fn after_handshake(context: &Context<'_>, message: &str) -> Finding {
    if context.asked_for_certificate() {
        match own_defect(context) {
            Some(finding) => return finding,
            None if context.own.is_none() => return required(context),
            None => {}
        }
    }
    context.finding(Id::ProbeHttp2Closed, message).with_hint("the server's log may say why")
}

fn io_error(context: &Context<'_>, layer: Layer, error: &io::Error) -> Finding {
    match layer {
        Layer::Resolve => {
            let authority = context.target.address().authority();
            let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
            context
                .finding(Id::ProbeResolveFailed, format!("no address was found for `{host}`"))
                .with_evidence("found", error.to_string())
                .with_hint(format!("`getent hosts {host}` asks the same resolver"))
        }
        Layer::Connect => connect_error(context, error),
        Layer::Tls => context
            .finding(Id::ProbeTlsClosed, "the connection was cut during the TLS handshake")
            .with_evidence("found", error.to_string())
            .with_hint(context.plaintext_hint()),
        Layer::Grpc | Layer::Health => context
            .finding(Id::ProbeGrpcClosed, "the server cut the connection during the call")
            .with_evidence("found", error.to_string()),
        _ => after_handshake(context, "the connection was cut before the server's first HTTP/2 frame")
            .with_evidence("found", error.to_string()),
    }
}

fn connect_error(context: &Context<'_>, error: &io::Error) -> Finding {
    let row = CONNECT_ERRORS.iter().find(|(kind, ..)| *kind == error.kind());
    let (id, message) =
        row.map_or((Id::ProbeConnectFailed, "the connection could not be opened"), |row| (row.1, row.2));
    let finding = context.finding(id, message);
    match (id, context.target.address().socket_path()) {
        (Id::ProbeConnectFailed, _) => finding.with_evidence("found", error.to_string()),
        (Id::ProbeConnectRefused, Some(path)) => {
            finding.with_hint(format!("the socket file is stale: start whoever serves `{}`", path.display()))
        }
        (Id::ProbeConnectRefused, None) => finding.with_hint("start the server, or correct the port"),
        (Id::ProbeConnectSocketMissing, Some(path)) => {
            finding.with_hint(format!("start whoever serves `{}`, or correct the path", path.display()))
        }
        _ => finding,
    }
}

fn timed_out(context: &Context<'_>, layer: Layer) -> Finding {
    let limit = seconds(context.limit);
    match layer {
        Layer::Resolve => {
            context.finding(Id::ProbeResolveFailed, format!("the resolver did not answer within {limit}"))
        }
        Layer::Connect => context
            .finding(Id::ProbeConnectTimeout, format!("no connection within {limit}"))
            .with_hint("packets are dropped on the way: check the address and the firewall"),
        Layer::Tls => context
            .finding(Id::ProbeTlsTimeout, format!("the server did not answer our TLS hello within {limit}"))
            .with_hint(context.plaintext_hint()),
        Layer::Grpc | Layer::Health => {
            context.finding(Id::ProbeGrpcTimeout, format!("no answer to the health check within {limit}"))
        }
        _ => {
            context.finding(Id::ProbeHttp2Timeout, format!("the server sent no HTTP/2 frame within {limit}"))
        }
    }
}

fn unexpected(context: &Context<'_>, first: &[u8]) -> Finding {
    let finding = |message: &str| {
        context
            .finding(Id::ProbeHttp2NotHttp2, message)
            .with_evidence("expected", "an HTTP/2 SETTINGS frame")
            .with_evidence("found", shown(first))
    };
    match first {
        // An alert or a handshake record (RFC 8446 section 5.1).
        [0x15 | 0x16, 0x03, ..] if context.target.tls().is_none() => {
            let finding = finding("the server speaks TLS, and plaintext was asked for");
            match context.target.address().socket_path() {
                None => {
                    finding.with_hint(format!("`egext probe tls://{}`", context.target.address().authority()))
                }
                Some(_) => finding,
            }
        }
        [b'H', b'T', b'T', b'P', ..] => finding("the server answers in HTTP/1"),
        _ => finding("the server's first bytes are not HTTP/2"),
    }
}

fn tls_error(context: &Context<'_>, layer: Layer, error: &rustls::Error) -> Finding {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate(context, error),
        rustls::Error::AlertReceived(alert) => alert_received(context, layer, *alert),
        rustls::Error::InvalidMessage(_) if layer == Layer::Tls => context
            .finding(Id::ProbeTlsNotTls, "the server answered our TLS hello in plaintext")
            .with_hint(format!("`egext probe tcp://{}`", context.target.address().authority())),
        rustls::Error::PeerIncompatible(reason) => context
            .finding(Id::ProbeTlsVersion, "the server speaks no TLS that we accept")
            .with_evidence("expected", "TLS 1.2 or 1.3")
            .with_evidence("found", format!("{reason:?}")),
        rustls::Error::NoApplicationProtocol
        | rustls::Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            alpn_refused(context)
        }
        other => context.finding(Id::ProbeTlsAlert, format!("the TLS handshake failed: {other}")),
    }
}

fn alert_received(context: &Context<'_>, layer: Layer, alert: AlertDescription) -> Finding {
    let name = alert_name(alert);
    if alert == AlertDescription::NoApplicationProtocol {
        return alpn_refused(context);
    }
    // In TLS 1.2 the server judges our certificate within the handshake, in 1.3 behind it.
    if context.asked_for_certificate() && (layer > Layer::Tls || CERTIFICATE_ALERTS.contains(&alert)) {
        return client_certificate(context, alert).with_evidence("found", format!("alert `{name}`"));
    }
    if VERSION_ALERTS.contains(&alert) {
        return context
            .finding(Id::ProbeTlsVersion, "the server found no TLS version or cipher suite in common with us")
            .with_evidence("found", format!("alert `{name}`"));
    }
    context.finding(Id::ProbeTlsAlert, format!("the server ended the handshake with the alert `{name}`"))
}

fn alpn_refused(context: &Context<'_>) -> Finding {
    context
        .finding(Id::ProbeAlpnRefused, "the server refuses `h2` by ALPN")
        .with_hint("let the server's TLS offer `h2`")
}

/// The server refused what we showed, or that we showed nothing.
fn client_certificate(context: &Context<'_>, alert: AlertDescription) -> Finding {
    let Some(own) = context.own else { return required(context) };
    if let Some(finding) = own_defect(context) {
        return finding;
    }
    let why = CLIENT_REFUSALS.iter().find(|(known, _)| *known == alert).map_or("", |(_, why)| why);
    let finding =
        context.finding(Id::ProbeClientCertRejected, format!("the server refused our certificate{why}"));
    let issued = format!("our certificate `{}` was issued by `{}`", own.subject, own.issuer);
    let wanted = wanted_authorities(context);
    let expected = match wanted.as_slice() {
        [] => {
            return finding
                .with_evidence("sent", issued)
                .with_hint("the server must trust the CA of our certificate");
        }
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
    };
    finding
        .with_evidence("sent", issued)
        .with_evidence("expected", format!("a certificate of {expected}"))
        .with_hint("give the server our CA as client CA, or use a certificate of a CA that it trusts")
}

fn required(context: &Context<'_>) -> Finding {
    let finding = context
        .finding(Id::ProbeClientCertRequired, "the server demands a client certificate, and we have none")
        .with_hint("pass `--dir`, or `--cert` and `--key`");
    match wanted_authorities(context).as_slice() {
        [] => finding,
        names => finding.with_evidence("expected", format!("a certificate of `{}`", names.join("` or `"))),
    }
}

/// What is wrong with our own certificate, whatever the server's alert calls it.
fn own_defect(context: &Context<'_>) -> Option<Finding> {
    let own = context.own?;
    let finding = |id, message: String| Some(context.finding(id, message));
    if own.not_after < context.now {
        return finding(
            Id::ProbeClientCertExpired,
            format!("our certificate `{}` expired on {}", own.subject, date(own.not_after)),
        )
        .map(|finding| finding.with_hint("make a new set: `egext certs init --force`"));
    }
    if own.not_before > context.now {
        return finding(
            Id::ProbeClientCertNotYetValid,
            format!("our certificate `{}` is valid from {} on", own.subject, date(own.not_before)),
        );
    }
    if !own.client_auth {
        return finding(
            Id::ProbeClientCertWrongPurpose,
            format!("our certificate `{}` is not for clients", own.subject),
        )
        .map(|finding| {
            finding
                .with_evidence("expected", "extended key usage clientAuth")
                .with_hint("pass the client's files: `client.crt` and `client.key`")
        });
    }
    None
}

/// Our verdict on the server's certificate.
fn certificate(context: &Context<'_>, error: &CertificateError) -> Finding {
    let presented = context.presented();
    let found = presented.as_ref();
    let subject = found.map_or_else(String::new, |found| format!(" `{}`", found.subject));
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            expired(context, &subject, found)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let from = found.map_or_else(String::new, |found| format!(" before {}", date(found.not_before)));
            context
                .finding(
                    Id::ProbeServerCertNotYetValid,
                    format!("the server's certificate{subject} is not valid{from}"),
                )
                .with_hint("compare the clocks of both machines")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            wrong_name(context, found)
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => context
            .finding(
                Id::ProbeServerCertWrongPurpose,
                format!("the server's certificate{subject} is not for servers"),
            )
            .with_evidence("expected", "extended key usage serverAuth")
            .with_hint("give the server its own files: `server.crt` and `server.key`"),
        CertificateError::UnknownIssuer => unknown_issuer(context, &subject, found),
        other if is_ca_as_leaf(other) => context
            .finding(
                Id::ProbeServerCertIsCa,
                format!("the server presents the CA certificate{subject} as its own"),
            )
            .with_hint("give it a leaf certificate: `egext certs init` makes one"),
        other => context.finding(
            Id::ProbeServerCertRefused,
            format!("the server's certificate{subject} cannot be used: {other}"),
        ),
    }
}

fn expired(context: &Context<'_>, subject: &str, found: Option<&Summary>) -> Finding {
    let message = match found {
        Some(found) if found.not_after < context.now => {
            format!("the server's certificate{subject} expired on {}", date(found.not_after))
        }
        _ => format!("a certificate above the server's{subject} has expired"),
    };
    context
        .finding(Id::ProbeServerCertExpired, message)
        .with_hint("issue a new one and restart the server: `egext certs init --force` makes a new set")
}

fn wrong_name(context: &Context<'_>, found: Option<&Summary>) -> Finding {
    let name = context.target.server_name().map_or_else(String::new, |name| name.to_str().into_owned());
    let names: &[SubjectName] = found.map_or(&[], |found| &found.names);
    if names.is_empty() {
        return context
            .finding(Id::ProbeServerCertNoSan, "the server's certificate has no subjectAltName")
            .with_evidence("expected", name.clone())
            .with_hint(format!("issue one with the name: `egext certs init --san {name}`"));
    }
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    context
        .finding(Id::ProbeServerCertNameMismatch, format!("the server's certificate is not for `{name}`"))
        .with_evidence("expected", name.clone())
        .with_evidence("found", names.join(", "))
        .with_hint(format!("`--server-name NAME` with a name that it has, or issue one with `--san {name}`"))
}

fn unknown_issuer(context: &Context<'_>, subject: &str, found: Option<&Summary>) -> Finding {
    let finding = context.finding(
        Id::ProbeServerCertUnknownIssuer,
        format!("we do not trust the issuer of the server's certificate{subject}"),
    );
    let finding = match found {
        Some(found) if found.self_issued => finding.with_evidence("found", "it is self-signed"),
        Some(found) => finding.with_evidence("found", format!("issued by `{}`", found.issuer)),
        None => finding,
    };
    finding.with_hint("pass the CA that issued it with `--ca`")
}

fn is_ca_as_leaf(error: &CertificateError) -> bool {
    let CertificateError::Other(other) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// The authorities that the server named when it asked for our certificate.
fn wanted_authorities(context: &Context<'_>) -> Vec<String> {
    let asked = context.trace.witness.as_ref().and_then(|witness| witness.asked()).unwrap_or_default();
    asked
        .iter()
        .filter_map(|name| DistinguishedName::from_der(name.as_ref()))
        .map(|name| name.to_string())
        .collect()
}

fn date(at: OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_else(|_| at.to_string())
}

/// The name of RFC 8446 section 6, as OpenSSL and Wireshark write it.
fn alert_name(alert: AlertDescription) -> String {
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

/// The first bytes of another protocol: text where it is text, octets where it is not.
fn shown(first: &[u8]) -> String {
    if first.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return String::from_utf8_lossy(first).trim_end().to_owned();
    }
    first.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// What the operating system says when a connection is opened.
const CONNECT_ERRORS: &[(io::ErrorKind, Id, &str)] = &[
    (io::ErrorKind::ConnectionRefused, Id::ProbeConnectRefused, "connection refused: nothing listens there"),
    (io::ErrorKind::ConnectionReset, Id::ProbeConnectReset, "the connection was reset while it was opened"),
    (io::ErrorKind::HostUnreachable, Id::ProbeConnectUnreachable, "there is no way to that host"),
    (io::ErrorKind::NetworkUnreachable, Id::ProbeConnectUnreachable, "there is no way to that network"),
    (io::ErrorKind::NotFound, Id::ProbeConnectSocketMissing, "there is no socket at this path"),
    (io::ErrorKind::PermissionDenied, Id::ProbeConnectPermission, "this user may not open the socket"),
    (io::ErrorKind::TimedOut, Id::ProbeConnectTimeout, "no connection: packets get no answer"),
];

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

/// What a refusal of our certificate says (RFC 8446 section 6.2).
const CLIENT_REFUSALS: &[(AlertDescription, &str)] = &[
    (AlertDescription::AccessDenied, ": access denied"),
    (AlertDescription::BadCertificate, ": bad certificate"),
    (AlertDescription::CertificateExpired, ": expired, by its clock"),
    (AlertDescription::CertificateRevoked, ": revoked"),
    (AlertDescription::UnknownCA, ": unknown CA"),
    (AlertDescription::UnsupportedCertificate, ": not of a kind that it accepts"),
];

/// Alerts of a server that found nothing in common with our hello.
const VERSION_ALERTS: &[AlertDescription] = &[
    AlertDescription::HandshakeFailure,
    AlertDescription::InsufficientSecurity,
    AlertDescription::ProtocolVersion,
];

use std::fmt::Write as _;
use std::io;

use h2::Reason;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use tonic::{Code, Status};

use super::cutoff::GoAwayReason;
use crate::diagnosis::BRIDGE_SAYS;
use crate::http2::{Farewell, Fields, HeaderFault, Http2Error, ResponseHead, Side};
use crate::report::Finding;

/// What the bridge itself says to a caller: a gRPC status.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: Status,
    http: StatusCode,
}

impl Answer {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let mut message = format!("{BRIDGE_SAYS}{}", message.into());
        if message.len() > MOST_OCTETS {
            let end = (0..=MOST_OCTETS).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
            message.truncate(end);
            message.push_str(" ...");
        }
        Self { status: Status::new(code, message), http: StatusCode::OK }
    }

    /// The same with an HTTP status, for callers that do not speak gRPC.
    pub(super) fn with_http_status(self, http: StatusCode) -> Self {
        Self { http, ..self }
    }

    /// What `egext probe` would say, in one line: Envoy Gateway writes it to its log as it is.
    pub(super) fn of_finding(finding: &Finding) -> Self {
        let may_pass = finding.id.entry().may_pass;
        let code = if may_pass { Code::Unavailable } else { Code::FailedPrecondition };
        let mut message = format!("{}: {}", finding.subject, finding.message);
        for (key, words) in finding.evidence.iter() {
            // Writing to a string does not fail.
            let _ = write!(message, "; {key}: {words}");
        }
        if let Some(hint) = &finding.hint {
            let _ = write!(message, "; hint: {hint}");
        }
        let _ = write!(message, " ({})", finding.id);
        Self::new(code, message)
    }

    /// A call was cut: by a reset of its stream, or together with the connection, by the server or by our own HTTP/2.
    /// `farewell` is what the server said before.
    pub(super) fn of_cut(error: &Http2Error, farewell: Option<&Farewell>) -> Self {
        match error {
            Http2Error::Reset { by: Side::Peer, reason } => {
                let words = reason.description();
                Self::new(code_of_reset(*reason), format!("the extension server reset the call ({words})"))
            }
            Http2Error::Reset { by: Side::Us, reason } => {
                let words = reason.description();
                let message = format!(
                    "the bridge reset the call, because the extension server's answer breaks HTTP/2 ({words})"
                );
                Self::new(Code::Internal, message)
            }
            Http2Error::GoAway { by: Side::Peer, reason } => {
                let words = farewell.map_or_else(|| reason.description().to_owned(), Farewell::to_string);
                let message = format!(
                    "the extension server ended the connection before it accepted the call ({words})"
                );
                Self::new(Code::Unavailable, message)
            }
            Http2Error::GoAway { by: Side::Us, reason } => {
                let words = reason.description();
                let message = format!(
                    "the bridge ended the connection, because the extension server breaks HTTP/2 ({words})"
                );
                Self::new(Code::Unavailable, message)
            }
            Http2Error::Io(error) => {
                let after = farewell.map(|farewell| format!(" (after {farewell})")).unwrap_or_default();
                // We have cut the connection; other ends of a connection explain nothing.
                let is_ours = error.kind() == io::ErrorKind::ConnectionAborted;
                let why = if is_ours { format!(": {error}") } else { String::new() };
                let message =
                    format!("the connection to the extension server was cut during the call{why}{after}");
                Self::new(Code::Unavailable, message)
            }
        }
    }

    /// The header fields of `whose` message have a fault.
    pub(super) fn of_header_fault(whose: &str, fault: &HeaderFault) -> Self {
        let code = match fault {
            HeaderFault::OfConnection { .. } | HeaderFault::Octet { .. } => Code::Internal,
            HeaderFault::TooLarge { .. } => Code::ResourceExhausted,
        };
        Self::new(code, format!("{whose}: {fault}"))
    }

    /// The bridge ends the caller's connection before the call has finished.
    pub(super) fn dismissed(reason: GoAwayReason) -> Self {
        let flag = match reason {
            GoAwayReason::Idle => " (`--idle-timeout`)",
            GoAwayReason::Old => " (`--max-connection-age`)",
            GoAwayReason::Replaced => "",
        };
        let message = format!(
            "the call was cut: its connection {reason}{flag}, and the call did not finish within `--drain-timeout`"
        );
        Self::new(Code::Unavailable, message)
    }

    /// The bridge stops before the call has finished.
    pub(super) fn stopping() -> Self {
        Self::new(Code::Unavailable, "the bridge is stopping")
    }

    /// The number of the gRPC status.
    pub(super) fn code(&self) -> i32 {
        self.status.code() as i32
    }

    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        self.status.message()
    }

    /// A response that is nothing but this status ("Trailers-Only" of PROTOCOL-HTTP2.md).
    pub(super) fn into_response(self) -> ResponseHead {
        let status = self.http;
        let mut fields = self.into_trailers();
        fields.set(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        ResponseHead { status, fields }
    }

    /// The same as trailers, after a part of the response has been sent.
    pub(super) fn into_trailers(self) -> Fields {
        let mut trailers = HeaderMap::with_capacity(2);
        self.status.add_header(&mut trailers).expect("what is not printable ASCII is encoded");
        trailers.into()
    }
}

fn code_of_reset(reason: Reason) -> Code {
    RESETS.iter().find(|(known, _)| *known == reason).map_or(Code::Internal, |(_, code)| *code)
}

/// Of a message: a server decides how many names its certificate has, and callers limit what headers they take
/// (C-core: 8 KiB), where each byte may be three.
const MOST_OCTETS: usize = 2_000;

/// What a reset means to a gRPC caller (PROTOCOL-HTTP2.md, Errors); all others are INTERNAL.
const RESETS: &[(Reason, Code)] = &[
    (Reason::CANCEL, Code::Cancelled),
    (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
    (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
    (Reason::REFUSED_STREAM, Code::Unavailable),
];

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn any_text_fits_into_the_header() {
        let text = "50% of `ä`\0\n~\x7f";
        let trailers = Answer::new(Code::Internal, text).into_trailers();
        let trailers: HeaderMap = trailers.iter().cloned().collect();
        assert_eq!(trailers["grpc-status"], "13");
        let status = Status::from_header_map(&trailers).expect("a status");
        assert_eq!(status.message(), format!("{BRIDGE_SAYS}{text}"));
    }

    #[test]
    fn no_server_decides_how_long_an_answer_is() {
        let trailers = Answer::new(Code::Internal, "ä".repeat(9_000)).into_trailers();
        let message = trailers.get(&HeaderName::from_static("grpc-message")).expect("a message");
        let message = message.to_str().expect("ASCII");
        assert!(message.len() < 8 << 10 && message.ends_with("%A4%20..."), "{}", message.len());
    }
}

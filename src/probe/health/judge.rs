//! What an answer means.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use tonic::Code;

use super::answer::Answer;
use super::codes::{CERTIFICATE_REFUSALS, CODES, REFUSALS, RESETS};
use super::printable;
use crate::diagnosis::{self, BRIDGE_SAYS, Context, diagnose};
use crate::http2::HeaderFault;
use crate::net::{Reset, Session, Stage};
use crate::probe::outcome::BRIDGE_ANSWERED;
use crate::probe::{HealthStatus, Layer, Reply};
use crate::report::{Finding, FindingId, enumeration, in_backticks};
use crate::units::Size;

/// What is said of one answer.
pub(super) struct Judge<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) answer: &'a Answer,
    pub(super) service: &'a str,
    /// See [`Calls::longest`](crate::probe::Calls::longest).
    pub(super) longest: usize,
}

/// What an answer means.
pub(super) enum HealthVerdict {
    /// In gRPC, from a server without a health service, which is no fault.
    Absent(Finding),
    /// A layer below health failed.
    Failed(Layer, Finding),
    /// All is well.
    Serving,
    /// In gRPC, and not well.
    Unhealthy(Finding),
}

impl Judge<'_> {
    /// What of the answer is data: none if there is no answer in gRPC.
    pub(super) fn reply(&self, took: Duration) -> Option<Reply> {
        self.answer.http_status().filter(|_| self.answer.is_grpc())?;
        let code = self.answer.status().and_then(Result::ok);
        let (service, text) = (self.service.to_owned(), self.words());
        Some(Reply { service, code, text, status: self.answer.health(), took })
    }

    /// In the order in which a gRPC client looks at an answer.
    pub(super) fn grpc(&self, session: &Session<Full<Bytes>>) -> HealthVerdict {
        if let Some(fault) = self.answer.fault() {
            return failed(self.bad_fields(fault));
        }
        let Some(status) = self.answer.http_status() else { return failed(self.cut(session)) };
        if !self.answer.is_grpc() {
            return self.client_certificate(status).unwrap_or_else(|| failed(self.not_grpc(status)));
        }
        match self.answer.status() {
            Some(Ok(number)) => self.status(number),
            Some(Err(code)) => {
                let message =
                    format!("the server's gRPC status is `{}`, which is no number", printable(&code));
                failed(self.finding(FindingId::ProbeGrpcStatus, message))
            }
            None if self.answer.too_long => {
                let longest = Size::from_octets(self.longest as u64);
                let finding = self.invalid(format!("the server's answer is longer than {longest}"));
                failed(finding.with_hint(LARGER))
            }
            None if self.answer.cut.is_some() => failed(self.cut(session)),
            None => failed(self.without_status()),
        }
    }

    /// It came to its end, and has none where clients look for it.
    fn without_status(&self) -> Finding {
        let finding = self
            .finding(FindingId::ProbeGrpcClosed, "the server's answer ended without a gRPC status")
            .with_evidence("expected", "`grpc-status` in the trailers, behind the message");
        match self.answer.text("grpc-status").filter(|_| self.answer.has_status_too_early()) {
            Some(code) => finding
                .with_evidence("found", format!("`grpc-status: {}` in the headers", printable(&code)))
                .with_hint(
                    "let the server, or the proxy in front of it, send it in trailers: in headers it counts only if \
                     nothing follows them",
                ),
            None => finding.with_hint("the server, or a proxy in front of it, drops trailers: its log may say why"),
        }
    }

    fn not_base64(&self, name: &str) -> Finding {
        self.finding(
            FindingId::ProbeGrpcMalformed,
            format!("the server's metadata `{}` is not base64", printable(name)),
        )
        .with_evidence("expected", "base64 in each field whose name ends with `-bin`")
        .with_hint("correct what sets it, in the server or in the proxy in front of it: clients of gRPC end the call")
    }

    /// The call ended before its end.
    fn cut(&self, session: &Session<Full<Bytes>>) -> Finding {
        match self.answer.cut.as_ref().and_then(Reset::of) {
            Some(reset) if reset.ours => self.malformed(reset),
            Some(reset) => self.reset(reset, self.answer.cut.as_ref().and_then(Reset::words).as_deref()),
            None => match (session.goodbye(), session.fault(Stage::Call)) {
                (Some(goodbye), _) if goodbye.reset.ours => self.malformed(goodbye.reset),
                (Some(goodbye), _) => self.reset(goodbye.reset, goodbye.words.as_deref()),
                (None, Some(fault)) => diagnose(self.context, &fault),
                (None, None) => self.finding(FindingId::ProbeGrpcClosed, "the server cut the call"),
            },
        }
    }

    /// The server ended the call or the connection, and gave a code for it.
    fn reset(&self, reset: Reset, words: Option<&str>) -> Finding {
        let row = RESETS.iter().find(|(reason, ..)| *reason == reset.reason());
        let (id, message, hint) = match (row, reset.connection) {
            (Some((_, id, message, hint)), _) => (*id, *message, Some(*hint)),
            (None, true) => {
                (FindingId::ProbeGrpcClosed, "the server ended the connection during the call", None)
            }
            (None, false) => (FindingId::ProbeGrpcClosed, "the server reset the call", None),
        };
        let finding = self.finding(id, message).with_evidence("found", frame(reset, words));
        hint.map_or(finding.clone(), |hint| finding.with_hint(hint))
    }

    /// A client of gRPC ends the call for them, grpc-go among them.
    fn bad_fields(&self, fault: &HeaderFault) -> Finding {
        let finding = self.finding(
            FindingId::ProbeGrpcMalformed,
            format!("the server's header fields cannot be used: {}", printable(&fault.to_string())),
        );
        match fault {
            HeaderFault::TooLarge { .. } => finding
                .with_evidence("expected", "1 MiB of header fields at most")
                .with_hint("let the server send less in one answer: EG reads up to 16 MiB, `egext` and other clients less"),
            _ => finding.with_evidence("expected", "names in lower case, values without control characters"),
        }
    }

    /// Our own HTTP/2 refused what the server sent, and says no more than a code.
    fn malformed(&self, reset: Reset) -> Finding {
        let (what, expected) = match (reset.connection, &self.answer.head) {
            (true, _) => ("we ended the server's connection: its frames break the rules of HTTP/2", FRAMES),
            (false, Some(_)) => {
                ("we reset the server's response: its trailers break the rules of HTTP/2", TRAILERS)
            }
            (false, None) => {
                ("we reset the server's response: its headers break the rules of HTTP/2", FIELDS)
            }
        };
        self.finding(FindingId::ProbeGrpcMalformed, what)
            .with_evidence("expected", expected)
            .with_evidence("found", format!("{}, by our side", reset.name()))
    }

    /// A web server asks for a certificate in TLS and refuses in HTTP, as nginx does.
    fn client_certificate(&self, status: http::StatusCode) -> Option<HealthVerdict> {
        let finding = match self.context.own {
            _ if !CERTIFICATE_REFUSALS.contains(&status.as_u16()) => return None,
            None => diagnosis::certificate_required(self.context)?,
            Some(_) if self.answer.says("SSL certificate error") => {
                diagnosis::certificate_refused(self.context)?
            }
            Some(_) => return None,
        };
        Some(HealthVerdict::Failed(Layer::Mtls, finding.with_evidence("found", self.seen(status))))
    }

    fn not_grpc(&self, status: http::StatusCode) -> Finding {
        let web = self
            .answer
            .field(CONTENT_TYPE.as_str())
            .is_some_and(|it| it.starts_with(b"application/grpc-web"));
        let in_grpc = self.answer.has_grpc_content_type() && status != http::StatusCode::OK;
        let message = match web {
            // Newer grpc-go looks at the status of gRPC only; C-core and older grpc-go report that of HTTP.
            false if in_grpc => format!(
                "the server answered in gRPC, but with the HTTP status {}, which some gRPC clients report in its place",
                status.as_u16()
            ),
            true => "the server answers in gRPC-Web, which gRPC clients do not speak".to_owned(),
            false => format!("an HTTP/2 server answered with status {}, and not in gRPC", status.as_u16()),
        };
        let finding = self
            .finding(FindingId::ProbeGrpcNotGrpc, message)
            .with_evidence("expected", "status 200, content type `application/grpc`")
            .with_evidence("found", self.seen(status));
        match status.as_u16() {
            502..=504 if !in_grpc && !web => finding.with_hint(BEHIND),
            _ => finding,
        }
    }

    /// Status, content type, and the status of gRPC if there is one.
    fn seen(&self, status: http::StatusCode) -> String {
        let content_type = self.answer.text(CONTENT_TYPE.as_str());
        let content_type = content_type
            .map_or("no content type".to_owned(), |found| format!("content type `{}`", printable(&found)));
        let code = self.answer.text("grpc-status").filter(|_| self.answer.has_grpc_content_type());
        let code = code.map_or_else(String::new, |code| format!(", `grpc-status: {}`", printable(&code)));
        format!("status {}, {content_type}{code}", status.as_u16())
    }

    /// The server answered in gRPC, with this status.
    fn status(&self, number: u32) -> HealthVerdict {
        let code = CODES.iter().find(|(code, _)| *code as u32 == number);
        // What an error says is nearer to the cause than that its details cannot be decoded.
        if let (Some((Code::Ok | Code::Unimplemented, _)), Some(name)) = (code, self.answer.undecodable()) {
            return failed(self.not_base64(name));
        }
        match code {
            Some((Code::Ok, _)) => self.serving(),
            // Two errors are about health, and prove that gRPC works.
            Some((Code::Unimplemented, _)) => HealthVerdict::Absent(self.unimplemented()),
            Some((Code::NotFound, _)) => HealthVerdict::Unhealthy(self.unknown_service()),
            Some((code, name)) => failed(self.refusal(*code, name)),
            None => {
                let message = format!("the server answered with the gRPC status {number}, which has no name");
                failed(self.finding(FindingId::ProbeGrpcStatus, message + &self.text()))
            }
        }
    }

    fn serving(&self) -> HealthVerdict {
        let message = match self.answer.message() {
            Ok(message) => message,
            Err(why) => return failed(self.invalid(format!("the server answered OK{why}"))),
        };
        match self.unhealthy(HealthStatus(message.status)) {
            None => HealthVerdict::Serving,
            Some(finding) => HealthVerdict::Unhealthy(finding),
        }
    }

    /// What is wrong with the service, as the server says.
    pub(super) fn unhealthy(&self, status: HealthStatus) -> Option<Finding> {
        match status {
            status if status.is_serving() => None,
            HealthStatus::SERVICE_UNKNOWN => Some(self.unknown_service()),
            status => {
                let of = match self.service {
                    "" => String::new(),
                    service => format!(" of `{}`", printable(service)),
                };
                let finding =
                    self.finding(FindingId::ProbeHealthNotServing, format!("the server says {status}{of}"));
                Some(
                    finding
                        .with_hint("its log says why it does not serve; `--wait 60s` waits until it serves"),
                )
            }
        }
    }

    fn unknown_service(&self) -> Finding {
        let (message, hint) = match self.service {
            "" => (
                "the server's health service has no entry for the server as a whole".to_owned(),
                "name a service that it knows: `--service NAME`",
            ),
            service => (
                format!("the server's health service does not know `{}`", printable(service)),
                "leave `--service` out to ask for the server as a whole",
            ),
        };
        self.finding(FindingId::ProbeHealthUnknownService, message).with_hint(hint)
    }

    /// Without a health service it is not known whether a service works that was asked for by name.
    pub(super) fn unchecked(&self, services: &[String]) -> Option<Finding> {
        let named = services.iter().filter(|service| !service.is_empty()).map(|service| printable(service));
        let named = in_backticks(named);
        let were = if named.len() == 1 { "was" } else { "were" };
        (!named.is_empty()).then(|| {
            let message =
                format!("{} {were} not checked: the server has no health service", enumeration(&named));
            self.finding(FindingId::ProbeHealthUnknownService, message)
                .with_hint("leave `--service` out: a server without a health service is healthy then")
        })
    }

    /// A proxy without a route for the call answers it itself, and in the same way. What a server says passes an Envoy
    /// with a field that tells how long that server took.
    fn unimplemented(&self) -> Finding {
        let proxy = self.proxy().filter(|_| self.words().is_empty());
        match proxy.filter(|_| self.answer.field("x-envoy-upstream-service-time").is_none()) {
            None => self.finding(FindingId::ProbeHealthUnimplemented, "the server has no health service"),
            Some(proxy) => self
                .finding(
                    FindingId::ProbeHealthFromProxy,
                    "a proxy answered: it has no route for the call, or the server behind it has no health service",
                )
                .with_evidence("found", format!("{proxy}, UNIMPLEMENTED without a message"))
                .with_hint(
                    "see whether the proxy has routes for `/grpc.health.v1.Health/` and for the hooks, or probe the \
                     server behind it",
                ),
        }
    }

    /// What a proxy says of itself; few gRPC servers have such a field.
    fn proxy(&self) -> Option<String> {
        let fields = ["server", "via"].iter();
        fields
            .filter_map(|name| self.answer.text(name).map(|value| format!("`{name}: {}`", printable(&value))))
            .reduce(|all, field| format!("{all}, {field}"))
    }

    fn refusal(&self, code: Code, name: &str) -> Finding {
        let row = REFUSALS.iter().find(|(known, ..)| *known == code);
        let id = row.map_or(FindingId::ProbeGrpcStatus, |(_, id, _)| *id);
        let words = self.words();
        if let Some(words) = words.strip_prefix(BRIDGE_SAYS) {
            let message = format!("{BRIDGE_ANSWERED}{name}: {}", printable(words));
            return self.finding(id, message).with_hint(behind_the_bridge(words));
        }
        let hint = row.map_or("its log says more", |(.., hint)| *hint);
        let finding = self.finding(id, format!("the server answered {name}{}", self.text())).with_hint(hint);
        match self.proxy() {
            Some(proxy) => finding.with_evidence("found", proxy),
            None => finding,
        }
    }

    /// The server's own words.
    fn words(&self) -> String {
        // Not by `tonic::Status::from_header_map`: it panics if the details in the next header are not base64, and it
        // drops a text that is not UTF-8.
        percent_encoding::percent_decode(self.answer.status_text()).decode_utf8_lossy().into_owned()
    }

    /// The same behind ours.
    fn text(&self) -> String {
        match printable(&self.words()) {
            text if text.is_empty() => text,
            text => format!(": {text}"),
        }
    }

    fn invalid(&self, message: impl Into<String>) -> Finding {
        self.finding(FindingId::ProbeGrpcInvalidMessage, message)
    }

    fn finding(&self, id: FindingId, message: impl Into<String>) -> Finding {
        Finding::new(id, self.context.target.address().to_string(), message)
    }
}

/// The channel to a bridge works, and it says what is wrong on its other side. The hints in its words are about its own
/// flags. The id is read out of the words, because the words are all that comes from the other process.
fn behind_the_bridge(words: &str) -> String {
    let id = words
        .trim_end()
        .rsplit_once(" (")
        .and_then(|(_, end)| end.strip_suffix(')')?.parse::<FindingId>().ok());
    match id {
        Some(id) => format!("the bridge works, and its upstream does not: `egext explain {id}` says more"),
        None => "the bridge works: look at its upstream, and at its log".to_owned(),
    }
}

/// The frame by which the server ended a call, with its code and the server's words.
pub(super) fn frame(reset: Reset, words: Option<&str>) -> String {
    let frame = if reset.connection { "GOAWAY" } else { "RST_STREAM" };
    let words = words.map_or_else(String::new, |words| format!(": `{}`", printable(words)));
    format!("{frame}, {}{words}", reset.name())
}

fn failed(finding: Finding) -> HealthVerdict {
    HealthVerdict::Failed(Layer::Grpc, finding)
}

/// What a proxy says of a server that it does not reach is for browsers.
const BEHIND: &str = "a proxy answers, and does not reach the server behind it: start that server, or correct its address in the proxy";

const LARGER: &str = "`--max-message-size` lets longer answers pass, or `maxMessageSize` in EG's file";

/// What HTTP/2 asks of header fields (RFC 9113 section 8.3).
const FIELDS: &str = "`:status` before all other fields, with three digits, and no other pseudo-header field";

/// Of trailers (RFC 9113 section 8.1).
const TRAILERS: &str = "END_STREAM on the second HEADERS frame, and no frame behind it";

/// Of frames (RFC 9113 sections 4 to 6), as far as servers break it.
const FRAMES: &str = "frames of the announced length, values that SETTINGS may have, HEADERS before DATA, and no more data than \
                      our windows allow";

//! One call, and everything in its answer.
//!
//! The call does not use a gRPC client, because a client reports many different faults as `INTERNAL`. Here each fault
//! has its own cause.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::ServiceExt as _;

use super::gzip;
use crate::net::Session;
use crate::probe::{Calls, HealthStatus};

/// What came back, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) head: Option<(StatusCode, HeaderMap)>,
    body: BytesMut,
    trailers: HeaderMap,
    /// Compressed messages were asked for.
    gzip: bool,
    /// The body was longer than any answer can be, so its end was not waited for.
    pub(super) too_long: bool,
    /// What ended the response before its end.
    pub(super) cut: Option<hyper::Error>,
}

/// Why the message of an answer cannot be used; goes on after "the server answered OK".
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(", but its message is compressed{}, and no compression was offered", encoding(.0))]
    Compressed(String),
    #[error(", but its message begins with the flag {0}, which gRPC does not know")]
    Flag(u8),
    #[error(", but {0} bytes follow its message")]
    More(usize),
    #[error(", but its message cannot be decompressed: {0}")]
    Gzip(std::io::Error),
    #[error(" without a message")]
    None,
    #[error(", but its message is no health answer: {0}")]
    NotHealth(prost::DecodeError),
    #[error(", but its message ends within its 5-byte prefix")]
    Prefix,
    #[error(", but its message is announced with {announced} bytes, and {came} came")]
    Short { announced: u32, came: usize },
}

/// Calls `Check` at `origin` and gathers the answer.
pub(super) async fn call(
    session: &Session<Full<Bytes>>,
    origin: Uri,
    service: &str,
    calls: &Calls,
) -> Answer {
    let mut answer = Answer { gzip: calls.gzip, ..Answer::default() };
    let response = match session.service().oneshot(request(origin, service, calls)).await {
        Ok(response) => response,
        Err(error) => {
            answer.cut = Some(error);
            return answer;
        }
    };
    let (head, mut body) = response.into_parts();
    answer.head = Some((head.status, head.headers));
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Err(error) => {
                answer.cut = Some(error);
                break;
            }
            Ok(Ok(data)) => answer.body.put(data),
            Ok(Err(frame)) => answer.trailers = frame.into_trailers().unwrap_or_default(),
        }
        if answer.body.len() > calls.longest.saturating_add(PREFIX) {
            answer.too_long = true;
            break;
        }
    }
    answer
}

/// How long the message is that asks for `service`.
pub(super) fn request_length(service: &str) -> usize {
    HealthCheckRequest { service: service.to_owned() }.encoded_len()
}

pub(super) fn request(origin: Uri, service: &str, calls: &Calls) -> Request<Full<Bytes>> {
    let message = HealthCheckRequest { service: service.to_owned() }.encode_to_vec();
    let message = if calls.gzip { gzip::compressed(&message) } else { message };
    let mut body = BytesMut::new();
    body.put_u8(u8::from(calls.gzip));
    body.put_u32(u32::try_from(message.len()).expect("a service name is no book"));
    body.put_slice(&message);
    let mut request = Request::new(Full::new(body.freeze()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = origin;
    let headers = request.headers_mut();
    headers.extend(calls.metadata.clone());
    if calls.gzip {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("gzip"));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
    request
}

impl Answer {
    /// Is it a status alone, with which a client may make the call again (`Trailers-Only`)?
    pub(super) fn is_status_alone(&self) -> bool {
        let has_status = |(_, head): &(StatusCode, HeaderMap)| head.contains_key("grpc-status");
        self.is_grpc()
            && self.head.as_ref().is_some_and(has_status)
            && self.body.is_empty()
            && self.trailers.is_empty()
    }

    /// The status of HTTP; `None` when no answer came.
    pub(super) fn http_status(&self) -> Option<StatusCode> {
        self.head.as_ref().map(|(status, _)| *status)
    }

    /// A header, or a trailer where there is no such header.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        let head = self.head.as_ref().and_then(|(_, headers)| headers.get(name));
        head.or_else(|| self.trailers.get(name)).map(HeaderValue::as_bytes)
    }

    /// The same as text; what is not text is replaced.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// As a gRPC client sees it: status 200, and `application/grpc`, alone or with a subtype behind `+` or a
    /// parameter behind `;` (PROTOCOL-HTTP2.md, Responses; `ContentSubtype` of grpc-go).
    pub(super) fn is_grpc(&self) -> bool {
        self.has_grpc_content_type() && self.http_status() == Some(StatusCode::OK)
    }

    pub(super) fn has_grpc_content_type(&self) -> bool {
        let content_type = self.field(CONTENT_TYPE.as_str()).unwrap_or_default();
        let rest = content_type.strip_prefix(b"application/grpc");
        matches!(rest, Some([] | [b'+' | b';', ..]))
    }

    /// What a good answer says about the server's health.
    pub(super) fn health(&self) -> Option<HealthStatus> {
        let is_ok = self.is_grpc() && self.field("grpc-status") == Some(b"0");
        let message = self.message().ok().filter(|_| is_ok)?;
        Some(HealthStatus(message.status))
    }

    /// Does the beginning of the body hold this text?
    pub(super) fn says(&self, text: &str) -> bool {
        self.body.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// The one message of a unary answer.
    pub(super) fn message(&self) -> Result<HealthCheckResponse, Unusable> {
        let (flag, rest) = self.body.split_first().ok_or(Unusable::None)?;
        match flag {
            0 => {}
            1 if self.gzip && self.field("grpc-encoding") == Some(b"gzip") => {}
            1 => return Err(Unusable::Compressed(self.text("grpc-encoding").unwrap_or_default())),
            flag => return Err(Unusable::Flag(*flag)),
        }
        let (length, rest) = rest.split_first_chunk().ok_or(Unusable::Prefix)?;
        let announced = u32::from_be_bytes(*length);
        let short = Unusable::Short { announced, came: rest.len() };
        let Some((message, more)) = usize::try_from(announced).ok().and_then(|at| rest.split_at_checked(at))
        else {
            return Err(short);
        };
        if !more.is_empty() {
            return Err(Unusable::More(more.len()));
        }
        if *flag == 1 {
            let message = gzip::expanded(message).map_err(Unusable::Gzip)?;
            return HealthCheckResponse::decode(&*message).map_err(Unusable::NotHealth);
        }
        HealthCheckResponse::decode(message).map_err(Unusable::NotHealth)
    }
}

/// Of a message in gRPC: a flag and the length.
const PREFIX: usize = 5;

fn encoding(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" (`{}`)", super::printable(name)) }
}

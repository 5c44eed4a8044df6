//! One call, and everything in its answer.
//!
//! The call does not use a gRPC client, because a client reports many different faults as `INTERNAL`. Here each fault
//! has its own cause. What counts as a fault is decided as by grpc-go, which is what Envoy Gateway uses
//! (v1.85.0:internal/transport/http2_client.go, `operateHeaders` and `handleData`).

use bytes::{BufMut as _, Bytes, BytesMut};
use data_encoding::{BASE64, BASE64_NOPAD};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use prost::encoding::{DecodeContext, WireType, decode_key, int32, skip_field};
use prost::{DecodeError, Message as _};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::ServiceExt as _;

use super::gzip;
use crate::http2::HeaderFault;
use crate::net::{CLAIMED_LENGTH, IgnoredFrame, Session};
use crate::probe::{Calls, HealthStatus};

/// What came back, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) head: Option<(StatusCode, HeaderMap)>,
    /// The headers ended the answer (`Trailers-Only`).
    is_head_alone: bool,
    body: BytesMut,
    trailers: HeaderMap,
    /// Compressed messages were asked for.
    gzip: bool,
    /// The body was longer than any answer can be, so its end was not waited for.
    pub(super) too_long: bool,
    /// A status of HTTP other than 200 ends the call, whatever that of gRPC is.
    pub(super) http_status_counts: bool,
    /// What is wrong with its header fields.
    pub(super) faults: Vec<HeaderFault>,
    /// What came with it, and the call does not look at.
    pub(super) ignored: Vec<IgnoredFrame>,
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
    NotHealth(DecodeError),
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
    let mut answer = gathered(session, origin, service, calls).await;
    (answer.faults, answer.ignored) = (session.header_faults(), session.ignored());
    answer
}

async fn gathered(session: &Session<Full<Bytes>>, origin: Uri, service: &str, calls: &Calls) -> Answer {
    let http_status_counts = calls.http_status_counts;
    let mut answer = Answer { gzip: calls.gzip, http_status_counts, ..Answer::default() };
    let response = match session.service().oneshot(request(origin, service, calls)).await {
        Ok(response) => response,
        Err(error) => {
            answer.cut = Some(error);
            return answer;
        }
    };
    let (head, mut body) = response.into_parts();
    answer.head = Some((head.status, head.headers));
    answer.is_head_alone = body.is_end_stream();
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
        self.is_grpc() && self.is_head_alone
    }

    /// The status of gRPC, or what stands in its place and is no number; `None` if there is none where one counts. A
    /// status in headers counts only if they end the answer, and must be a number all the same.
    pub(super) fn status(&self) -> Option<Result<u32, String>> {
        let is_number = |value: &&HeaderValue| status_number(value.as_bytes()).is_some();
        let all = [self.headers(), self.ending()].into_iter().flatten();
        let mut all = all.flat_map(|fields| fields.get_all(GRPC_STATUS));
        if let Some(odd) = all.find(|value| !is_number(value)) {
            return Some(Err(String::from_utf8_lossy(odd.as_bytes()).into_owned()));
        }
        last(self.ending()?, GRPC_STATUS).and_then(status_number).map(Ok)
    }

    /// Is a status where it does not count?
    pub(super) fn has_status_too_early(&self) -> bool {
        !self.is_head_alone && self.headers().is_some_and(|headers| headers.contains_key(GRPC_STATUS))
    }

    /// What the server says about its status, in its encoding.
    pub(super) fn status_text(&self) -> &[u8] {
        self.ending().and_then(|ending| last(ending, "grpc-message")).unwrap_or_default()
    }

    /// The name of metadata whose value is to be base64 and is not. Clients of gRPC end the call for it.
    pub(super) fn undecodable(&self) -> Option<&str> {
        let all = [self.headers(), Some(&self.trailers)].into_iter().flatten().flatten();
        let is_odd = |(name, value): &(&HeaderName, &HeaderValue)| {
            name.as_str().ends_with("-bin") && !is_base64(value.as_bytes())
        };
        all.into_iter().find(is_odd).map(|(name, _)| name.as_str())
    }

    /// Where the status counts: in the trailers, or in headers that end the answer.
    fn ending(&self) -> Option<&HeaderMap> {
        if self.is_head_alone { self.headers() } else { Some(&self.trailers) }
    }

    fn headers(&self) -> Option<&HeaderMap> {
        self.head.as_ref().map(|(_, headers)| headers)
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

    /// What it says about the length of its body, if that is not its length.
    pub(super) fn wrong_length(&self) -> Option<String> {
        let claimed = self.headers().and_then(|headers| last(headers, CLAIMED_LENGTH))?;
        let claimed = String::from_utf8_lossy(claimed).into_owned();
        (!self.too_long && claimed.parse() != Ok(self.body.len())).then_some(claimed)
    }

    pub(super) fn body_length(&self) -> usize {
        self.body.len()
    }

    /// What is wrong with its header fields, so that grpc-go ends the call.
    pub(super) fn fault(&self) -> Option<&HeaderFault> {
        self.faults.iter().find(|fault| !fault.is_of_connection())
    }

    /// As a gRPC client sees it: status 200 if that counts, and `application/grpc`, alone or with a subtype behind `+` or a
    /// parameter behind `;` (PROTOCOL-HTTP2.md, Responses; `ContentSubtype` of grpc-go).
    pub(super) fn is_grpc(&self) -> bool {
        let is_refused = self.http_status_counts && self.http_status() != Some(StatusCode::OK);
        self.has_grpc_content_type() && !is_refused
    }

    pub(super) fn has_grpc_content_type(&self) -> bool {
        let of_grpc = |content_type: &HeaderValue| {
            let rest = content_type.as_bytes().strip_prefix(b"application/grpc");
            matches!(rest, Some([] | [b'+' | b';', ..]))
        };
        self.headers().is_some_and(|headers| headers.get_all(CONTENT_TYPE).iter().any(of_grpc))
    }

    /// What a good answer says about the server's health.
    pub(super) fn health(&self) -> Option<HealthStatus> {
        let has_fault = self.fault().is_some() || self.undecodable().is_some();
        let is_ok = self.is_grpc() && !has_fault && self.status() == Some(Ok(0));
        let message = self.message().ok().filter(|_| is_ok)?;
        Some(HealthStatus(message.status))
    }

    /// How its message may be compressed.
    fn encoding(&self) -> &[u8] {
        self.headers().and_then(|headers| last(headers, "grpc-encoding")).unwrap_or_default()
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
            1 if self.gzip && self.encoding() == b"gzip" => {}
            1 => {
                return Err(Unusable::Compressed(String::from_utf8_lossy(self.encoding()).into_owned()));
            }
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
            return decode(&message).map_err(Unusable::NotHealth);
        }
        decode(message).map_err(Unusable::NotHealth)
    }
}

/// As Go's protobuf reads it: a status of another type than a number is a field that it does not know, and no error.
pub(super) fn decode(mut message: &[u8]) -> Result<HealthCheckResponse, DecodeError> {
    let mut response = HealthCheckResponse::default();
    while !message.is_empty() {
        let context = DecodeContext::default();
        match decode_key(&mut message)? {
            (STATUS, WireType::Varint) => {
                int32::merge(WireType::Varint, &mut response.status, &mut message, context)?;
            }
            (tag, kind) => skip_field(kind, tag, &mut message, context)?,
        }
    }
    Ok(response)
}

/// grpc-go takes the last of several.
fn last<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    fields.get_all(name).iter().next_back().map(HeaderValue::as_bytes)
}

/// As grpc-go reads it, with `strconv.ParseInt`: a sign and zeros in front of it are fine, and negative numbers are large ones.
pub(super) fn status_number(value: &[u8]) -> Option<u32> {
    str::from_utf8(value).ok()?.parse::<i32>().ok().map(i32::cast_unsigned)
}

/// With padding or without, as peers of gRPC send it.
fn is_base64(value: &[u8]) -> bool {
    let padded = value.len().is_multiple_of(4);
    let mut base64 = if padded { BASE64.specification() } else { BASE64_NOPAD.specification() };
    // Go does not look at them.
    base64.check_trailing_bits = false;
    base64.encoding().is_ok_and(|base64| base64.decode(value).is_ok())
}

/// The only field of the message.
const STATUS: u32 = 1;

const GRPC_STATUS: &str = "grpc-status";

/// Of a message in gRPC: a flag and the length.
const PREFIX: usize = 5;

fn encoding(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" (`{}`)", super::printable(name)) }
}

//! Messages and their header fields (RFC 9113 section 8).

use std::borrow::Cow;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, StatusCode};

use super::HeaderFault;
use super::fields::{Fields, Judged, RequestHead, ResponseHead};
use super::hpack::{Encoder, Field, Storing};

pub(super) fn request(encoder: &mut Encoder, head: &RequestHead, out: &mut Vec<u8>) {
    let scheme: &[u8] = if head.is_secure { b"https" } else { b"http" };
    encoder.field(":method", head.method.as_str().as_bytes(), Storing::Yes, out);
    encoder.field(":scheme", scheme, Storing::Yes, out);
    if let Some(path) = &head.path {
        encoder.field(":path", path.as_str().as_bytes(), Storing::Yes, out);
    }
    if let Some(authority) = &head.authority {
        encoder.field(":authority", authority.as_str().as_bytes(), Storing::Yes, out);
    }
    trailers(encoder, &head.fields, out);
}

pub(super) fn response(encoder: &mut Encoder, head: &ResponseHead, out: &mut Vec<u8>) {
    encoder.field(":status", head.status.as_str().as_bytes(), Storing::Yes, out);
    trailers(encoder, &head.fields, out);
}

pub(super) fn trailers(encoder: &mut Encoder, fields: &Fields, out: &mut Vec<u8>) {
    for (name, value) in fields.iter() {
        encoder.field(name.as_str(), value.as_bytes(), storing(name, value), out);
    }
}

/// A field that is another one in each call would push what comes again out of the table.
fn storing(name: &HeaderName, value: &HeaderValue) -> Storing {
    match value.is_sensitive() {
        true => Storing::Never,
        false if *name == AUTHORIZATION || NOT_STORED.contains(&name.as_str()) => Storing::No,
        false => Storing::Yes,
    }
}

const NOT_STORED: [&str; 6] = [
    "content-length",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-timeout",
    "traceparent",
    "x-request-id",
];

/// What was decoded of a header block.
#[derive(Debug)]
pub(super) struct Received {
    method: Option<Method>,
    has_scheme: bool,
    has_authority: bool,
    authority: Option<Authority>,
    path: Option<PathAndQuery>,
    status: Option<StatusCode>,
    fields: Fields,
    /// As section 6.5.2 counts it.
    size: usize,
    limit: usize,
    fault: Option<HeaderFault>,
    is_malformed: bool,
    has_regular: bool,
}

/// It breaks the rules for messages, which costs its stream (section 8.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed;

impl Received {
    /// Nothing yet of a list that has less than `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            method: None,
            has_scheme: false,
            has_authority: false,
            authority: None,
            path: None,
            status: None,
            fields: Fields::default(),
            size: 0,
            limit,
            fault: None,
            is_malformed: false,
            has_regular: false,
        }
    }

    /// Takes the next field.
    pub(super) fn take(&mut self, field: Cow<'_, Field>, size: usize) {
        self.size += size;
        if matches!(*field, Field::Other(..)) && self.size >= self.limit {
            self.has_regular = true;
            return;
        }
        let is_again = match field.into_owned() {
            Field::Other(name, value) => {
                self.has_regular = true;
                return self.fields.push(name, value);
            }
            Field::Bad(fault) => {
                self.fault.get_or_insert_with(|| HeaderFault::clone(&fault));
                return;
            }
            Field::Malformed(_) => {
                self.is_malformed = true;
                return;
            }
            Field::Method(method) => self.method.replace(method).is_some(),
            Field::Scheme => std::mem::replace(&mut self.has_scheme, true),
            Field::Authority(authority) => {
                self.authority = authority;
                std::mem::replace(&mut self.has_authority, true)
            }
            Field::Path(path) => self.path.replace(path).is_some(),
            Field::Status(status) => self.status.replace(status).is_some(),
        };
        // Pseudo-header fields stand there once, before all others (section 8.3).
        self.is_malformed |= is_again || self.has_regular;
    }

    /// Whether it is the head of an interim response (section 8.1).
    pub(super) fn is_interim(&self) -> bool {
        self.status.is_some_and(|status| status.is_informational())
    }

    pub(super) fn into_request(self) -> Result<Judged<RequestHead>, Malformed> {
        if self.is_malformed || self.status.is_some() {
            return Err(Malformed);
        }
        let (fault, is_connect) = (self.fault(), self.method == Some(Method::CONNECT));
        // With a fault the field may be the one that is missing.
        let is_whole =
            self.method.is_some() && self.has_scheme != is_connect && self.path.is_none() == is_connect;
        if !is_whole && fault.is_none() {
            return Err(Malformed);
        }
        let Self { method, authority, path, fields, .. } = self;
        let method = method.unwrap_or(Method::POST);
        Ok(Judged { message: RequestHead { method, is_secure: false, authority, path, fields }, fault })
    }

    pub(super) fn into_response(self) -> Result<Judged<ResponseHead>, Malformed> {
        let fault = self.fault();
        if self.is_malformed || self.is_of_request() || self.status.is_none() && fault.is_none() {
            return Err(Malformed);
        }
        let status = self.status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ok(Judged { message: ResponseHead { status, fields: self.fields }, fault })
    }

    pub(super) fn into_trailers(self) -> Result<Judged<Fields>, Malformed> {
        if self.is_malformed || self.is_of_request() || self.status.is_some() {
            return Err(Malformed);
        }
        let fault = self.fault();
        Ok(Judged { message: self.fields, fault })
    }

    fn is_of_request(&self) -> bool {
        self.method.is_some() || self.has_scheme || self.has_authority || self.path.is_some()
    }

    fn fault(&self) -> Option<HeaderFault> {
        match self.size >= self.limit {
            true => Some(HeaderFault::TooLarge { size: self.size, limit: self.limit }),
            false => self.fault.clone(),
        }
    }
}

/// How many bytes the body has, if the message says so (section 8.1.1).
pub(super) fn length(fields: &Fields) -> Result<Option<u64>, Malformed> {
    let Some(first) = fields.get(&CONTENT_LENGTH) else { return Ok(None) };
    let is_one = fields.count(&CONTENT_LENGTH) == 1;
    let digits = Some(first.as_bytes()).filter(|value| is_one && value.iter().all(u8::is_ascii_digit));
    let length = digits.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    length.map(Some).ok_or(Malformed)
}

//! Both ends against each other, and each of them against frames that are written by hand.

mod pair;
mod pressure;
mod raw;
mod rules;

use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::{Fields, Limits, RequestHead, ResponseHead};

/// Small enough to be reached.
const LIMITS: Limits = Limits {
    stream_window: 70_000,
    frame_size: 16_384,
    told_header_list: 4_000,
    header_list: 4_000,
    header_block: 16_000,
    concurrent_streams: 3,
    malformed_streams: Some(2),
};

fn fields(all: &[(&'static str, &'static str)]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in all {
        fields.push(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    fields
}

fn request() -> RequestHead {
    RequestHead {
        method: Method::POST,
        is_secure: false,
        authority: Some("localhost".parse().expect("an authority")),
        path: Some("/a.B/C".parse().expect("a path")),
        fields: fields(&[("content-type", "application/grpc"), ("te", "trailers")]),
    }
}

fn response() -> ResponseHead {
    ResponseHead { status: StatusCode::OK, fields: fields(&[("content-type", "application/grpc")]) }
}

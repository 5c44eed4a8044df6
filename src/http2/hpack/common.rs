//! Names and values that most gRPC calls have: as static ones they are not allocated, and a clone counts no references.

use http::{HeaderName, HeaderValue};

/// A name that is not in `http`'s own list.
pub(super) fn name(name: &[u8]) -> Option<HeaderName> {
    const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
    const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
    const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
    const STATUS: HeaderName = HeaderName::from_static("grpc-status");
    const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
    const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
    Some(match name {
        b"grpc-accept-encoding" => ACCEPT_ENCODING,
        b"grpc-encoding" => ENCODING,
        b"grpc-message" => MESSAGE,
        b"grpc-status" => STATUS,
        b"grpc-timeout" => TIMEOUT,
        b"traceparent" => TRACE_PARENT,
        _ => return None,
    })
}

pub(super) fn value(value: &[u8]) -> Option<HeaderValue> {
    const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
    const GZIP: HeaderValue = HeaderValue::from_static("gzip");
    const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
    const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
    const ZERO: HeaderValue = HeaderValue::from_static("0");
    Some(match value {
        b"" => HeaderValue::from_static(""),
        b"application/grpc" => GRPC,
        b"gzip" => GZIP,
        b"identity" => IDENTITY,
        b"trailers" => TRAILERS,
        b"0" => ZERO,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_they_say() {
        for text in [
            "grpc-accept-encoding",
            "grpc-encoding",
            "grpc-message",
            "grpc-status",
            "grpc-timeout",
            "traceparent",
        ] {
            assert_eq!(name(text.as_bytes()).expect("common"), text);
        }
        for text in ["", "application/grpc", "gzip", "identity", "trailers", "0"] {
            assert_eq!(value(text.as_bytes()).expect("common"), text);
        }
        assert_eq!((name(b"Grpc-Status"), value(b"1")), (None, None));
    }
}

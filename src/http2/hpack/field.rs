//! Fields, and what makes one bad.

use std::sync::Arc;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::HeaderFault;
use super::common;
use super::table::{Counted, OVERHEAD};

/// A field as it was received. It is judged once, also if it comes from the dynamic table again. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    /// `None` if the authority is the path of a socket, which is none.
    Authority(Option<Authority>),
    /// It has a byte that no field can have.
    Bad(Arc<HeaderFault>),
    /// It makes its request or response malformed (RFC 9113 section 8.1.1); the text says why.
    Malformed(&'static str),
    Method(Method),
    Other(HeaderName, HeaderValue),
    Path(PathAndQuery),
    /// A scheme that can be parsed; which one does not matter.
    Scheme,
    Status(StatusCode),
}

/// A judged name: what a later literal takes by its index.
#[derive(Clone, Debug)]
pub(super) enum Name {
    Authority,
    Bad(Arc<HeaderFault>),
    Malformed(&'static str),
    Method,
    Other(HeaderName),
    Path,
    Protocol,
    Scheme,
    Status,
}

/// A judged field, as the tables have it.
#[derive(Debug)]
pub(super) struct Entry {
    field: Field,
    /// If the field does not have it.
    name: Option<Box<Name>>,
    name_length: usize,
    size: usize,
}

impl Name {
    pub(super) fn judge(name: &[u8]) -> Self {
        match name {
            [b':', ..] => Self::judge_pseudo(name),
            [] => Self::Malformed("the name of a field is empty"),
            _ => match common::name(name).map_or_else(|| HeaderName::from_lowercase(name), Ok) {
                Ok(name) => Self::Other(name),
                Err(_) => Self::bad(name),
            },
        }
    }

    fn judge_pseudo(name: &[u8]) -> Self {
        match name {
            b":authority" => Self::Authority,
            b":method" => Self::Method,
            b":path" => Self::Path,
            b":protocol" => Self::Protocol,
            b":scheme" => Self::Scheme,
            b":status" => Self::Status,
            _ => Self::bad(name),
        }
    }

    fn bad(name: &[u8]) -> Self {
        match bad_in_name(name) {
            Some(octet) => {
                let name = name.escape_ascii().to_string();
                Self::Bad(Arc::new(HeaderFault::Octet { name, octet }))
            }
            None => Self::Malformed("the name of a field is too long"),
        }
    }

    /// The field of this name with `value`, and the name, if the field does not have it.
    fn join(self, value: &[u8]) -> (Field, Option<Self>) {
        let field = match self {
            Self::Other(name) => {
                let field = match common::value(value).map_or_else(|| HeaderValue::from_bytes(value), Ok) {
                    Ok(_) if is_of_connection(name.as_str(), value) => Field::Malformed(OF_CONNECTION),
                    Ok(value) => return (Field::Other(name, value), None),
                    Err(_) => Field::bad(name.as_str(), bad_in_text(value), "a value cannot be parsed"),
                };
                return (field, Some(Self::Other(name)));
            }
            Self::Authority if std::str::from_utf8(value).is_ok() && is_socket(value) => {
                Field::Authority(None)
            }
            Self::Authority => match Authority::try_from(value) {
                Ok(authority) => Field::Authority(Some(authority)),
                Err(_) => Field::bad(":authority", not_utf8(value), NO_AUTHORITY),
            },
            Self::Bad(ref fault) => Field::Bad(Arc::clone(fault)),
            Self::Malformed(why) => Field::Malformed(why),
            Self::Method => match Method::from_bytes(value) {
                Ok(method) => Field::Method(method),
                Err(_) => Field::bad(":method", bad_in_method(value), "`:method` is empty"),
            },
            Self::Path => match PathAndQuery::try_from(value) {
                Ok(path) => Field::Path(path),
                Err(_) => Field::bad(":path", not_utf8(value), "`:path` cannot be parsed"),
            },
            Self::Protocol => Field::bad(":protocol", not_utf8(value), "`:protocol` is not supported"),
            Self::Scheme => match Scheme::try_from(value) {
                Ok(_) => Field::Scheme,
                Err(_) => Field::bad(":scheme", not_utf8(value), "`:scheme` cannot be parsed"),
            },
            Self::Status => match StatusCode::from_bytes(value) {
                Ok(status) => Field::Status(status),
                Err(_) => Field::bad(":status", bad_in_status(value), "`:status` is empty"),
            },
        };
        let has_name = !matches!(field, Field::Bad(_) | Field::Malformed(_));
        (field, (!has_name).then_some(self))
    }
}

impl Field {
    /// `byte` makes it bad; without one it is malformed.
    fn bad(name: &str, byte: Option<u8>, why: &'static str) -> Self {
        match byte {
            Some(octet) => Self::Bad(Arc::new(HeaderFault::Octet { name: name.to_owned(), octet })),
            None => Self::Malformed(why),
        }
    }

    /// Marks a value that intermediaries must not compress (RFC 7541 section 7.1.3).
    pub(super) fn set_sensitive(&mut self) {
        if let Self::Other(_, value) = self {
            value.set_sensitive(true);
        }
    }
}

impl Entry {
    pub(super) fn judge(name: Name, name_length: usize, value: &[u8]) -> Self {
        let (field, name) = name.join(value);
        Self { field, name: name.map(Box::new), name_length, size: name_length + value.len() + OVERHEAD }
    }

    pub(super) const fn fixed(field: Field, name: &str, value: &str) -> Self {
        Self { field, name: None, name_length: name.len(), size: name.len() + value.len() + OVERHEAD }
    }

    pub(super) fn field(&self) -> &Field {
        &self.field
    }

    pub(super) fn into_field(self) -> Field {
        self.field
    }

    pub(super) fn name(&self) -> Name {
        match &self.field {
            Field::Authority(_) => Name::Authority,
            Field::Method(_) => Name::Method,
            Field::Other(name, _) => Name::Other(name.clone()),
            Field::Path(_) => Name::Path,
            Field::Scheme => Name::Scheme,
            Field::Status(_) => Name::Status,
            Field::Bad(_) | Field::Malformed(_) => match self.name.as_deref() {
                Some(name) => name.clone(),
                None => Name::Malformed("the name of a field is not known"),
            },
        }
    }

    pub(super) fn name_length(&self) -> usize {
        self.name_length
    }
}

impl Counted for Entry {
    fn size(&self) -> usize {
        self.size
    }
}

pub(super) const NO_AUTHORITY: &str = "`:authority` cannot be parsed";
pub(super) const OF_CONNECTION: &str = "HTTP/2 does not allow fields of a connection";

/// RFC 9113 section 8.2.2.
pub(crate) fn is_of_connection(name: &str, value: &[u8]) -> bool {
    match name {
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" => true,
        "te" => value != b"trailers",
        _ => false,
    }
}

/// The path of a socket, plain or percent-encoded, or an abstract socket: what clients that are made of gRPC's C core
/// use as the authority on a unix socket.
fn is_socket(authority: &[u8]) -> bool {
    let path = authority.strip_prefix(b"unix:").unwrap_or(authority);
    let is_abstract = [&b"@"[..], b"%40"].iter().any(|start| path.starts_with(start));
    // Some leave out the first slash. No host name and no port has one.
    is_abstract || path.contains(&b'/') || path.windows(3).any(|bytes| bytes.eq_ignore_ascii_case(b"%2F"))
}

/// The first byte that no name can have (RFC 9113 section 8.2.1). An empty name has none, nor has one that is too long.
pub(crate) fn bad_in_name(name: &[u8]) -> Option<u8> {
    name.iter().copied().find(|byte| HeaderName::from_lowercase(&[*byte]).is_err())
}

/// As [`HeaderValue`] judges it.
pub(crate) fn bad_in_text(value: &[u8]) -> Option<u8> {
    value.iter().copied().find(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f)
}

pub(crate) fn bad_in_method(value: &[u8]) -> Option<u8> {
    value.iter().copied().find(|byte| Method::from_bytes(&[*byte]).is_err())
}

/// Of a value that is no status.
pub(crate) fn bad_in_status(value: &[u8]) -> Option<u8> {
    value.iter().copied().find(|byte| !byte.is_ascii_digit()).or(value.first().copied())
}

pub(crate) fn not_utf8(value: &[u8]) -> Option<u8> {
    let error = std::str::from_utf8(value).err()?;
    value.get(error.valid_up_to()).copied()
}

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::super::tests::{coded_literal, fields, literal};
    use super::*;

    /// What is made of a field, in all its forms.
    fn judged(name: &[u8], value: &[u8]) -> Field {
        let mut decoder = Decoder::new();
        let mut block = Vec::new();
        for pattern in [0, 0x10, 0x40] {
            block.extend(literal(pattern, name, value));
            block.extend(coded_literal(pattern, name, value));
        }
        block.extend(b"\xbe\xbf");
        let mut fields = fields(&mut decoder, &block).expect("HPACK");
        assert_eq!(fields.len(), 8);
        fields.dedup();
        assert_eq!(fields.len(), 1, "{fields:?}");
        fields.remove(0)
    }

    #[test]
    fn bad_bytes_are_named() {
        for (name, value, shown, octet) in [
            (&b"grpc-message"[..], &b"a\x01b"[..], "grpc-message", 1),
            (b"x", b"\n", "x", b'\n'),
            (b"x", b"\x7f", "x", 0x7f),
            (b"X-Up", b"v", "X-Up", b'X'),
            (b"a\xffb", b"v", "a\\xffb", 0xff),
            (b"a b", b"\n", "a b", b' '),
            (b":odd", b"v", ":odd", b':'),
            (b":", b"v", ":", b':'),
            (b":Path", b"/", ":Path", b':'),
            (b":status", b"2x0", ":status", b'x'),
            (b":status", b"many", ":status", b'm'),
            (b":status", b"2\x01000", ":status", 1),
            (b":status", b"2000", ":status", b'2'),
            (b":method", b"P T", ":method", b' '),
            (b":path", b"/\xff", ":path", 0xff),
            (b":scheme", b"\xffhttp", ":scheme", 0xff),
            (b":authority", b"/run/\xff", ":authority", 0xff),
            (b":protocol", b"\xff", ":protocol", 0xff),
            (b"connection", b"\0", "connection", 0),
        ] {
            let fault = HeaderFault::Octet { name: shown.to_owned(), octet };
            assert_eq!(judged(name, value), Field::Bad(Arc::new(fault)));
        }
    }

    #[test]
    fn malformed_fields_are_not_bad() {
        for (name, value) in [
            (&b""[..], &b"v"[..]),
            (b":authority", b""),
            (b":authority", b"a b"),
            (b":method", b""),
            (b":path", b""),
            (b":path", b"a"),
            (b":path", b"/a b"),
            (b":protocol", b"websocket"),
            (b":scheme", b"ht tp"),
            (b":status", b""),
            (b"connection", b"close"),
            (b"keep-alive", b"1"),
            (b"proxy-connection", b""),
            (b"te", b"gzip"),
            (b"transfer-encoding", b"chunked"),
            (b"upgrade", b"h2c"),
        ] {
            let field = judged(name, value);
            assert!(matches!(field, Field::Malformed(_)), "{}: {field:?}", name.escape_ascii());
        }
        let long = vec![b'x'; 1 << 16];
        let field = fields(&mut Decoder::new(), &literal(0, &long, b"v"));
        assert_eq!(field, Ok(vec![Field::Malformed("the name of a field is too long")]));
    }

    #[test]
    fn good_fields_are_what_they_are() {
        let other = |name, value| Field::Other(HeaderName::from_static(name), value);
        for (name, value, expected) in [
            (
                &b"x-raw"[..],
                &b"\xff\x80"[..],
                other("x-raw", HeaderValue::from_bytes(b"\xff\x80").expect("good")),
            ),
            (b"x-tenant", b"one\ttwo", other("x-tenant", HeaderValue::from_static("one\ttwo"))),
            (b"te", b"trailers", other("te", HeaderValue::from_static("trailers"))),
            (b":method", b"POST", Field::Method(Method::POST)),
            (b":path", b"/a?b", Field::Path(PathAndQuery::from_static("/a?b"))),
            (b":scheme", b"unix+http", Field::Scheme),
            // As `http` parses it.
            (b":scheme", b"", Field::Scheme),
            (b":status", b"200", Field::Status(StatusCode::OK)),
        ] {
            assert_eq!(judged(name, value), expected);
        }
    }

    #[test]
    fn an_authority_that_is_a_socket_is_none() {
        for (authority, is_socket) in [
            ("/run/eg.sock", true),
            ("%2Frun%2Feg.sock", true),
            ("run%2fegext%2Feg.sock", true),
            ("run/eg.sock", true),
            ("unix:/run/eg.sock", true),
            ("@abstract", true),
            ("localhost", false),
            ("[::1]:80", false),
            ("user@host", false),
            ("unix:80", false),
        ] {
            let expected = (!is_socket).then(|| Authority::from_static(authority));
            assert_eq!(judged(b":authority", authority.as_bytes()), Field::Authority(expected));
        }
    }
}

//! The static table (RFC 7541 appendix A).

use http::header::TRANSFER_ENCODING;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::field::{Entry, Field, NO_AUTHORITY, Name, OF_CONNECTION};

/// The index of the dynamic table's newest entry.
pub(crate) const FIRST_DYNAMIC: usize = ENTRIES.len() + 1;

/// What the static table has of a field.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Of the first entry with its name, or of that with its value as well; 0 if there is none.
    pub(super) index: usize,
    pub(super) is_whole: bool,
}

/// Indices begin with 1.
pub(super) fn get(index: usize) -> Option<&'static Entry> {
    ENTRIES.get(index.checked_sub(1)?)
}

/// The name of an entry that is no good field by itself.
pub(super) fn name(index: usize) -> Option<Name> {
    match index {
        1 => Some(Name::Authority),
        57 => Some(Name::Other(TRANSFER_ENCODING)),
        _ => None,
    }
}

/// The name of an entry, for those who do not decode.
pub(crate) fn static_name(index: usize) -> Option<&'static str> {
    match (index, get(index)?.field()) {
        (1, _) => Some(":authority"),
        (57, _) => Some("transfer-encoding"),
        (_, Field::Method(_)) => Some(":method"),
        (_, Field::Other(name, _)) => Some(name.as_str()),
        (_, Field::Path(_)) => Some(":path"),
        (_, Field::Scheme) => Some(":scheme"),
        (_, Field::Status(_)) => Some(":status"),
        (_, Field::Authority(_) | Field::Bad(_) | Field::Malformed(_)) => None,
    }
}

/// What the static table has of a field with this name and value.
pub(super) fn find(name: &str, value: &[u8]) -> Known {
    let index = name_index(name);
    let whole = match index {
        0 => 0,
        2 => match value {
            b"GET" => 2,
            b"POST" => 3,
            _ => 0,
        },
        4 => match value {
            b"/" => 4,
            b"/index.html" => 5,
            _ => 0,
        },
        6 => match value {
            b"http" => 6,
            b"https" => 7,
            _ => 0,
        },
        8 => match value {
            b"200" => 8,
            b"204" => 9,
            b"206" => 10,
            b"304" => 11,
            b"400" => 12,
            b"404" => 13,
            b"500" => 14,
            _ => 0,
        },
        16 if value == b"gzip, deflate" => 16,
        16 => 0,
        _ if value.is_empty() => index,
        _ => 0,
    };
    match whole {
        0 => Known { index, is_whole: false },
        index => Known { index, is_whole: true },
    }
}

/// The first entry of this name, or 0. To compare lengths first makes most names cost one comparison.
fn name_index(name: &str) -> usize {
    match name.len() {
        3 => match name {
            "age" => 21,
            "via" => 60,
            _ => 0,
        },
        4 => match name {
            "date" => 33,
            "etag" => 34,
            "from" => 37,
            "host" => 38,
            "link" => 45,
            "vary" => 59,
            _ => 0,
        },
        5 => match name {
            ":path" => 4,
            "allow" => 22,
            "range" => 50,
            _ => 0,
        },
        6 => match name {
            "accept" => 19,
            "cookie" => 32,
            "expect" => 35,
            "server" => 54,
            _ => 0,
        },
        7 => match name {
            ":method" => 2,
            ":scheme" => 6,
            ":status" => 8,
            "expires" => 36,
            "referer" => 51,
            "refresh" => 52,
            _ => 0,
        },
        8 => match name {
            "if-match" => 39,
            "if-range" => 42,
            "location" => 46,
            _ => 0,
        },
        10 => match name {
            ":authority" => 1,
            "set-cookie" => 55,
            "user-agent" => 58,
            _ => 0,
        },
        11 => match name {
            "retry-after" => 53,
            _ => 0,
        },
        12 => match name {
            "content-type" => 31,
            "max-forwards" => 47,
            _ => 0,
        },
        13 => match name {
            "accept-ranges" => 18,
            "authorization" => 23,
            "cache-control" => 24,
            "content-range" => 30,
            "if-none-match" => 41,
            "last-modified" => 44,
            _ => 0,
        },
        14 => match name {
            "accept-charset" => 15,
            "content-length" => 28,
            _ => 0,
        },
        15 => match name {
            "accept-encoding" => 16,
            "accept-language" => 17,
            _ => 0,
        },
        16 => match name {
            "content-encoding" => 26,
            "content-language" => 27,
            "content-location" => 29,
            "www-authenticate" => 61,
            _ => 0,
        },
        17 => match name {
            "if-modified-since" => 40,
            "transfer-encoding" => 57,
            _ => 0,
        },
        18 => match name {
            "proxy-authenticate" => 48,
            _ => 0,
        },
        19 => match name {
            "content-disposition" => 25,
            "if-unmodified-since" => 43,
            "proxy-authorization" => 49,
            _ => 0,
        },
        25 => match name {
            "strict-transport-security" => 56,
            _ => 0,
        },
        27 => match name {
            "access-control-allow-origin" => 20,
            _ => 0,
        },
        _ => 0,
    }
}

/// Entries 1 and 57 are no good fields without another value.
static ENTRIES: [Entry; 61] = [
    Entry::fixed(Field::Malformed(NO_AUTHORITY), ":authority", ""),
    Entry::fixed(Field::Method(Method::GET), ":method", "GET"),
    Entry::fixed(Field::Method(Method::POST), ":method", "POST"),
    path("/"),
    path("/index.html"),
    Entry::fixed(Field::Scheme, ":scheme", "http"),
    Entry::fixed(Field::Scheme, ":scheme", "https"),
    status(StatusCode::OK),
    status(StatusCode::NO_CONTENT),
    status(StatusCode::PARTIAL_CONTENT),
    status(StatusCode::NOT_MODIFIED),
    status(StatusCode::BAD_REQUEST),
    status(StatusCode::NOT_FOUND),
    status(StatusCode::INTERNAL_SERVER_ERROR),
    other("accept-charset", ""),
    other("accept-encoding", "gzip, deflate"),
    other("accept-language", ""),
    other("accept-ranges", ""),
    other("accept", ""),
    other("access-control-allow-origin", ""),
    other("age", ""),
    other("allow", ""),
    other("authorization", ""),
    other("cache-control", ""),
    other("content-disposition", ""),
    other("content-encoding", ""),
    other("content-language", ""),
    other("content-length", ""),
    other("content-location", ""),
    other("content-range", ""),
    other("content-type", ""),
    other("cookie", ""),
    other("date", ""),
    other("etag", ""),
    other("expect", ""),
    other("expires", ""),
    other("from", ""),
    other("host", ""),
    other("if-match", ""),
    other("if-modified-since", ""),
    other("if-none-match", ""),
    other("if-range", ""),
    other("if-unmodified-since", ""),
    other("last-modified", ""),
    other("link", ""),
    other("location", ""),
    other("max-forwards", ""),
    other("proxy-authenticate", ""),
    other("proxy-authorization", ""),
    other("range", ""),
    other("referer", ""),
    other("refresh", ""),
    other("retry-after", ""),
    other("server", ""),
    other("set-cookie", ""),
    other("strict-transport-security", ""),
    Entry::fixed(Field::Malformed(OF_CONNECTION), "transfer-encoding", ""),
    other("user-agent", ""),
    other("vary", ""),
    other("via", ""),
    other("www-authenticate", ""),
];

const fn other(name: &'static str, value: &'static str) -> Entry {
    Entry::fixed(Field::Other(HeaderName::from_static(name), HeaderValue::from_static(value)), name, value)
}

const fn path(path: &'static str) -> Entry {
    Entry::fixed(Field::Path(PathAndQuery::from_static(path)), ":path", path)
}

const fn status(status: StatusCode) -> Entry {
    // Any three digits: only their number counts.
    Entry::fixed(Field::Status(status), ":status", "200")
}

#[cfg(test)]
mod tests {
    use super::super::table::Counted as _;
    use super::super::tests::shown;
    use super::*;

    #[test]
    fn each_entry_is_found() {
        for index in 1..FIRST_DYNAMIC {
            let entry = get(index).expect("an entry");
            let (name, value) = match index {
                1 => (":authority".to_owned(), Vec::new()),
                57 => ("transfer-encoding".to_owned(), Vec::new()),
                7 => (":scheme".to_owned(), b"https".to_vec()),
                _ => shown(entry.field()),
            };
            let known = find(&name, &value);
            assert_eq!((known.index, known.is_whole), (index, true), "{name}");
            assert_eq!((static_name(index), entry.name_length()), (Some(&*name), name.len()));
            assert_eq!(entry.size(), name.len() + value.len() + 32);
            let judged = Entry::judge(Name::judge(name.as_bytes()), name.len(), &value);
            assert_eq!(judged.field(), entry.field(), "{name}");
            // The first one of this name.
            let first = find(&name, b"another value");
            assert!(first.index <= index && !first.is_whole && index - first.index < 7, "{name}");
        }
        assert!(get(0).is_none() && get(FIRST_DYNAMIC).is_none() && static_name(FIRST_DYNAMIC).is_none());
    }

    #[test]
    fn other_names_are_not_found() {
        for name in ["", ":", "x", "te", "grpc-timeout", "content-types", "traceparent", ":statuz"] {
            assert_eq!(find(name, b"").index, 0, "{name}");
        }
        let known = find("accept-encoding", b"");
        assert_eq!((known.index, known.is_whole), (16, false));
    }
}

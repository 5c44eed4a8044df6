//! Fields for which h2 resets a call, and that grpc-go does not look at.

use std::borrow::Cow;

/// Whose reading of fields counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reader {
    /// That of grpc-go: h2 gets these fields by another name.
    GrpcGo,
    H2,
}

/// The name that h2 gets in the place of `name`. It has the same length, so it takes the same room in the dynamic table.
pub(super) fn other_name(name: &[u8], value: &[u8]) -> Option<Cow<'static, [u8]>> {
    if name == b"content-length" {
        return Some(Cow::Borrowed(CLAIMED_LENGTH.as_bytes()));
    }
    // RFC 9113 section 8.2.2.
    let is_of_connection = match name {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => true,
        b"te" => value != b"trailers",
        _ => false,
    };
    is_of_connection.then(|| [b"x", &name[1..]].concat().into())
}

/// Those of the static table (RFC 7541 appendix A).
pub(super) fn static_name(index: usize) -> Option<&'static [u8]> {
    match index {
        28 => Some(b"content-length"),
        57 => Some(b"transfer-encoding"),
        _ => None,
    }
}

/// By this name a probe gets `content-length`.
pub(crate) const CLAIMED_LENGTH: &str = "x-egext-length";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_has_the_same_length() {
        for name in ["connection", "content-length", "te", "transfer-encoding", "upgrade"] {
            let other = other_name(name.as_bytes(), b"x").expect("another name");
            assert_eq!((other.len(), &*other == name.as_bytes()), (name.len(), false), "{name}");
        }
        assert_eq!(other_name(b"te", b"trailers"), None);
        assert_eq!(other_name(b"x-connection", b"x"), None);
    }
}

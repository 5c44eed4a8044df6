//! Fields for which h2 resets a call, and that grpc-go does not look at.

use std::borrow::Cow;

use crate::http2::hpack::is_of_connection;

/// The name that h2 gets in the place of `name`. It has the same length, so it takes the same room in the dynamic table.
pub(super) fn other_name(name: &[u8], value: &[u8]) -> Option<Cow<'static, [u8]>> {
    if name == b"content-length" {
        return Some(Cow::Borrowed(CLAIMED_LENGTH.as_bytes()));
    }
    let is_of_connection = str::from_utf8(name).is_ok_and(|name| is_of_connection(name, value));
    is_of_connection.then(|| [b"x", &name[1..]].concat().into())
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

//! The first frame of HTTP/2, which proves that the peer speaks it.

/// Does a connection begin as RFC 9113 section 3.4 says: a SETTINGS frame on stream 0 that is no
/// acknowledgement?
pub(super) fn is_settings(first: &[u8]) -> bool {
    matches!(*first, [0, _, _, 0x04, flags, 0, 0, 0, 0] if flags & 1 == 0)
}

pub(super) use crate::http2::frame::FRAME_HEADER;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_settings_frame_opens_a_connection() {
        assert!(is_settings(&[0, 0, 18, 4, 0, 0, 0, 0, 0]));
        assert!(!is_settings(&[0, 0, 0, 4, 1, 0, 0, 0, 0]), "an acknowledgement");
        assert!(!is_settings(&[0, 0, 8, 7, 0, 0, 0, 0, 0]), "GOAWAY");
        assert!(!is_settings(b"HTTP/1.1 "));
        assert!(!is_settings(&[0x15, 3, 3, 0, 2, 2, 40, 0, 0]), "a TLS alert");
    }
}

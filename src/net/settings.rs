use super::frame::{FRAME_HEADER, is_settings};
use crate::http2;
use crate::http2::frame::SETTING;

/// What a server's first SETTINGS frame says (RFC 9113 section 6.5.2). What it leaves out has the value of the standard.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Of the table for header fields that we send.
    pub header_table_size: Option<u32>,
    /// How many calls it lets us make at once.
    pub max_concurrent_streams: Option<u32>,
    /// How much of a message we may send before it asks for more.
    pub initial_window_size: Option<u32>,
    /// The longest frame that it reads.
    pub max_frame_size: Option<u32>,
    /// How long our header fields may be in all.
    pub max_header_list_size: Option<u32>,
}

/// As many bytes of a connection as a SETTINGS frame with every setting twice has.
pub(super) const OPENING: usize = FRAME_HEADER + 16 * SETTING;

impl Settings {
    /// What is said in the beginning of a connection, as far as it has come; `None` if that is no SETTINGS frame.
    pub(super) fn of(opening: &[u8]) -> Option<Self> {
        let (header, rest) =
            opening.split_at_checked(FRAME_HEADER).filter(|(header, _)| is_settings(header))?;
        let length = usize::from(header[1]) << 8 | usize::from(header[2]);
        let mut settings = Self::default();
        for (setting, value) in http2::frame::settings(&rest[..rest.len().min(length)]) {
            match setting {
                1 => settings.header_table_size = Some(value),
                3 => settings.max_concurrent_streams = Some(value),
                4 => settings.initial_window_size = Some(value),
                5 => settings.max_frame_size = Some(value),
                6 => settings.max_header_list_size = Some(value),
                _ => {}
            }
        }
        Some(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_far_as_it_has_come() {
        let frame = [0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 9, 1, 1, 1, 1];
        let settings = Settings {
            max_concurrent_streams: Some(0),
            initial_window_size: Some(65_536),
            ..Settings::default()
        };
        assert_eq!(Settings::of(&frame), Some(settings));
        let begun = Settings { initial_window_size: None, ..settings };
        assert_eq!(Settings::of(&frame[..20]), Some(begun));
        assert_eq!(Settings::of(&frame[..8]), None);
        // What follows the frame is another one.
        let next = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0];
        assert_eq!(Settings::of(&next), Some(Settings::default()));
        assert_eq!(Settings::of(b"HTTP/1.1 200 OK"), None);
    }
}

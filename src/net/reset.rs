use std::borrow::Cow;
use std::error::Error as StdError;

use h2::Reason;

/// Who ended a call or its whole connection, in HTTP/2, and why (RFC 9113 section 7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reset {
    /// True where our own HTTP/2 did it, because of what the peer sent.
    pub ours: bool,
    /// True for a GOAWAY, which ends the connection; false for a RST_STREAM.
    pub connection: bool,
    reason: Reason,
}

impl Reset {
    /// What the peer says in GOAWAY.
    pub(super) fn by_peer(reason: Reason) -> Self {
        Self { ours: false, connection: true, reason }
    }

    /// The reset behind an error of hyper; `None` if the connection was closed without one.
    pub fn of(error: &hyper::Error) -> Option<Self> {
        let error: &h2::Error = error.source()?.downcast_ref()?;
        let ours = error.is_library();
        let reason = error.reason().filter(|_| ours || error.is_remote())?;
        Some(Self { ours, connection: error.is_go_away(), reason })
    }

    /// What the peer says about a GOAWAY (debug data, RFC 9113 section 6.8).
    pub fn words(error: &hyper::Error) -> Option<String> {
        let error: &h2::Error = error.source()?.downcast_ref()?;
        if !error.is_go_away() || !error.is_remote() {
            return None;
        }
        // h2 shows the bytes as a Rust literal in its text, and nowhere else.
        let text = error.to_string();
        let (_, words) = text.split_once(" (b\"")?;
        Some(words.strip_suffix("\")")?.to_owned())
    }

    /// The code.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The name of the error code, as the standard and all other tools write it; of one without a name its number.
    pub fn name(&self) -> Cow<'static, str> {
        match NAMES.iter().find(|(known, _)| *known == self.reason) {
            Some((_, name)) => (*name).into(),
            None => format!("code {:#x}", u32::from(self.reason)).into(),
        }
    }
}

const NAMES: &[(Reason, &str)] = &[
    (Reason::CANCEL, "CANCEL"),
    (Reason::COMPRESSION_ERROR, "COMPRESSION_ERROR"),
    (Reason::CONNECT_ERROR, "CONNECT_ERROR"),
    (Reason::ENHANCE_YOUR_CALM, "ENHANCE_YOUR_CALM"),
    (Reason::FLOW_CONTROL_ERROR, "FLOW_CONTROL_ERROR"),
    (Reason::FRAME_SIZE_ERROR, "FRAME_SIZE_ERROR"),
    (Reason::HTTP_1_1_REQUIRED, "HTTP_1_1_REQUIRED"),
    (Reason::INADEQUATE_SECURITY, "INADEQUATE_SECURITY"),
    (Reason::INTERNAL_ERROR, "INTERNAL_ERROR"),
    (Reason::NO_ERROR, "NO_ERROR"),
    (Reason::PROTOCOL_ERROR, "PROTOCOL_ERROR"),
    (Reason::REFUSED_STREAM, "REFUSED_STREAM"),
    (Reason::SETTINGS_TIMEOUT, "SETTINGS_TIMEOUT"),
    (Reason::STREAM_CLOSED, "STREAM_CLOSED"),
];

use std::fmt::{self, Display, Formatter};

use crate::http2::frame;

/// A frame that a server of ours has sent, for which h2 would end the connection and grpc-go does not look at it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct IgnoredFrame {
    pub(super) kind: u8,
    pub(super) stream: u32,
}

impl Display for IgnoredFrame {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let stream = self.stream;
        match self.kind {
            frame::PUSH_PROMISE => {
                write!(f, "a PUSH_PROMISE frame on stream {stream}, which no client of gRPC allows")
            }
            kind => {
                let name = match kind {
                    frame::DATA => "a DATA",
                    frame::HEADERS => "a HEADERS",
                    frame::RST_STREAM => "an RST_STREAM",
                    _ => "a WINDOW_UPDATE",
                };
                write!(f, "{name} frame on stream {stream}, which has no call")
            }
        }
    }
}

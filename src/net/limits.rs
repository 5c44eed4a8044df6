//! What HTTP/2 lets a peer do on a connection that is shared by many calls, and why so much.
//!
//! h2 has a limit for each of these, made for servers that talk to strangers: where it is passed, the connection ends
//! and all calls on it. Callers of the bridge have proven who they are, and the upstream has; what one call does must
//! not cost the others. So each limit is set here, for both sides.

use std::time::Duration;

/// How much time a caller has.
#[derive(Clone, Copy, Debug)]
pub struct CallerLimits {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// From there to the beginning of HTTP/2.
    pub preface: Duration,
    /// From one question whether it is still there (PING, RFC 9113 section 6.7) to the next.
    pub ping_after: Duration,
    /// To answer one. An idle caller that answers stays for years.
    pub ping_limit: Duration,
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            preface: Duration::from_secs(10),
            ping_after: Duration::from_secs(5 * 60),
            // A caller may be stopped in a debugger.
            ping_limit: Duration::from_secs(2 * 60),
        }
    }
}

/// What may be under way on one stream before the reader has taken it. A hook's answer is seldom larger, so
/// it comes without a pause for WINDOW_UPDATE. It is also what a call whose reader is slow takes of our memory.
pub(crate) const STREAM_WINDOW: u32 = 1 << 20;

/// The same for all streams of a connection together: as much as HTTP/2 can say (RFC 9113 section 6.9.1), so that only
/// the streams' own windows count. Less would be shared out: a few readers that stop would keep all of it, and every
/// other call would stand still. What bounds the memory is the number of calls times their window.
pub(crate) const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The largest frame that we take: larger ones mean fewer of them in a large message.
pub(crate) const FRAME_SIZE: u32 = 64 << 10;

/// All of a request's or a response's metadata, as RFC 9113 section 6.5.2 counts it. A server's error message travels
/// in it. grpc-go's default is 16 MiB, that of other peers 8 to 16 KiB.
pub(crate) const HEADER_LIST: u32 = 1 << 20;

/// What the upstream is told that it may send in a list, as grpc-go's clients say it. grpc-go resets a call with
/// INTERNAL_ERROR for what is larger than it was told, and the caller would not learn why; so larger lists than
/// [`HEADER_LIST`] may come, and are refused by name.
pub(crate) const UPSTREAM_HEADER_LIST: u32 = 16 << 20;

/// What may wait on one stream for the peer's window.
pub(crate) const SEND_BUFFER: usize = 256 << 10;

/// h2's budget for DATA frames smaller than 256 bytes that were not read yet. gRPC streams are made of them: a
/// message of one byte is a frame of six. A call's relay takes frames out of h2 as soon as they come, and keeps their
/// bytes only, so the windows bound what is kept. This budget has to hold what comes between two turns of the relay.
pub(crate) const SMALL_FRAMES: usize = usize::MAX;

/// Calls of a connection that were reset by us and whose late frames are still recognised. h2 counts a frame for a
/// call that it has forgotten as an error of the peer, who did nothing wrong.
pub(crate) const REMEMBERED_RESETS: usize = 1024;

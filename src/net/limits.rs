//! The limits of HTTP/2 on a connection that is shared by many calls, and why they are large: callers of the bridge and its
//! upstream have proven who they are, and one call must not end others.

use std::time::Duration;

/// How much callers may use, and how much time they have.
#[derive(Clone, Copy, Debug)]
pub struct CallerLimits {
    /// How many connections all callers may have together.
    pub connections: usize,
    /// How many calls there may be at the same time on one connection.
    pub concurrent_calls: u32,
    /// All of a request's or a response's metadata, as RFC 9113 section 6.5.2 counts it, in bytes.
    pub metadata: u32,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// From the end of the handshake to the beginning of HTTP/2.
    pub preface: Duration,
    /// From one PING (RFC 9113 section 6.7) to the next.
    pub ping_after: Duration,
    /// To answer one.
    pub ping_limit: Duration,
    /// Without a call. `None` lets a connection stay as long as its caller answers PING.
    pub idle: Option<Duration>,
    /// For a connection as a whole, give or take a tenth. `None` for no limit.
    pub age: Option<Duration>,
}

/// How an upstream that is silent during calls is asked whether it is still there.
#[derive(Clone, Copy, Debug)]
pub struct Keepalive {
    /// After how much silence it is asked (PING).
    pub interval: Duration,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self {
            // Envoy Gateway has one for each of its processes.
            connections: 4096,
            // Envoy Gateway makes one at a time.
            concurrent_calls: 1024,
            metadata: HEADER_LIST,
            handshake: Duration::from_secs(10),
            preface: Duration::from_secs(10),
            ping_after: Duration::from_secs(5 * 60),
            // A caller may be stopped in a debugger.
            ping_limit: Duration::from_secs(2 * 60),
            idle: None,
            age: None,
        }
    }
}

/// How much may be sent on one stream before the reader has read it. A hook's answer is seldom larger, so
/// it arrives without a pause for WINDOW_UPDATE. It is also how much memory a call with a slow reader needs.
pub(crate) const STREAM_WINDOW: u32 = 1 << 20;

/// The largest frame that we accept: with larger frames, a large message needs fewer.
pub(crate) const FRAME_SIZE: u32 = 64 << 10;

/// All of a request's or a response's metadata, as RFC 9113 section 6.5.2 counts it. A server's error message travels
/// in it. grpc-go's default is 16 MiB, that of other peers 8 to 16 KiB.
pub(crate) const HEADER_LIST: u32 = 1 << 20;

/// What the upstream is told that it may send in a list, as grpc-go's clients say it. grpc-go resets a call with
/// INTERNAL_ERROR for what is larger than it was told, and the caller would not learn why; so larger lists than
/// [`HEADER_LIST`] may come, and are refused by name.
pub(crate) const UPSTREAM_HEADER_LIST: u32 = 16 << 20;

/// What may wait on one stream of a probe for the server's window.
pub(crate) const SEND_BUFFER: usize = 256 << 10;

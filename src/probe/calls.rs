use std::time::Duration;

use http::HeaderMap;
use http::uri::Authority;

/// Which calls a probe makes on a connection.
#[derive(Clone, Debug)]
pub struct Calls {
    /// The services whose health is asked for, one after the other; empty for the server as a whole.
    pub services: Vec<String>,
    /// How the server is called in the call; `None` for the host and port of its address.
    pub authority: Option<Authority>,
    /// Sent with each call. Values may be secrets, so they are never printed.
    pub metadata: HeaderMap,
    /// Compress requests, and accept compressed answers.
    pub gzip: bool,
    /// An answer that is longer, in octets, is not read to its end.
    pub longest: usize,
    /// Limit of one call; `None` for what the connection leaves of the limit of an attempt.
    pub limit: Option<Duration>,
}

impl Default for Calls {
    /// The health of the server as a whole, without metadata.
    fn default() -> Self {
        Self {
            services: vec![String::new()],
            authority: None,
            metadata: HeaderMap::new(),
            gzip: false,
            longest: LONGEST,
            limit: None,
        }
    }
}

/// What a server answered when it was asked for the health of one service.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The service; empty for the server as a whole.
    pub service: String,
    /// The status of gRPC, if the answer has one.
    pub code: Option<u32>,
    /// Such as `SERVING`, if the status is OK and the message can be read.
    pub status: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// A health answer has two octets, a page for browsers seldom more than this.
const LONGEST: usize = 64 << 10;

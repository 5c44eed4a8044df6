use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use http::HeaderMap;
use http::uri::Authority;
use tonic_health::pb::health_check_response::ServingStatus;

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
    /// An answer with a longer message, in bytes, is not read to its end.
    pub longest: usize,
    /// A request with a longer message, in bytes, is not sent.
    pub longest_request: Option<usize>,
    /// Make a call again that the server has not looked at, as clients of gRPC do without a policy.
    pub repeats_unseen: bool,
    /// Make calls again that fail, as another client does.
    pub retry: Option<Retry>,
    /// An answer in gRPC whose status of HTTP is not 200 is a failure, as for grpc-go before 1.77 and so Envoy Gateway before
    /// 1.7.
    pub http_status_counts: bool,
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
            longest_request: None,
            repeats_unseen: false,
            retry: None,
            http_status_counts: false,
            limit: None,
        }
    }
}

/// How a client makes calls again that fail, by the rules of gRPC (proposal A6).
#[derive(Clone, Debug)]
pub struct Retry {
    /// The status codes that it tries again, such as `UNAVAILABLE`.
    pub codes: Vec<String>,
    /// How often it makes a call, the first time included.
    pub attempts: u32,
    /// Before the second attempt.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// By which each pause is longer than the one before.
    pub growth: f64,
    /// What follows when a call has failed for the last time, in words.
    pub after_failure: &'static str,
}

impl Retry {
    /// The pause after so many failures.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        // Not `powf`: for that alone each start of the program would load the library of mathematics.
        let growth = self.growth.powi(failures.saturating_sub(1).try_into().unwrap_or(i32::MAX));
        let seconds = (self.first.as_secs_f64() * growth).min(self.longest.as_secs_f64());
        Duration::try_from_secs_f64(seconds * (0.8 + 0.4 * fastrand::f64())).unwrap_or(self.longest)
    }
}

/// What a server answered when it was asked for the health of one service.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The service; empty for the server as a whole.
    pub service: String,
    /// The status of gRPC, if the answer has one.
    pub code: Option<u32>,
    /// What it says about that.
    pub text: String,
    /// What it says of the service, if the status is OK and the message can be read.
    pub status: Option<HealthStatus>,
    /// How long it took.
    pub took: Duration,
}

/// How a service is, by the number that the server sent. Not all numbers have a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HealthStatus(pub i32);

impl HealthStatus {
    pub(super) const SERVICE_UNKNOWN: Self = Self(ServingStatus::ServiceUnknown as i32);

    /// Does it take calls?
    pub fn is_serving(self) -> bool {
        self.known() == Some(ServingStatus::Serving)
    }

    fn known(self) -> Option<ServingStatus> {
        ServingStatus::try_from(self.0).ok()
    }
}

/// The name in the health protocol, such as `SERVING`, or the number.
impl Display for HealthStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(known) => f.write_str(known.as_str_name()),
            None => self.0.fmt(f),
        }
    }
}

/// A health answer has two octets, a page for browsers seldom more than this.
const LONGEST: usize = 64 << 10;

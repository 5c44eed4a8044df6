use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::units::{QuantityError, Span};

/// How long calls wait and last.
#[derive(Args, Debug)]
#[command(next_help_heading = "Calls")]
pub struct Calls {
    /// How long calls wait for the upstream before they fail; `forever` holds them
    ///
    /// It is counted from the moment since which there is no connection, so calls that come later fail at once, with
    /// the cause. With `forever`, calls wait until the upstream is back: for Envoy Gateway that fails closed. Health
    /// checks, and calls that fail until the operator changes something, are not held.
    #[arg(long, value_name = "DURATION", default_value = "6s", env = "EGEXT_CONNECT_WAIT")]
    pub connect_wait: ConnectWait,
    /// Limit of every call; `0s` for none
    ///
    /// The time for which a call waits for the upstream does not count. The caller's `grpc-timeout` can only shorten it.
    #[arg(long, value_name = "DURATION", default_value = "30s", env = "EGEXT_CALL_TIMEOUT")]
    pub call_timeout: Span,
}

/// How long calls wait for a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectWait {
    /// Until there is one.
    Forever,
    /// So long at most.
    Limited(Span),
}

impl ConnectWait {
    /// `None` for without end.
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::Forever => None,
            Self::Limited(span) => Some(span.duration()),
        }
    }
}

impl Display for ConnectWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str(FOREVER),
            Self::Limited(span) => span.fmt(f),
        }
    }
}

impl FromStr for ConnectWait {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.eq_ignore_ascii_case(FOREVER) {
            return Ok(Self::Forever);
        }
        text.parse().map(Self::Limited).map_err(|error| match error {
            QuantityError::Span => QuantityError::Wait,
            error => error,
        })
    }
}

const FOREVER: &str = "forever";

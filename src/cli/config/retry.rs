use clap::Args;

use crate::units::Span;

/// How often EG repeats a call that failed.
#[derive(Args, Debug)]
#[command(next_help_heading = "Retries")]
pub struct RetryFlags {
    /// Attempts for one call, with the first: at least 2 [EG's default: 4]
    #[arg(long, value_name = "NUMBER", env = "EGEXT_RETRY_ATTEMPTS")]
    pub retry_attempts: Option<u32>,
    /// Pause before the second attempt [EG's default: 100ms]
    #[arg(long, value_name = "DURATION", env = "EGEXT_RETRY_BACKOFF")]
    pub retry_backoff: Option<Span>,
    /// Longest pause [EG's default: 1s]
    #[arg(long, value_name = "DURATION", env = "EGEXT_RETRY_MAX_BACKOFF")]
    pub retry_max_backoff: Option<Span>,
    /// By which each pause grows, such as 1.5 [EG's default: 2]
    #[arg(long, value_name = "FACTOR", env = "EGEXT_RETRY_MULTIPLIER")]
    pub retry_multiplier: Option<String>,
    /// Status code after which EG tries again; may be repeated
    ///
    /// EG's default is UNAVAILABLE.
    #[arg(long, value_name = "CODE", value_delimiter = ',', env = "EGEXT_RETRY_CODE")]
    pub retry_code: Vec<String>,
}

use std::time::Duration;

use tokio::time::Instant;

/// When a limit that begins now has passed.
pub(crate) fn deadline(limit: Duration) -> Instant {
    Instant::now() + limit.min(LONGEST)
}

/// A limit beyond a month is as good as none, and adds to an instant without overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

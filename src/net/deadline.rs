use std::time::Duration;

use tokio::time::Instant;

/// When a limit that begins now has passed.
pub(crate) fn deadline(limit: Duration) -> Instant {
    Instant::now() + limit.min(LONGEST)
}

/// A limit of more than a month is as good as none; a month can be added to an instant without overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_overflows() {
        for limit in [Duration::ZERO, LONGEST, Duration::from_secs(u64::MAX), Duration::MAX] {
            let end = deadline(limit);
            assert!(end <= Instant::now() + LONGEST, "{limit:?}");
        }
    }
}

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long calls took. The histogram of the metrics' library takes a lock for each value; this one does not.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Not cumulative; the last one has what is longer than every bound.
    buckets: [AtomicU64; Latency::BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let bucket = Latency::BOUNDS.partition_point(|bound| *bound < took);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Latency {
        Latency {
            buckets: std::array::from_fn(|bucket| self.buckets[bucket].load(Ordering::Relaxed)),
            sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}

/// How long the calls of one method took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Latency {
    /// How many calls took so long: up to each bound and longer than the one before; the last one has the others.
    pub buckets: [u64; Self::BOUNDS.len() + 1],
    /// Of all of them.
    pub sum: Duration,
}

impl Latency {
    /// A hook's answer takes from a tenth of a millisecond to seconds, a call that is held as long as the server is
    /// away.
    pub const BOUNDS: [Duration; 18] = [
        Duration::from_micros(100),
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_secs(300),
    ];

    /// How many calls.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bound that this share of the calls did not exceed: `Ok` with a bound, `Err` with the largest one if even
    /// that was exceeded, `None` without calls.
    pub fn quantile(&self, share: f64) -> Option<Result<Duration, Duration>> {
        let count = self.count();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a count is not negative, and not larger than it"
        )]
        let rank = ((count as f64 * share).ceil() as u64).max(1);
        if count == 0 {
            return None;
        }
        let mut seen = 0;
        for (calls, bound) in self.buckets.iter().zip(Self::BOUNDS) {
            seen += calls;
            if seen >= rank {
                return Some(Ok(bound));
            }
        }
        let [.., largest] = Self::BOUNDS;
        Some(Err(largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let histogram = Histogram::default();
        assert_eq!(histogram.read().quantile(0.5), None);
        for millis in [1, 1, 1, 20] {
            histogram.observe(Duration::from_millis(millis));
        }
        let latency = histogram.read();
        assert_eq!(latency.count(), 4);
        assert_eq!(latency.sum, Duration::from_millis(23));
        assert_eq!(latency.quantile(0.5), Some(Ok(Duration::from_millis(1))));
        assert_eq!(latency.quantile(0.99), Some(Ok(Duration::from_millis(25))));
        histogram.observe(Duration::from_secs(3600));
        assert_eq!(histogram.read().quantile(1.0), Some(Err(Duration::from_secs(300))));
    }
}

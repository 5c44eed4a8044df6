//! Dates that are computed.
//!
//! The year of a date in a certificate has four digits, and the last moment that can be written,
//! `9999-12-31T23:59:59Z`, means that a certificate never expires (RFC 5280 section 4.1.2.5). Such certificates
//! exist, so arithmetic with their dates has to stop somewhere: it stops there.

use std::time::SystemTime;

use time::macros::datetime;
use time::{Duration, OffsetDateTime, UtcOffset};

/// So long after `moment`, in UTC.
pub fn after(moment: OffsetDateTime, length: std::time::Duration) -> OffsetDateTime {
    utc(moment).saturating_add(signed(length)).min(LAST)
}

/// So long before `moment`, in UTC.
pub fn before(moment: OffsetDateTime, length: std::time::Duration) -> OffsetDateTime {
    utc(moment).saturating_sub(signed(length)).max(FIRST)
}

/// What a clock shows.
pub fn of_clock(time: SystemTime) -> OffsetDateTime {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => after(OffsetDateTime::UNIX_EPOCH, since),
        Err(earlier) => before(OffsetDateTime::UNIX_EPOCH, earlier.duration()),
    }
}

/// The same moment in UTC, which may be in another year than the one that was written.
pub fn utc(moment: OffsetDateTime) -> OffsetDateTime {
    let edge = if moment.year() > 0 { LAST } else { FIRST };
    moment.checked_to_offset(UtcOffset::UTC).unwrap_or(edge).clamp(FIRST, LAST)
}

/// The library's type for lengths of time. What does not fit is longer than the distance of any two dates.
pub fn signed(length: std::time::Duration) -> Duration {
    Duration::try_from(length).unwrap_or(Duration::MAX)
}

const FIRST: OffsetDateTime = datetime!(0000-01-01 0:00 UTC);
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::offset;

    use super::*;
    use crate::pki::x509::when;

    #[test]
    fn the_calendar_ends_where_certificates_end() {
        let year = std::time::Duration::from_secs(365 * 86_400);
        let noon = datetime!(9999-12-31 12:00 UTC);
        assert_eq!(after(noon, std::time::Duration::from_secs(60)), datetime!(9999-12-31 12:01 UTC));
        assert_eq!(after(noon, year), LAST);
        assert_eq!(before(LAST, 9 * year), datetime!(9991-01-02 23:59:59 UTC));
        assert_eq!(before(datetime!(0000-06-01 0:00 UTC), year), FIRST);
        assert_eq!(of_clock(SystemTime::UNIX_EPOCH + 9000 * year), LAST);
        assert_eq!(of_clock(SystemTime::UNIX_EPOCH - year), datetime!(1969-01-01 0:00 UTC));
    }

    /// DER demands UTC, but readers of certificates take other offsets as well.
    #[test]
    fn a_date_that_only_another_offset_can_write_is_the_last_one() {
        assert_eq!(utc(datetime!(9999-12-31 23:59:59 -5)), LAST);
        assert_eq!(utc(datetime!(0000-01-01 0:00 +5)), FIRST);
        assert_eq!(utc(datetime!(2030-01-01 0:30 +1)).year(), 2029);
    }

    proptest! {
        #[test]
        fn no_date_and_no_length_overflow(
            seconds in -62_167_219_200_i64..=253_402_300_799,
            offset in -23_i8..=23,
            length in any::<u64>(),
            nanoseconds in 0_u32..1_000_000_000,
        ) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).expect("within four digits");
            let moment = moment.checked_to_offset(UtcOffset::from_hms(offset, 0, 0).expect("an offset"));
            let moment = moment.unwrap_or(LAST.to_offset(offset!(-1)));
            let length = std::time::Duration::new(length, nanoseconds);
            let (earlier, later) = (before(moment, length), after(moment, length));
            prop_assert!(FIRST <= earlier && earlier <= utc(moment) && utc(moment) <= later && later <= LAST);
            for moment in [earlier, moment, later] {
                when::day(moment).to_string();
                when::distance(moment, earlier);
                prop_assert_eq!(when::timestamp(moment).len(), "2030-01-02T03:04:05Z".len());
            }
        }
    }
}

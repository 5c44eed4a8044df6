//! Dates in words.

use std::fmt::{self, Display};

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::date;
use crate::pki::Certificate;

/// The day, such as `2 January 2030`, in UTC.
pub fn day(moment: OffsetDateTime) -> impl Display {
    Moment(moment, DAY)
}

/// `moment` in the life of `summary`: the day, and the time of day if the whole life is short.
pub fn moment(moment: OffsetDateTime, summary: &Certificate) -> impl Display {
    let is_short = summary.lifetime < SHORT;
    Moment(moment, if is_short { MINUTE } else { DAY })
}

/// The end of its life in the same way.
pub fn end(summary: &Certificate) -> impl Display {
    moment(summary.not_after, summary)
}

/// How far away it is, in the unit that a person would choose: `in 365 days`, `3 hours ago`.
pub fn distance(moment: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = (moment - now).as_seconds_f64();
    let (unit, number) = UNITS
        .iter()
        .map(|(unit, length)| (unit, (seconds.abs() / length).round()))
        .find(|(_, number)| *number >= 2.0)
        .unwrap_or((&"second", seconds.abs().round()));
    let plural = if number == 1.0 { "" } else { "s" };
    if seconds < 0.0 { format!("{number} {unit}{plural} ago") } else { format!("in {number} {unit}{plural}") }
}

/// As RFC 3339 has it, in UTC and whole seconds: for programs.
pub fn timestamp(moment: OffsetDateTime) -> String {
    written(moment, RFC_3339)
}

struct Moment(OffsetDateTime, &'static [BorrowedFormatItem<'static>]);

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&written(self.0, self.1))
    }
}

fn written(moment: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    date::utc(moment).format(format).expect("every component is one that a moment has")
}

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:long] [year]");

const MINUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");

/// Of a life that is shorter, a day says too little.
const SHORT: Duration = Duration::WEEK;

const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// Seconds of each unit, descending.
const UNITS: &[(&str, f64)] =
    &[("year", 365.0 * 86400.0), ("day", 86400.0), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0)];

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05.678 UTC);

    #[test]
    fn distances_are_in_the_unit_of_a_person() {
        for (distance, words) in [
            (Duration::days(5 * 365), "in 5 years"),
            (Duration::days(365) - Duration::milliseconds(678), "in 365 days"),
            (Duration::hours(30), "in 30 hours"),
            (Duration::minutes(90), "in 2 hours"),
            (Duration::seconds(1), "in 1 second"),
            (-Duration::days(3), "3 days ago"),
        ] {
            assert_eq!(super::distance(NOW + distance, NOW), words);
        }
    }

    #[test]
    fn dates_are_readable() {
        assert_eq!(day(NOW).to_string(), "2 January 2030");
        assert_eq!(timestamp(NOW), "2030-01-02T03:04:05Z");
    }
}

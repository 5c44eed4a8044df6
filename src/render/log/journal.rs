//! Lines for the journal, when stderr is connected to it: a level that the journal reads (sd-daemon(3)), and no time,
//! because the journal has its own.

use std::env;
use std::fmt;
use std::io;
use std::os::fd::AsFd;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The message and its fields after the level.
pub(super) struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str(prefix(*event.metadata().level()))?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The level as the journal reads it at the beginning of a line.
pub(crate) fn prefix(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

/// True if stderr goes to the journal.
///
/// `JOURNAL_STREAM` alone does not say so: it is inherited by processes whose stderr was redirected.
pub(crate) fn is_stderr() -> bool {
    let Some(stream) = env::var_os("JOURNAL_STREAM") else { return false };
    let Ok(found) = rustix::fs::fstat(io::stderr().as_fd()) else { return false };
    stream.to_str() == Some(&*format!("{}:{}", found.st_dev, found.st_ino))
}

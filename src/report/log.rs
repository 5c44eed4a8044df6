//! The log of a process that goes on running: the bridge, the demo that was told to stay.

use std::io;

use tracing::Level;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Time, level, message, fields.
    Text,
}

/// Sends every event of at least `level` to stderr.
///
/// # Panics
/// When called twice in one process.
pub fn start(format: LogFormat, level: Level, colours: bool) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(colours);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.init(),
    }
}

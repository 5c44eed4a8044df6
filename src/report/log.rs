//! The log of a process that goes on running: the bridge, the demo that was told to stay.

use std::io;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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
/// Libraries are heard from WARN on, and in full at TRACE: `h2` has a DEBUG event for every frame, which
/// would bury the one line for each call.
///
/// # Panics
/// When called twice in one process.
pub fn start(format: LogFormat, level: Level, colours: bool) {
    let libraries = if level == Level::TRACE { level } else { level.min(Level::WARN) };
    let filter = Targets::new().with_default(libraries).with_target(env!("CARGO_CRATE_NAME"), level);
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(colours);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).finish().with(filter).init(),
        LogFormat::Text => builder.finish().with(filter).init(),
    }
}

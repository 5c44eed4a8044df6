//! The log of a process that goes on running: the bridge, and `demo --keep`.

mod escaping;
mod journal;
mod sink;
mod text;

use std::io;
use std::panic;

use tokio::sync::watch;
use tracing::{Dispatch, Level, dispatcher, error, warn};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use escaping::Escaping;
use journal::Journal;
pub(super) use journal::{is_stderr as is_journal, prefix as journal_prefix};
use sink::Sink;
use text::TextFields;

use crate::choice::choices;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// Lines for the journal if stderr is connected to it, otherwise text.
    Auto,
    /// One JSON object a line.
    Json,
    /// Time, level, message, fields.
    Text,
}

choices! { LogFormat { Auto => "auto", Json => "json", Text => "text" } }

/// How log lines are written, once it is decided.
#[derive(Clone, Copy, Debug)]
enum Form {
    Journal,
    Json,
    Text,
}

impl LogFormat {
    fn form(self) -> Form {
        match self {
            Self::Auto if is_journal() => Form::Journal,
            Self::Auto | Self::Text => Form::Text,
            Self::Json => Form::Json,
        }
    }
}

/// A log that was started. Dropping it waits until its lines are written, but not for an output that stalls.
#[derive(Debug)]
pub(super) struct Log {
    sink: Sink,
    panicked: watch::Receiver<Option<String>>,
}

/// Sends every event of at least `level` to stderr, and panics too.
///
/// Libraries log from WARN on, and everything at TRACE: `h2` has a DEBUG event for every frame, which
/// would bury the one line for each call. What `h2` warns of, a peer can cause, and we tell it in our own words.
///
/// # Errors
/// When there is no thread for it.
///
/// # Panics
/// When called twice in one process.
pub(super) fn start(format: LogFormat, level: Level, colours: bool) -> io::Result<Log> {
    let form = format.form();
    let sink = Sink::start(io::stderr(), move |lost| notice(lost, form, colours))?;
    dispatcher::set_global_default(dispatch(form, level, colours, sink.clone()))
        .expect("a process has one log");
    // The default hook writes to stderr by itself, and would wait for an output that stalls.
    let (tell, panicked) = watch::channel(None);
    panic::set_hook(Box::new(move |panicked| {
        let words = panicked.to_string().replace('\n', " ");
        error!("{words}");
        tell.send_replace(Some(words));
    }));
    Ok(Log { sink, panicked })
}

impl Log {
    /// Tells how many lines were lost since the start.
    pub(super) fn losses(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let sink = self.sink.clone();
        move || sink.lost_in_all()
    }

    /// Writes what is no event, in its turn.
    pub(super) fn print(&self, text: &str) {
        self.sink.push(text.as_bytes());
    }

    /// Waits until some task or thread panics, also one whose end is not awaited, and gives its words.
    pub(super) async fn panicked(&self) -> String {
        let mut panicked = self.panicked.clone();
        match panicked.wait_for(Option::is_some).await {
            Ok(words) => words.clone().unwrap_or_default(),
            // Another hook was set: panics are told elsewhere.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.sink.flush();
    }
}

fn dispatch(form: Form, level: Level, colours: bool, sink: Sink) -> Dispatch {
    let libraries = if level == Level::TRACE { level } else { level.min(Level::WARN) };
    let h2 = if level == Level::TRACE { LevelFilter::TRACE } else { LevelFilter::OFF };
    let filter = Targets::new()
        .with_default(libraries)
        .with_target("h2", h2)
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(colours)
        // It would be told by `eprintln!`, which panics where stderr is what failed.
        .log_internal_errors(false);
    match form {
        Form::Journal => builder
            .fmt_fields(TextFields)
            .event_format(Journal)
            .with_writer(sink)
            .finish()
            .with(filter)
            .into(),
        Form::Json => {
            builder.json().flatten_event(true).with_writer(Escaping(sink)).finish().with(filter).into()
        }
        Form::Text => builder.fmt_fields(TextFields).with_writer(sink).finish().with(filter).into(),
    }
}

/// The line that tells how many were lost, as all others look.
fn notice(lost: u64, form: Form, colours: bool) -> Vec<u8> {
    let line = Sink::default();
    dispatcher::with_default(&dispatch(form, Level::WARN, colours, line.clone()), || {
        warn!(lines = lost, "log lines were lost: the output failed, or was not read in time");
    });
    line.take()
}

use std::fmt::{self, Display};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;

use anstream::adapter::strip_str;
use anstream::stream::{AsLockedWrite, RawStream};
use anstream::{AutoStream, ColorChoice};
use tracing::Level;

use super::log::{self, Log, LogFormat};
use super::{Body, Hint, Report, Severity, human, json, junit, prometheus};

/// Renders reports and errors, and turns them into exit codes.
///
/// Once there is a log, all that goes to stderr goes by the log's way, which an output that fails or stalls does not
/// stop. Dropping the printer writes what waits there.
#[derive(Debug)]
pub struct Printer {
    options: OutputOptions,
    log: OnceLock<Log>,
}

impl Printer {
    /// A printer to this process's stdout and stderr.
    pub fn new(options: OutputOptions) -> Self {
        Self { options, log: OnceLock::new() }
    }

    /// Logs every event of at least `level` to stderr from now on.
    ///
    /// # Errors
    /// When the operating system gives us no thread for it.
    ///
    /// # Panics
    /// When called twice in one process.
    pub fn start_log(&self, format: LogFormat, level: Level) -> io::Result<()> {
        let log = log::start(format, level, self.colours_on_stderr())?;
        self.log.set(log).expect("a process has one log");
        Ok(())
    }

    /// Waits until a part of this process panics, and gives its words. Without a log it waits without end.
    pub async fn panicked(&self) -> String {
        match self.log.get() {
            Some(log) => log.panicked().await,
            None => std::future::pending().await,
        }
    }

    /// Prints a report and tells the exit code that it stands for.
    pub fn report(&self, report: &Report) -> ExitCode {
        let code = report.exit_code(self.options.fail_on);
        let printed = match self.options.format {
            Format::Human => self.human(report),
            Format::Json => self.stdout(&json::report(report, code)),
            Format::Junit => self.stdout(&junit::report(report, self.options.fail_on)),
            Format::Pem => self.stdout(report.pem.as_deref().unwrap_or_default()),
            Format::Prometheus => self.stdout(&prometheus::metrics(&report.metrics)),
        };
        exit(printed, code)
    }

    /// Prints an error: one line and its hint on stderr, in JSON format the object on stdout as well.
    pub fn error(&self, error: &dyn Hint) -> ExitCode {
        let mut printed = self.stderr(&human::error(error));
        if self.options.format == Format::Json {
            printed = printed.and(self.stdout(&json::error(error, COULD_NOT_RUN)));
        }
        exit(printed, COULD_NOT_RUN)
    }

    fn human(&self, report: &Report) -> io::Result<()> {
        let talk = human::talk(report);
        match &report.body {
            Body::Data(data) => {
                // The data is what counts: it is printed also where the talk cannot be.
                let told = self.stderr(&talk);
                raw(data).and(told)
            }
            Body::None => self.stdout(&talk),
            Body::Text(text) => {
                let blank = if talk.is_empty() { "" } else { "\n" };
                self.stdout(&format!("{talk}{blank}")).and_then(|()| raw(text.as_bytes()))
            }
        }
    }

    fn colours_on_stderr(&self) -> bool {
        AutoStream::new(io::stderr(), self.options.colour.into()).current_choice() != ColorChoice::Never
    }

    fn stdout(&self, text: &str) -> io::Result<()> {
        write(AutoStream::new(io::stdout().lock(), self.options.colour.into()), text)
    }

    fn stderr(&self, text: &str) -> io::Result<()> {
        if let Some(log) = self.log.get() {
            match self.colours_on_stderr() {
                true => log.print(text),
                false => log.print(&strip_str(text).to_string()),
            }
            return Ok(());
        }
        write(AutoStream::new(io::stderr().lock(), self.options.colour.into()), text)
    }
}

/// Renders `text` for this stream. All at once, so that lines of another process do not come in between, and flushed, so
/// that both streams keep their order.
fn write<S: RawStream + AsLockedWrite>(mut stream: AutoStream<S>, text: &str) -> io::Result<()> {
    match stream.current_choice() {
        ColorChoice::Never => stream.write_all(strip_str(text).to_string().as_bytes())?,
        _ => stream.write_all(text.as_bytes())?,
    }
    stream.flush()
}

/// Writes to stdout what is not ours to change.
fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// The flags about output that every command has.
#[derive(Clone, Copy, Debug)]
pub struct OutputOptions {
    /// For whom to render.
    pub format: Format,
    /// When to colour.
    pub colour: Colour,
    /// From which severity on the exit code is 1.
    pub fail_on: Severity,
}

/// For whom to render.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// Aligned lines for a person.
    Human,
    /// One JSON object on stdout.
    Json,
    /// JUnit XML on stdout, for CI servers (`certs check`).
    Junit,
    /// The certificates themselves on stdout (`certs show`).
    Pem,
    /// Metrics on stdout, for a textfile collector (`certs check`).
    Prometheus,
}

impl Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Pem => "pem",
            Self::Prometheus => "prometheus",
        })
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into a file or a pipe.
    Always,
    /// Never.
    Never,
}

impl From<Colour> for ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

// Somebody who closes the pipe early (`| head`) has seen enough: the verdict stands. Any other failure
// to print means that the result was lost.
fn exit(printed: io::Result<()>, code: u8) -> ExitCode {
    match printed {
        Ok(()) => code.into(),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code.into(),
        Err(_) => COULD_NOT_RUN.into(),
    }
}

const COULD_NOT_RUN: u8 = 2;

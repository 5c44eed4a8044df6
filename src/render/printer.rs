use std::borrow::Cow;
use std::env;
use std::io;
use std::process::ExitCode;
use std::sync::OnceLock;

use anstream::adapter::strip_str;
use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use tokio::task::spawn_blocking;
use tracing::Level;

use super::live::Live;
use super::log::{self, Log, LogFormat, is_journal, journal_prefix};
use super::{Colour, Format, OutputOptions, github, human, json, junit, prometheus, sarif, short, stream};
use crate::report::{Body, Hint, Line, Report, Said, Severity};

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
        let log = log::start(format, level, self.colours(&io::stderr()))?;
        self.log.set(log).expect("a process has one log");
        Ok(())
    }

    /// Tells how many log lines were lost since the start of the log. Without a log there are none.
    pub fn log_losses(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let losses = self.log.get().map(Log::losses);
        move || losses.as_ref().map_or(0, |losses| losses())
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
            Format::Github => self.stdout(&github::report(&report.printable())),
            Format::Human => self.human(report),
            Format::Json => self.stdout(&json::report(report, code)),
            Format::Junit => self.stdout(&junit::report(&report.printable(), self.options.fail_on)),
            Format::Pem => self.stdout(report.pem.as_deref().unwrap_or_default()),
            Format::Prometheus => self.stdout(&prometheus::report(&report.printable())),
            Format::Sarif => self.stdout(&sarif::report(report)),
            Format::Short => self.stdout(&short::report(&report.printable())),
        };
        self.exit(printed, code)
    }

    /// A report in one line, as one of several, and the exit code that it stands for. Empty if it is not wanted.
    pub fn line(&self, report: &Report) -> (String, u8) {
        let code = report.exit_code(self.options.fail_on);
        let gravity = self.options.fail_on.min(Severity::Warning);
        let is_wanted =
            !self.options.quiet || report.findings.iter().any(|finding| finding.severity >= gravity);
        let text = match self.options.format {
            Format::Json => json::line(report, code),
            _ if is_wanted => report.talk.lines().iter().map(human::line).collect(),
            _ => String::new(),
        };
        (rendered(&text, self.colours(&io::stdout())).into_owned(), code)
    }

    /// Prints such a line at once, in a thread of its own: a reader that does not read keeps nothing else waiting.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn stream(&self, text: String) -> io::Result<()> {
        let written = spawn_blocking(move || stream::write(io::stdout(), text.as_bytes()));
        written.await.map_err(io::Error::other)?
    }

    /// True when nothing reads stdout any more.
    pub fn is_abandoned(&self) -> bool {
        stream::is_abandoned(io::stdout())
    }

    /// After the last line: `code`, unless one was lost.
    pub fn end(&self, printed: io::Result<()>, code: u8) -> ExitCode {
        self.exit(printed, code)
    }

    /// Prints why `command` could not run: one line and its hint on stderr in every format, and on stdout what a
    /// program waits for there.
    ///
    /// `command` is the words that call it, such as `certs init`; none if no command is known.
    pub fn error(&self, command: Option<&str>, error: &dyn Hint) -> ExitCode {
        let said = Said::of(error);
        // Lost or not: the same error is on stderr, and the exit code is the same.
        let _ = match self.options.format {
            Format::Github => self.stdout(&github::error(&said.printable())),
            Format::Human | Format::Pem | Format::Short => Ok(()),
            Format::Json => self.stdout(&json::error(command, &said, COULD_NOT_RUN)),
            Format::Junit => self.stdout(&junit::error(command, &said.printable())),
            Format::Prometheus => self.stdout(&prometheus::error(command)),
            Format::Sarif => self.stdout(&sarif::error(&said)),
        };
        self.stderr(Level::ERROR, &human::error(&said));
        COULD_NOT_RUN.into()
    }

    /// True if only warnings and errors are wanted.
    pub fn is_quiet(&self) -> bool {
        self.options.quiet
    }

    /// Prints a line on stderr while a command goes on.
    pub fn progress(&self, line: &Line) {
        if !self.options.quiet {
            self.stderr(Level::INFO, &human::line(line));
        }
    }

    /// A line that says what is going on; none if it is for a program, or not on a terminal.
    pub(crate) fn live(&self) -> Option<Live> {
        let is_wanted = self.options.format == Format::Human && !self.options.quiet;
        is_wanted.then(|| Live::new(self.colours(&io::stderr())))?
    }

    /// Prints a text that was asked for, such as the help.
    pub fn text(&self, text: &str) -> ExitCode {
        self.exit(self.stdout(text), 0)
    }

    fn human(&self, report: &Report) -> io::Result<()> {
        // What decides the exit code is said, however mild it is.
        let gravity = self.options.fail_on.min(Severity::Warning);
        let talk = if self.options.quiet { human::findings(report, gravity) } else { human::talk(report) };
        match &report.body {
            Body::Data(data) => {
                self.stderr(level(report), &talk);
                stream::write(io::stdout(), data)
            }
            Body::None => self.stdout(&talk),
            Body::Text(text) => {
                let blank = if talk.is_empty() { "" } else { "\n" };
                self.stdout(&format!("{talk}{blank}"))?;
                stream::write(io::stdout(), text.as_bytes())
            }
        }
    }

    /// `code`, unless the result was lost. Who closes the pipe early (`| head`) has seen enough.
    fn exit(&self, printed: io::Result<()>, code: u8) -> ExitCode {
        match printed {
            Ok(()) => code.into(),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code.into(),
            Err(error) => {
                self.stderr(Level::ERROR, &human::error(&Said::of(&Lost(error))));
                COULD_NOT_RUN.into()
            }
        }
    }

    fn stdout(&self, text: &str) -> io::Result<()> {
        stream::write(io::stdout(), rendered(text, self.colours(&io::stdout())).as_bytes())
    }

    /// What cannot be said here has no other place, and changes nothing about the result.
    fn stderr(&self, level: Level, text: &str) {
        let mut text = rendered(text, self.colours(&io::stderr()));
        if is_journal() {
            let lines = text.lines().filter(|line| !line.is_empty());
            text = lines.map(|line| format!("{}{line}\n", journal_prefix(level))).collect();
        }
        match self.log.get() {
            Some(log) => log.print(&text),
            None => drop(stream::write(io::stderr(), text.as_bytes())),
        }
    }

    fn colours(&self, stream: &impl RawStream) -> bool {
        match self.options.colour {
            Colour::Always => true,
            Colour::Auto => AutoStream::choice(stream) != ColorChoice::Never && !is_unforced(stream),
            Colour::Never => false,
        }
    }
}

/// How grave a report is, for the journal.
fn level(report: &Report) -> Level {
    match report.findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Error) => Level::ERROR,
        Some(Severity::Warning) => Level::WARN,
        Some(Severity::Info) | None => Level::INFO,
    }
}

/// `CLICOLOR_FORCE=0` forces nothing, against what anstream reads: then the stream and the other variables decide.
fn is_unforced(stream: &impl RawStream) -> bool {
    let is = |name: &str, value: &str| env::var_os(name).is_some_and(|found| found == value);
    let has_no_colours = is("TERM", "dumb") || env::var_os("TERM").is_none() || is("CLICOLOR", "0");
    is("CLICOLOR_FORCE", "0") && (has_no_colours || !stream.is_terminal())
}

/// `text`, which has colours, for a stream with or without them.
pub(super) fn rendered(text: &str, colours: bool) -> Cow<'_, str> {
    match colours {
        true => text.into(),
        false => strip_str(text).to_string().into(),
    }
}

/// Why the output of a command is not where it belongs.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
struct Lost(#[source] io::Error);

impl Hint for Lost {
    fn hint(&self) -> Option<String> {
        Some(
            "redirect stdout to a place with free space; only output is lost, what the command changed stays"
                .into(),
        )
    }
}

const COULD_NOT_RUN: u8 = 2;

//! One file per verb: arguments become a plan, the library carries it out, a [`Report`] comes back.

mod certs;
mod explain;
mod generate;

pub use certs::CertsError;

use time::OffsetDateTime;

use crate::cli::{Cli, Command};
use crate::report::{Hint, Printer, Report, UnknownId};

/// Reads the clock. A function, because a bridge lives long enough to ask twice.
pub type Clock = fn() -> OffsetDateTime;

/// Carries out what was typed.
///
/// `printer` is for the commands that go on running after their report: they print it themselves.
///
/// # Errors
/// Whatever keeps a command from running at all (exit code 2). What it finds wrong elsewhere is in the report.
pub fn run(cli: Cli, clock: Clock, _printer: &Printer) -> Result<Report, Error> {
    match cli.command {
        Command::Certs(arguments) => certs::run(arguments, clock()),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Generate(arguments) => generate::run(arguments),
    }
}

/// Why a command could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Certificates could not be made or read.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// The user asked for a finding that does not exist.
    #[error(transparent)]
    UnknownId(#[from] UnknownId),
    /// The user asked for the page of a command that does not exist.
    #[error("there is no command `egext {verbs}`")]
    UnknownVerb {
        /// As typed.
        verbs: String,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Certs(error) => error.hint(),
            Self::UnknownId(error) => error.hint(),
            Self::UnknownVerb { .. } => Some("`egext --help` lists them".to_owned()),
        }
    }
}

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::Cli;
use super::environment;
use super::usage::{self, UsageError};
use crate::render::OutputOptions;

/// Why there is nothing to carry out.
#[derive(Debug)]
pub enum Stop {
    /// Help or the version was asked for.
    Text {
        /// With colours.
        text: String,
        /// How it should be printed.
        output: OutputOptions,
    },
    /// What was typed cannot be carried out.
    Usage(Box<UsageError>),
}

/// Reads a command line, whose first word is the program's name.
///
/// # Errors
/// When there is nothing to carry out. `egext` alone says what there is. A group of commands does not: a script whose
/// variable with the command is empty would take that for success.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Stop> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if asks_for_help(&arguments) {
        arguments.pop();
        arguments.push("--help".into());
    }
    environment::parse(&arguments).map_err(|error| {
        let is_text = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => arguments.len() <= 1,
            _ => false,
        };
        let misread = match error.kind() {
            ErrorKind::DisplayVersion => usage::of_version(&arguments),
            _ => usage::of_one_dash(&arguments).filter(|_| is_text),
        };
        match misread {
            Some(error) => Stop::Usage(Box::new(error)),
            None if is_text => {
                let text = match error.kind() {
                    // clap calls it by the words of the command.
                    ErrorKind::DisplayVersion => Cli::command().render_version(),
                    _ => error.render().ansi().to_string(),
                };
                Stop::Text { text, output: usage::output(&arguments) }
            }
            None => Stop::Usage(Box::new(usage::explain(&error, &arguments))),
        }
    })
}

/// `help` behind the words of a command, which some of them would read as a name: `egext certs init help`.
fn asks_for_help(arguments: &[OsString]) -> bool {
    match arguments {
        [_, verbs @ .., last] if last == "help" && !verbs.is_empty() => {
            verbs.iter().all(is_word) && usage::is_command(verbs)
        }
        _ => false,
    }
}

/// Not a flag.
fn is_word(argument: &OsString) -> bool {
    !argument.as_encoded_bytes().starts_with(b"-")
}

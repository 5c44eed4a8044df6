//! Environment variables of flags: the same rules for every flag of every command.
//!
//! clap treats a variable as if its flag had been typed, so a variable conflicts with flags, requires others, and
//! breaks commands that it was not meant for. Here the command line is parsed twice: first without variables, then with
//! those variables that apply to it. docs/environment.md has the rules for users.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;
use crate::printable::printable;
use crate::report::{Hint, Said, chain, in_backticks};

/// Parses a command line, the program's name first, and takes from the environment what it leaves open.
///
/// # Errors
/// Usage errors, and the texts of `--help` and `--version`, as clap has them. A wrong value of a variable is told with
/// the variable's name in place of the flag's.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut variables = Vec::new();
    let mut command = Cli::command();
    // Not for nothing: short commands spend most of their time at the start.
    if env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX)) {
        // The errors are those of the second time.
        command = command.ignore_errors(true);
        let typed = command.try_get_matches_from_mut(arguments)?;
        command = settle(command, &typed, &mut variables);
    }
    if let Some(variable) = variables.iter().find(|variable| variable.has_empty_item()) {
        return Err(variable.refused("an item of the list is empty"));
    }
    let matches = command
        .try_get_matches_from_mut(arguments)
        .map_err(|error| name_variable(error, arguments, &variables))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    cli.variables = Variables(variables);
    Ok(cli)
}

/// The variables that flags of this run were taken from.
#[derive(Clone, Debug, Default)]
pub struct Variables(Vec<Variable>);

impl Variables {
    /// True if `flag`, such as `--format`, was taken from the environment.
    pub fn set(&self, flag: &str) -> bool {
        self.0.iter().any(|variable| variable.flag == flag)
    }

    /// `error`, with the names of the variables whose flags or values it is about.
    pub fn named_in(&self, error: &dyn Hint) -> impl Hint + use<> {
        let mut message = chain(error);
        let names =
            self.0.iter().filter(|variable| variable.is_in(&message)).map(|variable| variable.name.as_str());
        let names = in_backticks(names);
        if !names.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(message, " (from {})", names.join(", "));
        }
        // The cause is not passed on, and its hint may be another.
        Named { message, hint: Said::of(error).hint }
    }
}

/// A flag's value from the environment.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    /// As it is typed, such as `--timeout`.
    flag: String,
    /// As clap writes it, such as `--timeout <DURATION>`.
    argument: String,
    value: OsString,
    delimiter: Option<char>,
}

impl Variable {
    fn of(arg: &Arg) -> Option<Self> {
        Some(Self {
            name: arg.get_env()?.to_string_lossy().into_owned(),
            flag: arg.get_long().map(|long| format!("--{long}")).unwrap_or_default(),
            argument: arg.to_string(),
            value: value(arg)?,
            delimiter: delimiter(arg),
        })
    }

    /// True if a message shows its flag, its value, or a path with its value.
    fn is_in(&self, message: &str) -> bool {
        let shows = |begins: &[&str], text: &str, ends: &[&str]| {
            let mut found =
                message.match_indices(text).map(|(at, _)| (&message[..at], &message[at + text.len()..]));
            found.any(|(before, behind)| {
                begins.iter().any(|begin| before.ends_with(begin))
                    && ends.iter().any(|end| behind.starts_with(end))
            })
        };
        let value = self.value.to_string_lossy();
        let mut items = self.items(&value).chain([&*value]).filter(|item| !item.is_empty());
        shows(&["`"], &self.flag, &["`", " "])
            || items.any(|item| {
                shows(&["`", "/"], item, &["`", "/", "."]) || shows(&["`"], &printable(item), &["`"])
            })
    }

    /// What a list is made of.
    fn items<'a>(&self, value: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.delimiter.into_iter().flat_map(|delimiter| value.split(delimiter)).map(str::trim)
    }

    fn has_empty_item(&self) -> bool {
        self.items(&self.value.to_string_lossy()).any(str::is_empty)
    }

    /// What clap says about a value that a parser refuses for this reason.
    fn refused(&self, reason: &'static str) -> clap::Error {
        let refuse = move |_: &str| Err::<String, _>(reason);
        let argument = Arg::new("value").allow_hyphen_values(true).value_parser(refuse);
        let value = self.value.to_string_lossy();
        let parsed = Command::new("egext").no_binary_name(true).arg(argument).try_get_matches_from([&*value]);
        self.named(parsed.expect_err("every value is refused"))
    }

    /// With its name in place of the flag's, which was not typed.
    fn named(&self, mut error: clap::Error) -> clap::Error {
        error.insert(ContextKind::InvalidArg, ContextValue::String(self.name.clone()));
        error
    }
}

/// An error in whose message variables are named.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Named {
    message: String,
    hint: Option<String>,
}

impl Hint for Named {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Takes from a parsed command, and from its subcommands that were typed, every variable that has no say.
fn settle(command: Command, typed: &ArgMatches, variables: &mut Vec<Variable>) -> Command {
    let used = used(&command, typed).into_iter().cloned().collect::<Vec<_>>();
    for variable in used.iter().filter_map(Variable::of) {
        // A flag of all commands is one of each.
        if !variables.iter().any(|known| known.name == variable.name) {
            variables.push(variable);
        }
    }
    let command = command.ignore_errors(false).mut_args(|arg| {
        if !used.contains(&arg) {
            return arg.env(Resettable::Reset);
        }
        let arg = if is_switch(&arg) { arg.value_parser(switch) } else { arg };
        let arg = match delimiter(&arg) {
            Some(delimiter) => arg.value_delimiter(delimiter),
            None => arg,
        };
        arg.requires(Resettable::Reset)
    });
    match typed.subcommand() {
        Some((name, typed)) => command.mut_subcommand(name, |command| settle(command, typed, variables)),
        None => command,
    }
}

/// The flags of `command` that are taken from the environment.
fn used<'a>(command: &'a Command, typed: &ArgMatches) -> Vec<&'a Arg> {
    let is_typed = |arg: &Arg| typed.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let (typed, set): (Vec<_>, Vec<_>) = command
        .get_arguments()
        .filter(|arg| is_typed(arg) || value(arg).is_some())
        .partition(|arg| is_typed(arg));
    let excludes = |arg: &Arg, other: &Arg| command.get_arg_conflicts_with(arg).contains(&other);
    let yields = |arg: &Arg| {
        typed.iter().any(|other| excludes(arg, other) || excludes(other, arg) || replaces(other, arg))
    };
    let set = set.into_iter().filter(|arg| !yields(arg)).collect::<Vec<_>>();
    // Of two variables that exclude each other, the one whose flag says so has no effect.
    set.iter().filter(|arg| !set.iter().any(|other| excludes(arg, other))).copied().collect()
}

/// True if what `typed` names stands for all that `variable` could name.
fn replaces(typed: &Arg, variable: &Arg) -> bool {
    let (typed, variable) = (typed.get_id().as_str(), variable.get_id().as_str());
    REPLACED.iter().any(|(id, ids)| *id == typed && ids.contains(&variable))
}

/// What a variable says about its flag. Empty says nothing, nor does false about a switch.
fn value(arg: &Arg) -> Option<OsString> {
    let value = env::var_os(arg.get_env()?).filter(|value| !value.is_empty())?;
    Some(value).filter(|value| !is_switch(arg) || value.to_str().map(switch) != Some(Ok(false)))
}

/// The one grammar of switches.
fn switch(value: &str) -> Result<bool, &'static str> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("it is neither `true` nor `false`"),
    }
}

/// What stands between the values of a variable. A flag that is repeated instead has no other way there.
fn delimiter(arg: &Arg) -> Option<char> {
    arg.get_value_delimiter().or_else(|| matches!(arg.get_action(), ArgAction::Append).then_some(','))
}

fn is_switch(arg: &Arg) -> bool {
    !arg.get_action().takes_values()
}

/// The variable's name in place of the flag's, which was not typed.
fn name_variable(error: clap::Error, arguments: &[OsString], variables: &[Variable]) -> clap::Error {
    // Of what is not UTF-8, clap does not say where it stands.
    if error.kind() == ErrorKind::InvalidUtf8
        && arguments.iter().all(|argument| argument.to_str().is_some())
        && let Some(variable) = variables.iter().find(|variable| variable.value.to_str().is_none())
    {
        variable.refused("it is not UTF-8")
    } else if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && let Some(variable) = variables.iter().find(|variable| variable.argument == *argument)
    {
        variable.named(error)
    } else {
        error
    }
}

/// Of the names of all our variables.
const PREFIX: &[u8] = b"EGEXT_";

/// What was typed, and the flags whose variables do not count then: a directory is meant with all that is in it, files are
/// no server, and what is asked of one certificate is not what holds for all.
const REPLACED: &[(&str, &[&str])] = &[
    ("dir", &["ca", "cert", "key"]),
    ("directory", &["ca", "cert", "key"]),
    ("paths", &["connect"]),
    ("names", &["san"]),
    ("name", &["role"]),
    ("key_type", &["keep_key"]),
];

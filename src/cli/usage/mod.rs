//! Wrong usage in the form of all other errors: one line that says what is wrong, and a hint with what
//! to type instead. clap finds the errors, but its own text has five lines, and its tips do not know the flags of
//! other programs.

mod elsewhere;
mod flags;
mod line;
mod unknown;
mod verbs;

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::cli::bridge::AdminAddressError;
use crate::cli::directory::NotADirectory;
use crate::cli::formats;
use crate::host::HostError;
use crate::net::{AddressError, FingerprintError, PermittedNameError, PlacementError};
use crate::render::{Format, OutputOptions};
use crate::report::{Hint, chain, enumeration, has_long_part, in_backticks};
use crate::shell::shell_word;
use crate::units::QuantityError;
use line::{Line, flag_of, is_long_with_one_dash};

/// The user typed something that is no command line of ours.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
    hint: String,
    command: String,
    /// How the command should have printed.
    pub output: OutputOptions,
}

impl UsageError {
    /// The words of the command that was meant, such as `certs init`, if they are known.
    pub fn command(&self) -> Option<&str> {
        Some(&*self.command).filter(|command| !command.is_empty())
    }
}

impl Hint for UsageError {
    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

/// What clap says about `arguments`, in our words.
pub(super) fn explain(error: &clap::Error, arguments: &[OsString]) -> UsageError {
    let line = Line::read(arguments);
    let context = Context(error);
    let (message, hint) = match error.kind() {
        ErrorKind::ArgumentConflict => conflict(&context),
        ErrorKind::InvalidSubcommand => unknown_verb(&context, &line),
        ErrorKind::InvalidUtf8 => (
            "an argument is not UTF-8".to_owned(),
            "only names of files and directories may have other bytes".to_owned(),
        ),
        ErrorKind::InvalidValue => invalid_value(&context, &line),
        ErrorKind::MissingRequiredArgument => missing(&context, &line),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            missing_verb(&line)
        }
        ErrorKind::TooManyValues => surplus_value(&context, &line),
        ErrorKind::UnknownArgument => unknown::argument(&context, &line),
        ErrorKind::ValueValidation => refused_value(&context, &line),
        // Not provoked by any flag that we have.
        _ => (first_line(error), see_help(&line)),
    };
    usage_error(&line, message, hint)
}

/// A long flag with one dash that clap has read as `-h` or `-V`: `-host`.
pub(super) fn of_one_dash(arguments: &[OsString]) -> Option<UsageError> {
    let line = Line::read(arguments);
    let (message, hint) = unknown::taken_for_help(&line)?;
    Some(usage_error(&line, message, hint))
}

/// The version that was asked for is not ours: `config stanza --version 1.9`.
pub(super) fn of_version(arguments: &[OsString]) -> Option<UsageError> {
    let line = Line::read(arguments);
    let misread = unknown::taken_for_version(&line).or_else(|| unknown::taken_for_help(&line));
    let (message, hint) = misread?;
    Some(usage_error(&line, message, hint))
}

fn usage_error(line: &Line, message: String, hint: String) -> UsageError {
    // Of a command that has lost its middle nothing is left.
    let hint = if has_long_part(&hint) { see_help(line) } else { hint };
    UsageError { message, hint, command: line.path(), output: line.output() }
}

/// How the text should be printed that `arguments` ask for: of a format it has none.
pub(super) fn output(arguments: &[OsString]) -> OutputOptions {
    OutputOptions { format: Format::Human, ..Line::read(arguments).output() }
}

/// Is each of `words` a command of the one before?
pub(super) fn is_command(words: &[OsString]) -> bool {
    let line = Line::read(&[&[OsString::new()], words].concat());
    line.path().split(' ').count() == words.len() && !line.path().is_empty()
}

fn conflict(context: &Context<'_>) -> (String, String) {
    let name = bare(&context.text(ContextKind::InvalidArg));
    let others: Vec<_> = context.texts(ContextKind::PriorArg).iter().map(|text| bare(text)).collect();
    if others.iter().all(|other| *other == name) {
        return (format!("`{name}` is given twice"), "leave one of them out".to_owned());
    }
    let others = enumeration(&in_backticks(others));
    (format!("`{name}` cannot be used with {others}"), format!("leave `{name}` or {others} out"))
}

fn unknown_verb(context: &Context<'_>, line: &Line) -> (String, String) {
    let verb = context.text(ContextKind::InvalidSubcommand);
    let command = full(line);
    let message = format!("`{command}` has no command `{verb}`");
    if let Some(hint) = verbs::hint(&line.path(), &verb) {
        return (message, hint);
    }
    let found: Vec<_> = line
        .commands()
        .into_iter()
        .filter(|(path, _)| path.rsplit(' ').next() == Some(&verb))
        .map(|(path, _)| path)
        .collect();
    let hint = if !found.is_empty() {
        format!("it is `{}`", found.join("` or `"))
    } else if let Some(similar) = context.similar(ContextKind::SuggestedSubcommand, &verb) {
        format!("did you mean `{}`?", format!("{} {similar}", line.path()).trim_start())
    } else {
        verbs_of(line)
    };
    (message, hint)
}

fn missing_verb(line: &Line) -> (String, String) {
    (format!("`{}` needs a command", full(line)), verbs_of(line))
}

fn missing(context: &Context<'_>, line: &Line) -> (String, String) {
    let mut texts = context.texts(ContextKind::InvalidArg);
    // As one writes them.
    texts.sort_by_key(|text| text.starts_with('-'));
    let missing: Vec<_> = texts.iter().map(|text| format!("`{}`", readable(text))).collect();
    let message = format!("`{}` needs {}", full(line), enumeration(&missing));
    let names: Vec<_> = texts.iter().map(|text| bare(text)).collect();
    let has_all = |example: &&str| {
        names.iter().all(|name| !name.starts_with('-') || example.split(' ').any(|word| word == name))
    };
    if let Some(example) = examples(line).iter().map(String::as_str).find(has_all) {
        return (message, format!("for example `{example}`"));
    }
    (message, texts.first().map_or_else(|| see_help(line), |text| what_is(line, &bare(text))))
}

/// The examples that the help of a command ends with, without what they are for.
fn examples(line: &Line) -> Vec<String> {
    let Some(text) = line.command().get_after_help() else { return Vec::new() };
    let begin = format!("{} ", full(line));
    let text = text.to_string();
    let lines = text.lines().map(str::trim).filter(|example| example.starts_with(&begin));
    lines.map(|example| example.split("  ").next().unwrap_or(example).to_owned()).collect()
}

/// One of a fixed list.
fn invalid_value(context: &Context<'_>, line: &Line) -> (String, String) {
    let (argument, value) = (context.text(ContextKind::InvalidArg), context.text(ContextKind::InvalidValue));
    let name = bare(&argument);
    let mut possible = context.texts(ContextKind::ValidValue);
    let is_format = name == "--format" || name == "EGEXT_FORMAT";
    if is_format {
        let has = formats(&line.path());
        possible.retain(|format| has.iter().any(|has| has.name() == format));
    }
    if value.is_empty() && possible.is_empty() {
        return no_value(line, &name);
    }
    // `-out FILE` is `-o ut` to clap.
    if name == "--format"
        && let Some(typed) = line.typed("-o").filter(|typed| is_long_with_one_dash(typed))
    {
        let flag = typed.split('=').next().unwrap_or(typed);
        let long = format!("-{flag}");
        let message = format!("`{}` has no flag `{flag}`", full(line));
        let hint = match (line.flag(&long), flags::hint(&line.path(), &long)) {
            (Some(_), _) => format!("a flag of more than one letter has two dashes: `{long}`"),
            (None, Some(hint)) => hint,
            (None, None) => format!("`-o` is short for `--format`: `-o {}`", possible.join("`, `-o ")),
        };
        return (message, hint);
    }
    let message = match value.is_empty() {
        true => format!("`{name}` has no value"),
        false => format!("`{value}` is not a value of `{name}`"),
    };
    if is_format && let Some(hint) = in_place_of_format(line, &value) {
        return (message, hint);
    }
    let list = match possible.as_slice() {
        [] => see_help(line),
        possible => format!("it is one of `{}`", possible.join("`, `")),
    };
    match context.similar(ContextKind::SuggestedValue, &value) {
        Some(similar) => (message, format!("did you mean `{similar}`? {list}")),
        None => (message, list),
    }
}

/// What is no format, and means something to this command.
fn in_place_of_format(line: &Line, value: &str) -> Option<String> {
    let flag = format!("--{value}");
    if line.flag(&flag).is_some() {
        return Some(format!("`{flag}` is a flag: `{} {flag}`", full(line)));
    }
    let is_yaml = line.path().starts_with("config ") && matches!(value, "yaml" | "yml");
    is_yaml.then(|| "leave `-o` out: the file on stdout is YAML".to_owned())
}

/// A value for a flag that takes none.
fn surplus_value(context: &Context<'_>, line: &Line) -> (String, String) {
    let (name, value) =
        (bare(&context.text(ContextKind::InvalidArg)), context.text(ContextKind::InvalidValue));
    let of_version = unknown::taken_for_version(line).filter(|_| name == "--version");
    of_version.unwrap_or_else(|| {
        (
            format!("`{name}` takes no value"),
            format!("write `{name}` alone, without `={}`", shell_word(&value)),
        )
    })
}

fn no_value(line: &Line, name: &str) -> (String, String) {
    let message = format!("`{name}` has no value");
    // What begins with a dash is read as a flag.
    let behind = line.behind(name).filter(|word| word.starts_with('-') && line.flag(word).is_none());
    match behind {
        Some(word) => (message, format!("if `{word}` is its value, write `{name}={}`", shell_word(word))),
        None => (message, what_is(line, name)),
    }
}

/// What one of our parsers refused.
fn refused_value(context: &Context<'_>, line: &Line) -> (String, String) {
    let (argument, value) = (context.text(ContextKind::InvalidArg), context.text(ContextKind::InvalidValue));
    let name = bare(&argument);
    let source = context.0.source();
    let reason = source.map_or_else(|| "it is refused".to_owned(), chain);
    let is_named = name.starts_with("--") || name.starts_with("EGEXT_");
    // An address may hold a password, which its error does not repeat.
    let is_told = reason.contains(&format!("`{value}`"))
        || matches!(source, Some(source) if source.is::<AddressError>() || source.is::<AdminAddressError>() || source.is::<HostError>());
    let message = match (value.is_empty(), is_told, is_named) {
        (true, _, true) => return no_value(line, &name),
        (true, _, false) => format!("`{name}` is empty"),
        (false, true, true) => format!("`{name}`: {reason}"),
        (false, true, false) => reason,
        (false, false, _) => format!("`{name}` cannot be `{value}`: {reason}"),
    };
    let own = source.and_then(|source| {
        let address = source.downcast_ref::<AddressError>().and_then(Hint::hint);
        let admin = || source.downcast_ref::<AdminAddressError>().and_then(Hint::hint);
        let host = || source.downcast_ref::<HostError>().and_then(Hint::hint);
        let quantity = || source.downcast_ref::<QuantityError>().and_then(Hint::hint);
        let directory = || source.downcast_ref::<NotADirectory>().and_then(Hint::hint);
        let permitted = || source.downcast_ref::<PermittedNameError>().and_then(Hint::hint);
        let placement = || source.downcast_ref::<PlacementError>().and_then(Hint::hint);
        let key = || source.is::<FingerprintError>().then(|| FINGERPRINT.to_owned());
        address
            .or_else(admin)
            .or_else(host)
            .or_else(quantity)
            .or_else(directory)
            .or_else(permitted)
            .or_else(placement)
            .or_else(key)
    });
    (message, own.unwrap_or_else(|| what_is(line, &name)))
}

/// Where a fingerprint comes from.
const FINGERPRINT: &str = "`egext certs show FILE` prints that of a certificate's key as `of its key`";

/// The first sentence of an argument's help. It may be called by its variable, too.
fn what_is(line: &Line, name: &str) -> String {
    let is = |argument: &&Arg| {
        let by_flag = || flag_of(line.command(), name).is_some_and(|flag| flag.get_id() == argument.get_id());
        let by_name = || argument.is_positional() && value_name(argument) == name;
        by_flag() || by_name() || argument.get_env().is_some_and(|variable| variable == name)
    };
    let found = line.command().get_arguments().find(is);
    let Some((argument, help)) =
        found.and_then(|argument| Some((argument, argument.get_help()?.to_string())))
    else {
        return see_help(line);
    };
    let sentence = help.split(['\n', ';']).next().unwrap_or_default();
    let sentence = sentence.split(". ").next().unwrap_or_default().trim();
    format!("`{}`: {}", readable(&argument.to_string()), in_a_sentence(sentence))
}

/// Without the capital letter that it begins with: `CA` and `EG` keep theirs.
fn in_a_sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // A name, also one that is written in one word.
        _ if text.starts_with("Envoy") => text.to_owned(),
        Some(first) if letters.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

fn see_help(line: &Line) -> String {
    format!("`{} --help` lists all flags", full(line))
}

fn verbs_of(line: &Line) -> String {
    let names =
        line.command().get_subcommands().filter(|command| !command.is_hide_set()).map(Command::get_name);
    let names = names.filter(|name| *name != "help").collect::<Vec<_>>();
    format!("one of `{}`: `{} --help` says what they do", names.join("`, `"), full(line))
}

/// `egext certs init`
fn full(line: &Line) -> String {
    format!("egext {}", line.path()).trim_end().to_owned()
}

fn is_below(path: &str, group: &str) -> bool {
    group.is_empty() || path.strip_prefix(group).is_some_and(|rest| rest.starts_with(' '))
}

fn value_name(argument: &Arg) -> String {
    argument.get_value_names().and_then(<[_]>::first).map_or_else(String::new, ToString::to_string)
}

/// `--listen`, of `--listen <ADDRESS>`; `ADDRESS`, of `<ADDRESS>...`.
fn bare(argument: &str) -> String {
    readable(argument).split(' ').next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Without the brackets that clap draws.
fn readable(argument: &str) -> String {
    argument.replace(['<', '>', '[', ']'], "")
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// What clap knows about an error.
struct Context<'a>(&'a clap::Error);

impl Context<'_> {
    fn text(&self, kind: ContextKind) -> String {
        self.texts(kind).into_iter().next().unwrap_or_default()
    }

    fn texts(&self, kind: ContextKind) -> Vec<String> {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// What clap considers a mistyped form of `typed`, if it is near enough to be one.
    fn similar(&self, kind: ContextKind, typed: &str) -> Option<String> {
        self.texts(kind).into_iter().find(|similar| is_near(typed, similar))
    }
}

/// One is the beginning of the other, or a third of the letters is wrong at most. Of two numbers none is a mistyped form
/// of the other.
fn is_near(typed: &str, similar: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let longest = typed.chars().count().max(similar.chars().count());
    digits(typed) == digits(similar)
        && (similar.starts_with(typed)
            || typed.starts_with(similar)
            || strsim::damerau_levenshtein(typed, similar) * 3 <= longest)
}

//! Wrong usage in the words and the form of all other errors: one line that says what is wrong, and a hint with what
//! to type instead. clap finds the errors; its own text has five lines, and its tips do not know what the names of
//! other programs mean.

mod elsewhere;
mod flags;
mod line;
mod verbs;

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::host::{HostError, without_user};
use crate::net::AddressError;
use crate::report::{Hint, OutputOptions, chain, enumeration};
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
        ErrorKind::UnknownArgument => unknown_argument(&context, &line),
        ErrorKind::ValueValidation => refused_value(&context, &line),
        // Not provoked by any flag that we have.
        _ => (first_line(error), see_help(&line)),
    };
    UsageError {
        message: without_passwords(&message),
        hint: without_passwords(&hint),
        command: line.path(),
        output: line.output(),
    }
}

/// A URL with a password may have been typed anywhere, and what was typed is in a message between backticks.
fn without_passwords(text: &str) -> String {
    let hide = |part: &str| match part.contains("://") {
        true => without_user(part),
        false => part.to_owned(),
    };
    text.split('`').map(hide).collect::<Vec<_>>().join("`")
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
    let others = enumeration(&others.iter().map(|other| format!("`{other}`")).collect::<Vec<_>>());
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
    } else if let Some(similar) = context.texts(ContextKind::SuggestedSubcommand).first() {
        format!("did you mean `{}`?", format!("{} {similar}", line.path()).trim_start())
    } else {
        verbs_of(line)
    };
    (message, hint)
}

fn missing_verb(line: &Line) -> (String, String) {
    (format!("`{}` needs a command", full(line)), verbs_of(line))
}

fn unknown_argument(context: &Context<'_>, line: &Line) -> (String, String) {
    let name = context.text(ContextKind::InvalidArg);
    let Some(typed) = line.typed(&name).filter(|_| name.starts_with('-')) else {
        return (format!("unexpected argument `{name}`"), surplus(&name, line));
    };
    if let Some(flag) = line.flag_before(typed) {
        let message =
            format!("`--{}` has no value, and `{name}` is not a flag", flag.get_long().unwrap_or_default());
        let value = shell_word(typed);
        return (
            message,
            format!("if that is its value, write `--{}={value}`", flag.get_long().unwrap_or_default()),
        );
    }
    if line.flag(&name).is_some() {
        let message = format!("`{name}` stands before the command that it belongs to");
        return (message, format!("write it behind `{}`", line.path()));
    }
    let one_dash = is_long_with_one_dash(typed);
    let shown = if one_dash { typed.split('=').next().unwrap_or(typed) } else { &name };
    let message = format!("`{}` has no flag `{shown}`", full(line));
    let hint = flag_hint(context, line, &name, shown);
    (message, hint)
}

/// What to type in place of an unknown flag.
fn flag_hint(context: &Context<'_>, line: &Line, name: &str, shown: &str) -> String {
    let long = if is_long_with_one_dash(shown) { format!("-{shown}") } else { name.to_owned() };
    if let Some(format) = line.typed(name).and_then(|typed| asked_format(line, &long, typed)) {
        return format!("`-o {format}` chooses the format");
    }
    if long != name && line.flag(&long).is_some() {
        return format!("a flag of more than one letter has two dashes: `{long}`");
    }
    if let Some(hint) = flags::hint(&line.path(), &long) {
        return hint;
    }
    let having: Vec<_> = line
        .commands()
        .into_iter()
        .filter(|(_, command)| flag_of(command, &long).is_some())
        .map(|(path, _)| path)
        .collect();
    if let Some(similar) =
        context.texts(ContextKind::SuggestedArg).first().filter(|similar| line.flag(similar).is_some())
    {
        return format!("did you mean `{similar}`?");
    }
    if having.is_empty() || having.len() > 3 {
        return see_help(line);
    }
    format!("`{}` has it; {}", having.join("`, `"), see_help(line))
}

/// `--output json` and `--json`, as other programs have them.
fn asked_format(line: &Line, long: &str, typed: &str) -> Option<&'static str> {
    let value = match typed.split_once('=') {
        Some((_, value)) => Some(value),
        None => line.behind(typed),
    };
    let known = ["human", "json", "junit", "pem", "prometheus"];
    let asked = if long == "--output" { value? } else { long.strip_prefix("--")? };
    known.into_iter().find(|format| *format == asked)
}

/// A word where no word is expected.
fn surplus(word: &str, line: &Line) -> String {
    let command = full(line);
    if line.flag("--role").is_some() && matches!(word, "client" | "server") {
        return format!("`{command} --role {word}` takes one side");
    }
    if line.flag("--dir").is_some() && (word.contains('/') || word == "certs") {
        return format!("`{command} --dir {}` names the directory", shell_word(word));
    }
    if word.starts_with('-') {
        return format!("behind `--` stand values only; {}", see_help(line));
    }
    format!("write a value behind its flag, with quotes if it has blanks; {}", see_help(line))
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
    let possible = context.texts(ContextKind::ValidValue);
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
    let list = match possible.as_slice() {
        [] => see_help(line),
        possible => format!("it is one of `{}`", possible.join("`, `")),
    };
    match context.texts(ContextKind::SuggestedValue).first() {
        Some(similar) => (message, format!("did you mean `{similar}`? {list}")),
        None => (message, list),
    }
}

fn no_value(line: &Line, name: &str) -> (String, String) {
    let message = format!("`{name}` has no value");
    // What begins with a dash is taken for a flag.
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
        || matches!(source, Some(source) if source.is::<AddressError>() || source.is::<HostError>());
    let message = match (value.is_empty(), is_told, is_named) {
        (true, _, true) => return no_value(line, &name),
        (true, _, false) => format!("`{name}` is empty"),
        (false, true, true) => format!("`{name}`: {reason}"),
        (false, true, false) => reason,
        (false, false, _) => format!("`{name}` cannot be `{value}`: {reason}"),
    };
    let own = source.and_then(|source| {
        let address = source.downcast_ref::<AddressError>().and_then(Hint::hint);
        let host = || source.downcast_ref::<HostError>().and_then(Hint::hint);
        address.or_else(host).or_else(|| source.downcast_ref::<QuantityError>().and_then(Hint::hint))
    });
    (message, own.unwrap_or_else(|| what_is(line, &name)))
}

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
}

//! Flags that a command does not have, and words where it expects none.

use clap::error::ContextKind;

use super::line::{Line, flag_of, is_long_with_one_dash};
use super::{Context, examples, flags, full, see_help};
use crate::net::Address;
use crate::shell::shell_word;

pub(super) fn argument(context: &Context<'_>, line: &Line) -> (String, String) {
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
    let similar = context.similar(ContextKind::SuggestedArg, &name);
    no_such_flag(line, &name, typed, similar.filter(|similar| line.flag(similar).is_some()))
}

/// The first flag such as `-host`, which is `-h` to clap, if nothing else asks for help.
pub(super) fn taken_for_help(line: &Line) -> Option<(String, String)> {
    let asks = |word: &str| matches!(word, "-h" | "--help" | "-help" | "-V" | "--version");
    if line.flags().any(asks) {
        return None;
    }
    let typed = line.flags().find(|word| is_long_with_one_dash(word) && !is_of_letters(line, word))?;
    let name = typed.chars().take(2).collect::<String>();
    Some(no_such_flag(line, &name, typed, None))
}

/// `--version` of a command with more on its line: it ends the reading there, whatever was meant.
pub(super) fn taken_for_version(line: &Line) -> Option<(String, String)> {
    let verbs = line.path().split(' ').filter(|verb| !verb.is_empty()).count();
    let typed = line.flags().find(|word| *word == "-V" || word.starts_with("--version"))?;
    if verbs == 0 || line.length() == verbs + 1 && !typed.contains('=') {
        return None;
    }
    let hint = match line.flag("--eg-version") {
        Some(_) => "`--eg-version 1.9` names the release of Envoy Gateway",
        None => "`egext --version` alone prints the version",
    };
    let name = typed.split('=').next().unwrap_or(typed);
    Some((format!("`{name}` is given with other arguments"), hint.to_owned()))
}

/// Is it several short flags behind one dash, such as `-qh`?
fn is_of_letters(line: &Line, word: &str) -> bool {
    word.chars().skip(1).all(|letter| line.flag(&format!("-{letter}")).is_some())
}

/// A flag `typed` that is called `name` by clap.
fn no_such_flag(line: &Line, name: &str, typed: &str, similar: Option<String>) -> (String, String) {
    let one_dash = is_long_with_one_dash(typed);
    let shown = if one_dash { typed.split('=').next().unwrap_or(typed) } else { name };
    let long = if one_dash { format!("-{shown}") } else { name.to_owned() };
    let message = format!("`{}` has no flag `{shown}`", full(line));
    let hint = if let Some(format) = asked_format(line, &long, typed) {
        format!("`-o {format}` chooses the format")
    } else if long != name && line.flag(&long).is_some() {
        format!("a flag of more than one letter has two dashes: `{long}`")
    } else if let Some(hint) = flags::hint(&line.path(), &long) {
        hint
    } else if let Some(hint) = elsewhere(line, &long) {
        hint
    } else if let Some(similar) = similar {
        format!("did you mean `{similar}`?")
    } else {
        see_help(line)
    };
    (message, hint)
}

/// Which commands have the flag, unless these are many.
fn elsewhere(line: &Line, flag: &str) -> Option<String> {
    let commands = line.commands().into_iter().filter(|(_, command)| flag_of(command, flag).is_some());
    let having: Vec<_> = commands.map(|(path, _)| path).collect();
    let few = (1..=3).contains(&having.len());
    few.then(|| format!("`{}` has it; {}", having.join("`, `"), see_help(line)))
}

/// `--output json` and `--json`, as other programs have them.
fn asked_format(line: &Line, long: &str, typed: &str) -> Option<&'static str> {
    let value = match typed.split_once('=') {
        Some((_, value)) => Some(value),
        None => line.behind(typed),
    };
    let known = ["human", "json", "junit", "pem", "prometheus", "short"];
    let asked = if long == "--output" { value? } else { long.strip_prefix("--")? };
    known.into_iter().find(|format| *format == asked)
}

/// A word where no word is expected.
fn surplus(word: &str, line: &Line) -> String {
    let command = full(line);
    if line.flag("--role").is_some() && matches!(word, "client" | "server") {
        return format!("`{command} --role {word}` takes one side");
    }
    let is_address = word.contains(':') && Address::of_server(word).is_ok();
    if is_address && let Some(example) = examples(line).iter().find(|example| example.contains(" --listen "))
    {
        return format!("addresses have flags, as in `{example}`");
    }
    if line.path() == "explain" && line.length() > 2 {
        return "explain one finding at a time, or all: `egext explain`".to_owned();
    }
    if line.flag("--dir").is_some() && (word.contains('/') || word == "certs") {
        return format!("`{command} --dir {}` names the directory", shell_word(word));
    }
    if word.starts_with('-') {
        return format!("behind `--` stand values only; {}", see_help(line));
    }
    format!("write a value behind its flag, with quotes if it has blanks; {}", see_help(line))
}

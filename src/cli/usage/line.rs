//! Reads a command line that clap refused again: which command was meant, and in which format it should answer.

use std::ffi::OsString;
use std::str::FromStr;

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::{Cli, formats};
use crate::render::{Colour, Format, OutputOptions};
use crate::report::Severity;

/// What was typed, word by word, and the tree of all commands.
#[derive(Debug)]
pub(super) struct Line {
    root: Command,
    /// The words of the command that was meant, as far as they are known.
    path: Vec<String>,
    words: Vec<Word>,
}

/// One argument.
#[derive(Debug)]
struct Word {
    text: String,
    kind: Kind,
}

#[derive(Debug, Eq, PartialEq)]
enum Kind {
    /// `--`: a value, whatever it looks like.
    Behind,
    /// With a value of its own, if it has one.
    Flag {
        name: String,
        value: Option<String>,
    },
    Other,
    /// Of the flag before it.
    Value,
}

impl Line {
    pub(super) fn read(arguments: &[OsString]) -> Self {
        let mut root = Cli::command();
        root.build();
        let mut line = Self { root, path: Vec::new(), words: Vec::new() };
        let mut texts = arguments.iter().skip(1).map(|text| text.to_string_lossy().into_owned());
        for text in texts.by_ref() {
            if text == "--" {
                break;
            }
            let kind = line.kind(&text);
            // `help` has the same words behind it.
            if kind == Kind::Other && text != "help" && line.command().find_subcommand(&text).is_some() {
                line.path.push(text.clone());
            }
            line.words.push(Word { text, kind });
        }
        line.words.extend(texts.map(|text| Word { text, kind: Kind::Behind }));
        line
    }

    fn kind(&self, text: &str) -> Kind {
        if !text.starts_with('-') || text == "-" {
            return if self.open_flag().is_some() { Kind::Value } else { Kind::Other };
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let of_letters = if text.starts_with("--") { None } else { self.letters(text) };
        of_letters.unwrap_or_else(|| Kind::Flag { name: name.to_owned(), value: value.map(str::to_owned) })
    }

    /// The last flag of `-ojson`, `-qo` or `-qojson`, if it takes a value.
    fn letters(&self, text: &str) -> Option<Kind> {
        for (at, letter) in text.char_indices().skip(1) {
            let name = format!("-{letter}");
            if !takes_value(self.flag(&name)?) {
                continue;
            }
            let rest = &text[at + letter.len_utf8()..];
            let value = Some(rest.strip_prefix('=').unwrap_or(rest)).filter(|value| !value.is_empty());
            return Some(Kind::Flag { name, value: value.map(str::to_owned) });
        }
        None
    }

    /// The flag that the next word is the value of.
    fn open_flag(&self) -> Option<&Arg> {
        match &self.words.last()?.kind {
            Kind::Flag { name, value: None } => self.flag(name).filter(|flag| takes_value(flag)),
            _ => None,
        }
    }

    /// The command that was meant.
    pub(super) fn command(&self) -> &Command {
        self.path.iter().fold(&self.root, |command, verb| command.find_subcommand(verb).unwrap_or(command))
    }

    /// Its words, such as `certs init`.
    pub(super) fn path(&self) -> String {
        self.path.join(" ")
    }

    /// All commands that people look for, with their words.
    pub(super) fn commands(&self) -> Vec<(String, &Command)> {
        let mut all = below(&self.root, |command| !command.is_hide_set());
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// A flag of the command that was meant, by `--name` or `-n`.
    pub(super) fn flag(&self, name: &str) -> Option<&Arg> {
        flag_of(self.command(), name)
    }

    /// The word for which clap says `name`: `-days` is `-d` to it.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        let is = |word: &&Word| {
            word.text == name
                || word.text.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
                || is_long_with_one_dash(&word.text) && name.len() == 2 && word.text.contains(&name[1..])
        };
        self.words.iter().filter(|word| word.kind != Kind::Behind).find(is).map(|word| word.text.as_str())
    }

    /// How many words there are.
    pub(super) fn length(&self) -> usize {
        self.words.len()
    }

    /// The words that are no values.
    pub(super) fn flags(&self) -> impl Iterator<Item = &str> {
        let is_flag = |word: &&Word| matches!(word.kind, Kind::Flag { .. });
        self.words.iter().filter(is_flag).map(|word| word.text.as_str())
    }

    /// The flag before `text`, which still needs a value.
    pub(super) fn flag_before(&self, text: &str) -> Option<&Arg> {
        let at = self.words.iter().position(|word| word.text == text)?;
        match &self.words.get(at.checked_sub(1)?)?.kind {
            Kind::Flag { name, value: None } => self.flag(name).filter(|flag| takes_value(flag)),
            _ => None,
        }
    }

    /// The word behind `text`.
    pub(super) fn behind(&self, text: &str) -> Option<&str> {
        let at = self.words.iter().position(|word| word.text == text)?;
        self.words.get(at + 1).map(|word| word.text.as_str())
    }

    /// As far as it is known how the command should print. A format in the environment is for those commands that have
    /// it.
    pub(super) fn output(&self) -> OutputOptions {
        let set = self.set("format").filter(|format| formats(&self.path()).contains(format));
        OutputOptions {
            format: self.chosen("format").or(set).unwrap_or(Format::Human),
            colour: self.chosen("color").or_else(|| self.set("color")).unwrap_or(Colour::Auto),
            fail_on: Severity::Error,
            quiet: false,
        }
    }

    /// What was typed for a flag, if that is possible.
    fn chosen<T: FromStr>(&self, id: &str) -> Option<T> {
        let is = |name: &str| flag_of(&self.root, name).is_some_and(|flag| flag.get_id() == id);
        let typed = self.words.iter().enumerate().find_map(|(at, word)| match &word.kind {
            Kind::Flag { name, value } if is(name) => {
                value.clone().or_else(|| self.words.get(at + 1).map(|word| word.text.clone()))
            }
            _ => None,
        });
        typed?.parse().ok()
    }

    /// What its variable says, if that is possible.
    fn set<T: FromStr>(&self, id: &str) -> Option<T> {
        let argument = self.root.get_arguments().find(|argument| argument.get_id() == id)?;
        let text = std::env::var_os(argument.get_env()?)?.into_string().ok()?;
        text.parse().ok()
    }
}

/// The commands below `root` that are `wanted`, and those below them, with their words.
pub(super) fn below(root: &Command, wanted: impl Fn(&Command) -> bool) -> Vec<(String, &Command)> {
    let (mut all, mut groups) = (Vec::new(), vec![(String::new(), root)]);
    while let Some((path, group)) = groups.pop() {
        for command in
            group.get_subcommands().filter(|command| command.get_name() != "help" && wanted(command))
        {
            let path = format!("{path} {}", command.get_name()).trim_start().to_owned();
            groups.push((path.clone(), command));
            all.push((path, command));
        }
    }
    all
}

pub(super) fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

pub(super) fn flag_of<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| {
        let is_long = name.strip_prefix("--").is_some_and(|name| argument.get_long() == Some(name));
        let is_short = || argument.get_short().is_some_and(|short| name == format!("-{short}"));
        is_long || is_short()
    })
}

/// As openssl and Go programs have them.
pub(super) fn is_long_with_one_dash(text: &str) -> bool {
    text.starts_with('-') && !text.starts_with("--") && text.chars().nth(2).is_some_and(char::is_alphabetic)
}

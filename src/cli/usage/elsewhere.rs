//! Names that other programs have for our flags: data, one row for each meaning.

/// Names of other programs, where they may be meant, and what to type here.
pub(super) struct Row {
    /// As others have it, in lower case, with blanks between.
    pub(super) typed: &'static str,
    /// Words of commands, or of groups of them; empty for all.
    pub(super) at: &'static [&'static str],
    pub(super) hint: &'static str,
}

impl Row {
    /// Is it about `typed`, at the command `path`?
    pub(super) fn is_about(&self, path: &str, typed: &str) -> bool {
        let holds = |at: &&str| path == *at || super::is_below(path, at);
        self.has(typed) && self.at.iter().any(holds)
    }

    pub(super) fn has(&self, typed: &str) -> bool {
        self.words().any(|word| word == typed)
    }

    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.typed.split_ascii_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::Row;
    use crate::cli::Cli;
    use crate::cli::usage::line::{below, flag_of};
    use crate::cli::usage::{flags, is_below, verbs};

    /// Commands without commands below them, with their words.
    fn leaves() -> Vec<(String, Command)> {
        let mut root = Cli::command();
        root.build();
        let all = below(&root, |_| true).into_iter().filter(|(_, command)| !command.has_subcommands());
        all.map(|(path, command)| (path, command.clone())).collect()
    }

    /// What stands between backticks.
    fn quoted(hint: &str) -> impl Iterator<Item = &str> {
        hint.split('`').skip(1).step_by(2)
    }

    #[test]
    fn every_flag_in_a_hint_is_one_of_the_command_that_it_is_about() {
        let leaves = leaves();
        for Row { at, hint, .. } in flags::ROWS {
            for scope in *at {
                let mut below =
                    leaves.iter().filter(|(path, _)| path == scope || is_below(path, scope)).peekable();
                assert!(below.peek().is_some(), "no command `{scope}`");
                for ((path, command), text) in
                    below.flat_map(|leaf| quoted(hint).map(move |text| (leaf, text)))
                {
                    check(text, (path, command), &leaves);
                }
            }
        }
    }

    /// Are the flags in `text` those of the command that it names, or else of `command`?
    fn check(text: &str, (path, command): (&str, &Command), leaves: &[(String, Command)]) {
        let named = text.strip_prefix("egext ").map(|words| {
            let of_words =
                |(path, _): &&(String, Command)| words == path || words.starts_with(&format!("{path} "));
            leaves.iter().find(of_words)
        });
        let command = match named {
            None => command,
            Some(Some((_, command))) => command,
            Some(None) => {
                let words =
                    text.split(' ').skip(1).take_while(|word| !word.starts_with('-')).collect::<Vec<_>>();
                let is_group = leaves.iter().any(|(path, _)| is_below(path, &words.join(" ")));
                assert!(is_group || words.is_empty(), "`{text}` is no command");
                return;
            }
        };
        for flag in text.split([' ', '=']).filter(|word| word.starts_with('-') && word.len() > 1) {
            let known = ["--help", "--version"].contains(&flag) || flag_of(command, flag).is_some();
            assert!(known, "`{path}` has no `{flag}`, of the hint `{text}`");
        }
    }

    #[test]
    fn no_row_is_about_what_we_have_ourselves() {
        let leaves = leaves();
        let mut useless = Vec::new();
        for row @ Row { at, hint, .. } in flags::ROWS {
            for (flag, scope) in row.words().flat_map(|flag| at.iter().map(move |scope| (flag, scope))) {
                let mut below = leaves.iter().filter(|(path, _)| path == scope || is_below(path, scope));
                // A row about all commands is for those that have nothing of that name.
                let useful = below.any(|(path, command)| {
                    flag_of(command, flag).is_none() && flags::hint(path, flag).as_deref() == Some(*hint)
                });
                if !useful {
                    useless.push(format!("`{flag}` of `{scope}` never gives: {hint}"));
                }
            }
        }
        assert!(useless.is_empty(), "{}", useless.join("\n"));
    }

    #[test]
    fn every_verb_of_a_hint_is_there_and_no_row_is_about_one_that_is_there() {
        let leaves = leaves();
        let root = Cli::command();
        for row @ Row { at, hint, .. } in verbs::ROWS {
            for text in quoted(hint).filter(|text| text.starts_with("egext ")) {
                check(text, ("", &root), &leaves);
            }
            for (verb, scope) in row.words().flat_map(|verb| at.iter().map(move |scope| (verb, scope))) {
                let path = format!("{scope} {verb}").trim_start().to_owned();
                let taken = leaves.iter().any(|(known, _)| *known == path || is_below(known, &path));
                assert!(!taken, "`{path}` is a command");
                assert_eq!(verbs::hint(scope, verb).as_deref(), Some(*hint), "{path}");
            }
        }
    }
}

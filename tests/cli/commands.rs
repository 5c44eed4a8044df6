//! The commands that there are, as clap has them: what is tested of each of them is tested of a new one.

use clap::{Command, CommandFactory as _};
use egext::cli::Cli;

/// Every command with its words, groups as well.
pub fn all() -> Vec<(String, Command)> {
    let mut root = Cli::command();
    root.build();
    let (mut all, mut groups) = (Vec::new(), vec![(String::new(), root)]);
    while let Some((words, group)) = groups.pop() {
        for command in group.get_subcommands().filter(|command| command.get_name() != "help") {
            let words = format!("{words} {}", command.get_name()).trim_start().to_owned();
            all.push((words.clone(), command.clone()));
            groups.push((words, command.clone()));
        }
    }
    assert!(all.len() > 20, "{}", all.len());
    all
}

/// Every command that has none below it, with its words.
pub fn leaves() -> Vec<(String, Command)> {
    all().into_iter().filter(|(_, command)| !command.has_subcommands()).collect()
}

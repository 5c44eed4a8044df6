//! The commands that there are, as clap has them: what is tested of each of them is tested of a new one.

use clap::{Command, CommandFactory as _};
use egext::cli::Cli;

/// Every command that has none below it, with its words.
pub fn leaves() -> Vec<(String, Command)> {
    let mut root = Cli::command();
    root.build();
    let (mut leaves, mut groups) = (Vec::new(), vec![(String::new(), root)]);
    while let Some((words, group)) = groups.pop() {
        for command in group.get_subcommands().filter(|command| command.get_name() != "help") {
            let words = format!("{words} {}", command.get_name()).trim_start().to_owned();
            let list = if command.has_subcommands() { &mut groups } else { &mut leaves };
            list.push((words, command.clone()));
        }
    }
    leaves
}

use std::io;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::Error;
use crate::admin;
use crate::cli::{Cli, Completions, Generate, GenerateCommand, Man};
use crate::render::{compatibility_page, findings_page, json_schema};
use crate::report::{Body, Report};

pub(super) fn run(arguments: Generate) -> Result<Report, Error> {
    match arguments.command {
        GenerateCommand::Compatibility => Ok(text("generate compatibility", compatibility_page())),
        GenerateCommand::Completions(Completions { shell }) => {
            Ok(text("generate completions", completions_for(shell)))
        }
        GenerateCommand::Findings => Ok(text("generate findings", findings_page())),
        GenerateCommand::Schema => Ok(text("generate schema", json_schema())),
        GenerateCommand::StatusSchema => Ok(text("generate status-schema", admin::json_schema())),
        GenerateCommand::Man(Man { verbs }) => Ok(text("generate man", manual(&verbs)?)),
    }
}

/// `egext completions`
pub(super) fn completions(arguments: &Completions) -> Report {
    text("completions", completions_for(arguments.shell))
}

/// `egext man`
pub(super) fn man(arguments: &Man) -> Result<Report, Error> {
    Ok(text("man", manual(&arguments.verbs)?))
}

fn text(command: &'static str, text: String) -> Report {
    let mut report = Report::new(command);
    report.body = Body::data(text);
    report
}

fn completions_for(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "egext", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn manual(verbs: &[String]) -> Result<String, Error> {
    let mut command = Cli::command();
    command.build();
    for verb in verbs {
        command = command
            .find_subcommand(verb)
            .cloned()
            .ok_or_else(|| Error::UnknownVerb { verbs: verbs.join(" ") })?;
    }
    Ok(page_of(command))
}

/// As `Man::render` has it, but with the examples line by line, and with the program's version.
fn page_of(command: Command) -> String {
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let man = clap_mangen::Man::new(command.mut_subcommands(|verb| {
        let is_help = verb.get_name() == "help";
        verb.hide(is_help)
    }))
    .source(concat!("egext ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    let mut render = || {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if has_commands {
            man.render_subcommands_section(&mut page)?;
        }
        page.extend_from_slice(examples_section(&examples).as_bytes());
        Ok::<(), io::Error>(())
    };
    render().expect("writing to a Vec does not fail");
    String::from_utf8_lossy(&page).into_owned()
}

/// Without filling, so that an example is one line, and escaped as man(7) wants it.
fn examples_section(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = text.strip_prefix("Examples:\n").unwrap_or(text);
    let lines = text.lines().map(|line| line.replace('\\', r"\e").replace('-', r"\-").replace('\'', r"\(aq"));
    let lines = lines.map(|line| if line.starts_with('.') { format!(r"\&{line}") } else { line });
    format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", lines.collect::<Vec<_>>().join("\n"))
}

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Error;
use crate::cli::{Cli, Completions, Generate, GenerateCommand, Man};
use crate::report::{Body, Report, findings_page};

pub(super) fn run(arguments: Generate) -> Result<Report, Error> {
    match arguments.command {
        GenerateCommand::Completions(Completions { shell }) => {
            Ok(text("generate completions", completions_for(shell)))
        }
        GenerateCommand::Findings => Ok(text("generate findings", findings_page())),
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

/// `egext version`
pub(super) fn version() -> Report {
    let version = env!("CARGO_PKG_VERSION");
    let mut report = Report::new("version");
    report.details.insert("version".to_owned(), version.into());
    report.body = Body::Text(format!("egext {version}\n"));
    report
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
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).expect("writing to a Vec does not fail");
    Ok(String::from_utf8_lossy(&page).into_owned())
}

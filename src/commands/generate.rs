use clap::CommandFactory as _;

use super::Error;
use crate::cli::{Cli, Generate, GenerateCommand};
use crate::report::{Body, Report, findings_page};

pub(super) fn run(arguments: Generate) -> Result<Report, Error> {
    let mut report = Report::new(match arguments.command {
        GenerateCommand::Completions { .. } => "generate completions",
        GenerateCommand::Findings => "generate findings",
        GenerateCommand::Man { .. } => "generate man",
    });
    report.body = Body::data(match arguments.command {
        GenerateCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "egext", &mut script);
            String::from_utf8_lossy(&script).into_owned()
        }
        GenerateCommand::Findings => findings_page(),
        GenerateCommand::Man { verbs } => manual(&verbs)?,
    });
    Ok(report)
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

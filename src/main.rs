//! Parses the command line, runs the command, prints its report, exits. Everything else is in the library.

use std::env;
use std::process::ExitCode;
use std::time::SystemTime;

use egext::cli::{self, Stop};
use egext::commands;
use egext::pki::date;
use egext::render::{OutputOptions, Printer};

fn main() -> ExitCode {
    commands::survive_file_size_limit();
    let arguments: Vec<_> = env::args_os().collect();
    if let Some(typed) = cli::health_probe(&arguments) {
        return commands::health_probe(typed, now, &Printer::new(OutputOptions::default()));
    }
    let cli = match cli::parse(arguments) {
        Ok(cli) => cli,
        Err(Stop::Text { text, output }) => return Printer::new(output).text(&text),
        Err(Stop::Usage(error)) => return Printer::new(error.output).error(error.command(), &*error),
    };
    let printer = Printer::new(commands::output(&cli));
    let (command, variables) = (cli.command.name(), cli.variables.clone());
    match commands::run(cli, now, &printer) {
        Ok(code) => code,
        Err(error) => printer.error(Some(command), &variables.named_in(&error)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> time::OffsetDateTime {
    date::of_clock(SystemTime::now())
}

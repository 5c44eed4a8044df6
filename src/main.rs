//! Parses, runs, renders, exits. Everything else is in the library.

use std::env;
use std::process::ExitCode;
use std::time::SystemTime;

use egext::pki::date;
use egext::report::Printer;
use egext::{cli, commands};

fn main() -> ExitCode {
    let cli = cli::parse(env::args_os()).unwrap_or_else(|error| error.exit());
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

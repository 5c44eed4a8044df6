//! Parses, runs, renders, exits. Everything else is in the library.

use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser as _;
use egext::cli::Cli;
use egext::commands;
use egext::pki::date;
use egext::report::Printer;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::new(cli.output.into());
    let command = cli.command.name();
    match commands::run(cli, now, &printer) {
        Ok(code) => code,
        Err(error) => printer.error(Some(command), &error),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> time::OffsetDateTime {
    date::of_clock(SystemTime::now())
}

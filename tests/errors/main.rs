//! What keeps a command from running: one line that says why, and a hint that fits. The texts stand in `errors.txt`.
//!
//! Without the test harness: this program runs each command twice. Once it runs the binary, and compares what it says.
//! Then it runs itself, which carries the command out by the library, and prints the error as a value: its debug text
//! names the variant, which no other text does. So a variant without a row is noticed.

mod authorities;
mod fixture;
mod octets;
mod variants;

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::SystemTime;

use clap::CommandFactory as _;
use egext::cli::{self, AdminAddressError, Cli, Stop};
use egext::commands;
use egext::net::{AddressError, FingerprintError, PermittedNameError};
use egext::render::{OutputOptions, Printer};
use egext::units::QuantityError;
use egext_test_support::Egext;
use fixture::Fixture;
use time::OffsetDateTime;
use variants::Variants;

#[expect(clippy::print_stdout, reason = "there is no harness that says how it went")]
fn main() {
    let arguments: Vec<_> = env::args().collect();
    match arguments.get(1) {
        Some(first) if first == AS_VALUE => {
            println!("{}", error_of(&arguments[2..]).unwrap_or_default());
        }
        // A filter, which is about other tests.
        Some(first) if !first.starts_with('-') && !NAME.contains(first.as_str()) => {}
        _ => {
            every_error_has_a_row();
            println!("{NAME}: ok");
        }
    }
}

fn every_error_has_a_row() {
    let fixture = Fixture::new();
    let variants = Variants::read();
    let mut reached = BTreeSet::new();
    let table = text("errors.txt");
    let is_right = |row: &Row<'_>| {
        let judged = catch_unwind(|| row.assert_says_it(fixture.path()));
        judged.is_ok()
    };
    let (right, failed): (Vec<_>, Vec<_>) = rows(&table).partition(is_right);
    assert!(failed.is_empty(), "{} of {} rows failed", failed.len(), failed.len() + right.len());
    for row in right {
        reached.extend(row.variants(&variants, fixture.path()));
    }
    let (all, unreached) = (variants.all(), unreached(&text("unreached.txt")));
    let known = &reached | &unreached;
    let forgotten: Vec<_> = all.difference(&known).collect();
    assert!(forgotten.is_empty(), "errors.txt has no row for {forgotten:#?}");
    let wrong: Vec<_> = unreached.intersection(&reached).chain(unreached.difference(&all)).collect();
    assert!(wrong.is_empty(), "reached, or no variants at all: {wrong:#?}");
}

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors").join(name))
        .expect("readable")
}

/// Variants that no command of the table brings about. Each has its reason behind it.
fn unreached(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once(": ").expect("a reason").0.to_owned()).collect()
}

/// A command with what it says on stderr.
struct Row<'a> {
    line: &'a str,
    variables: Vec<(&'a str, &'a str)>,
    words: Vec<String>,
    expected: &'a str,
}

fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    text.split("$ ").skip(1).map(|row| {
        let (line, expected) = row.split_once('\n').expect("more than a command");
        let (variables, words) = line.split_once("egext ").expect("our program");
        Row {
            line,
            variables: variables.split_whitespace().filter_map(|one| one.split_once('=')).collect(),
            words: words.split(' ').map(word).collect(),
            expected,
        }
    })
}

/// `''` is an empty word.
fn word(typed: &str) -> String {
    if typed == "''" { String::new() } else { typed.replace(r"\t", "\t") }
}

impl Row<'_> {
    fn assert_says_it(&self, directory: &Path) {
        let mut run = egext(&self.words).current_dir(directory);
        for (name, value) in &self.variables {
            run = run.env(name, value);
        }
        let run = run.run();
        assert_eq!(run.exit_code, 2, "{}: {run:?}", self.line);
        if !is_like(&run.stderr, self.expected) {
            assert_eq!(run.stderr, self.expected, "{}", self.line);
        }
        if !self.words.iter().any(|word| word == "-o") {
            assert_eq!(run.stdout, "", "{}", self.line);
        }
    }

    /// The variants that its error is made of.
    fn variants(&self, variants: &Variants, directory: &Path) -> Vec<String> {
        let mut run = Egext::new(env::current_exe().expect("this program"), [AS_VALUE]).args(&self.words);
        for (name, value) in &self.variables {
            run = run.env(name, value);
        }
        let run = run.current_dir(directory).prints_data().run();
        assert_eq!(run.exit_code, 0, "{}: {run:?}", self.line);
        match run.stdout.trim_end().split_once(' ') {
            Some((name, error)) => variants.of(name, error),
            None => Vec::new(),
        }
    }
}

/// `[..]` stands for what differs from run to run.
fn is_like(text: &str, expected: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part).filter(|_| !part.is_empty()) else { return false };
        rest = behind;
    }
    rest.is_empty()
}

fn egext(words: &[String]) -> Egext {
    Egext::new(env!("CARGO_BIN_EXE_egext"), words)
}

/// The type and the debug text of the error that the command ends with; none if all of it is about the command line.
fn error_of(words: &[String]) -> Option<String> {
    let line: Vec<_> = ["egext".into()].into_iter().chain(words.iter().map(Into::into)).collect();
    match cli::parse(line.clone()) {
        Ok(cli) => {
            let printer = Printer::new(OutputOptions::default());
            let error = commands::run(cli, now, &printer).expect_err("as before");
            Some(format!("Error {error:?}"))
        }
        Err(Stop::Text { text, .. }) => panic!("no error, but {text}"),
        Err(Stop::Usage(_)) => of_value(&Cli::command().try_get_matches_from(line).expect_err("as before")),
    }
}

#[expect(clippy::disallowed_methods, reason = "as in `main` of the binary")]
fn now() -> OffsetDateTime {
    SystemTime::now().into()
}

/// What a parser of ours says about a value, which clap hands on.
fn of_value(error: &clap::Error) -> Option<String> {
    let source = error.source()?;
    let address = source.downcast_ref::<AddressError>().map(|error| format!("AddressError {error:?}"));
    let quantity = || source.downcast_ref::<QuantityError>().map(|error| format!("QuantityError {error:?}"));
    let name =
        || source.downcast_ref::<PermittedNameError>().map(|error| format!("PermittedNameError {error:?}"));
    let key = || source.downcast_ref::<FingerprintError>().map(|error| format!("FingerprintError {error:?}"));
    let admin =
        || source.downcast_ref::<AdminAddressError>().map(|error| format!("AdminAddressError {error:?}"));
    address.or_else(quantity).or_else(name).or_else(key).or_else(admin)
}

const NAME: &str = "every_error_has_a_row";

/// The argument with which this program runs itself.
const AS_VALUE: &str = "--as-value";

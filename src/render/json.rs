//! Reports for a program: one object, schema first, keys in a fixed order.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::printable::is_printable;
use crate::report::{Finding, Report, Said, Status};

pub(super) fn report(report: &Report, exit_code: u8) -> String {
    render(&ReportObject::of(report, exit_code))
}

/// The same on one line.
pub(super) fn line(report: &Report, exit_code: u8) -> String {
    let object = ReportObject::of(report, exit_code);
    escaped(&serde_json::to_string(&object).expect(SERIALISES)) + "\n"
}

pub(super) fn error(command: Option<&str>, said: &Said, exit_code: u8) -> String {
    render(&ErrorObject {
        schema: SCHEMA,
        command,
        status: Status::Error,
        exit_code,
        findings: [],
        error: Cause { message: &said.message, hint: said.hint.as_deref() },
    })
}

/// What a command found out.
#[derive(Serialize, schemars::JsonSchema)]
struct ReportObject<'a> {
    /// What this object is, and which version of it.
    schema: &'static str,
    /// The command that was run.
    command: &'a str,
    /// The highest severity among the findings; `ok` if none is a warning or an error.
    status: Status,
    /// The exit code of the process; with `probe --watch`, what it would be if this were its only result.
    exit_code: u8,
    /// A certificate falls due within the requested period.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    due: bool,
    /// What was found, in the order in which it was found.
    findings: &'a [Finding],
    #[serde(flatten)]
    #[schemars(skip)]
    details: &'a Map<String, Value>,
}

impl<'a> ReportObject<'a> {
    fn of(report: &'a Report, exit_code: u8) -> Self {
        Self {
            schema: SCHEMA,
            command: report.command,
            status: report.status(),
            exit_code,
            due: report.due,
            findings: &report.findings,
            details: &report.details,
        }
    }
}

/// The command could not run.
#[derive(Serialize, schemars::JsonSchema)]
struct ErrorObject<'a> {
    /// What this object is, and which version of it.
    schema: &'static str,
    /// The command that was typed, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    /// `error`.
    status: Status,
    /// The exit code of the process.
    exit_code: u8,
    /// None, because the command could not run.
    findings: [Finding; 0],
    /// Why it could not run.
    error: Cause<'a>,
}

/// Why a command could not run.
#[derive(Serialize, schemars::JsonSchema)]
struct Cause<'a> {
    /// What happened.
    message: &'a str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// Schemas of a report and of an error.
pub(super) fn schemas(generator: &mut schemars::SchemaGenerator) -> [schemars::Schema; 2] {
    use schemars::JsonSchema as _;

    [ReportObject::json_schema(generator), ErrorObject::json_schema(generator)].map(|mut schema| {
        schema.ensure_object()["properties"]["schema"]["const"] = SCHEMA.into();
        schema
    })
}

fn render(object: &impl Serialize) -> String {
    escaped(&serde_json::to_string_pretty(object).expect(SERIALISES)) + "\n"
}

/// JSON that is safe on a terminal and means the same. Of what moves the cursor or reorders the text around it, serde_json
/// escapes only the control characters of ASCII. It can stand in strings only.
pub(super) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || is_printable(character) {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

const SERIALISES: &str = "strings, numbers and maps with string keys always serialise";

pub(super) const SCHEMA: &str = "egext.report/1";

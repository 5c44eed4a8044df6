//! Reports for a program: one object, schema first, keys in a fixed order.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Finding, Report, Said, Status};

pub(super) fn report(report: &Report, exit_code: u8) -> String {
    render(&ReportObject {
        schema: SCHEMA,
        command: report.command,
        status: report.status(),
        exit_code,
        due: report.due,
        findings: &report.findings,
        details: &report.details,
    })
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

#[derive(Serialize)]
struct ReportObject<'a> {
    schema: &'static str,
    command: &'a str,
    status: Status,
    exit_code: u8,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    due: bool,
    findings: &'a [Finding],
    #[serde(flatten)]
    details: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    status: Status,
    exit_code: u8,
    findings: [Finding; 0],
    error: Cause<'a>,
}

#[derive(Serialize)]
struct Cause<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

fn render(object: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(object)
        .expect("strings, numbers and maps with string keys always serialise");
    text.push('\n');
    text
}

const SCHEMA: &str = "egext.report/1";

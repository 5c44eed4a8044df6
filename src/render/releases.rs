//! What releases of Envoy Gateway do: `egext config versions`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::releases::{
    Cell, FACTS, FAILURES, Fact, Failure, Group, PATCHES, Patch, REFUSALS, Refusal, Release, Row,
    STATUS_CODES, Sentence, VALUES, Value, ValueRow,
};
use crate::report::{Body, Report};

/// What `releases` do. One of them also has EG's messages.
pub(crate) fn report(releases: &[Release]) -> Report {
    let mut report = Report::new("config versions");
    let mut text = match releases {
        [release] => {
            format!("Envoy Gateway (EG) {release}, as read in the code of {}\n", read(*release))
        }
        _ => heading(releases),
    };
    facts(&mut text, releases);
    patches(&mut text, releases);
    defaults(&mut text, releases);
    if let [release] = releases {
        sentences(&mut text, "EG ends at its start, and says", REFUSALS, *release);
        sentences(&mut text, "EG starts, and says later", FAILURES, *release);
    }
    legend(&mut text);
    if releases.len() > 1 {
        text.push_str("\nhint: `egext config versions --eg-version 1.9` adds what EG says\n");
    }
    report.body = Body::Text(text);
    report.detail(&Details::of(releases));
    report
}

/// The names of the columns.
fn heading(releases: &[Release]) -> String {
    let names = releases.iter().map(column).collect::<String>();
    format!("{names}Envoy Gateway (EG)\n")
}

fn facts(text: &mut String, releases: &[Release]) {
    let mut group = None;
    for row in FACTS {
        if group.replace(row.group) != Some(row.group) {
            let _ = write!(text, "\n{}\n", row.group.title());
        }
        let cells = releases.iter().map(|release| column(release.cell(row.fact).name())).collect::<String>();
        let _ = writeln!(text, "{cells}{}", row.about);
    }
}

fn column(word: impl Display) -> String {
    format!("{word:<9}")
}

/// Those that differ from the column; a release that was named with its patch has its own column.
fn patches(text: &mut String, releases: &[Release]) {
    let patches = differing(releases).collect::<Vec<_>>();
    if !patches.is_empty() {
        text.push_str("\nPatch releases that differ\n");
    }
    for patch in patches {
        let _ = writeln!(text, "{}{}: {}", column(patch.cell.name()), numbers(patch), patch.fact.row().about);
    }
}

fn differing(releases: &[Release]) -> impl Iterator<Item = &'static Patch> {
    PATCHES.iter().filter(|patch| releases.contains(&patch.minor.into()))
}

fn defaults(text: &mut String, releases: &[Release]) {
    // Such as the version of Envoy, which is another one in each patch release.
    let of = match releases {
        [release] => format!(" of {}", read(*release)),
        _ => String::new(),
    };
    let _ = write!(text, "\nDefaults{of}\n");
    for row in VALUES {
        let _ = writeln!(text, "{}: {}", row.about, by_release(row, releases));
    }
}

fn sentences<T>(text: &mut String, title: &str, rows: &[Sentence<T>], release: Release) {
    let _ = write!(text, "\n{title}\n");
    for row in rows.iter().filter(|row| row.is_of(release)) {
        let _ = writeln!(text, "  {}", row.text);
    }
}

fn legend(text: &mut String) {
    text.push('\n');
    for cell in Cell::ALL {
        let _ = writeln!(text, "{}{}", column(cell.name()), cell.meaning());
    }
}

/// The release whose code was read.
fn read(release: Release) -> Release {
    Release { patch: Some(release.minor.read_from()), ..release }
}

/// Which releases of `patch` differ, in words.
pub(super) fn numbers(patch: &Patch) -> String {
    let Patch { minor, numbers, .. } = patch;
    match (*numbers.start(), *numbers.end()) {
        (first, u32::MAX) => format!("{minor}.{first} and later"),
        (first, last) if first == last => format!("{minor}.{first}"),
        (first, last) => format!("{minor}.{first} to {minor}.{last}"),
    }
}

/// The default, or which releases have which.
pub(super) fn by_release(row: &ValueRow, releases: &[Release]) -> String {
    let mut runs: Vec<(Release, Release, &str)> = Vec::new();
    for release in releases {
        let value = release.value(row.value);
        match runs.last_mut() {
            Some((_, last, same)) if *same == value => *last = *release,
            _ => runs.push((*release, *release, value)),
        }
    }
    match runs[..] {
        [(.., value)] => format!("`{value}`"),
        _ => runs.iter().map(run).collect::<Vec<_>>().join(", "),
    }
}

fn run((first, last, value): &(Release, Release, &str)) -> String {
    if first == last { format!("{first} `{value}`") } else { format!("{first} to {last} `{value}`") }
}

/// What `egext config versions` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// The releases that the other keys are about.
    releases: Vec<Column>,
    /// What works in which of them.
    facts: Vec<Works>,
    /// Patch releases of these that do something else.
    patches: Vec<Differs>,
    /// What is used if nothing is written.
    defaults: Vec<Unwritten>,
    /// What EG says when it ends at its start, in the order of its checks.
    refusals: Vec<Says<Refusal>>,
    /// What EG says of what fails after its start.
    failures: Vec<Says<Failure>>,
    /// The words that EG accepts in `retry.RetryableStatusCodes`.
    retryable_status_codes: &'static [&'static str],
}

/// A release of Envoy Gateway.
#[derive(Serialize, JsonSchema)]
struct Column {
    /// As it was asked for, `1.9` or `1.9.0`.
    version: String,
    /// The release whose code was read.
    read_from: String,
}

/// What works in which release.
#[derive(Serialize, JsonSchema)]
struct Works {
    id: Fact,
    group: Group,
    /// In words.
    about: &'static str,
    /// By release.
    releases: BTreeMap<String, Cell>,
    /// Where it was read: `TAG:PATH:LINE` in github.com/envoyproxy/gateway.
    sources: &'static [&'static str],
}

/// Patch releases that do not do what their minor release does.
#[derive(Serialize, JsonSchema)]
struct Differs {
    fact: Fact,
    /// The first of them.
    first: String,
    /// The last of them; null if all later ones are like it.
    last: Option<String>,
    /// What these do.
    state: Cell,
    source: &'static str,
}

/// What a release uses if nothing is written.
#[derive(Serialize, JsonSchema)]
struct Unwritten {
    id: Value,
    /// In words.
    about: &'static str,
    /// By the release whose code was read: another patch release can have another default.
    releases: BTreeMap<String, &'static str>,
    sources: &'static [&'static str],
}

/// A message of Envoy Gateway.
#[derive(Serialize, JsonSchema)]
struct Says<Id> {
    id: Id,
    /// Word for word; `{}` is a value of the configuration.
    text: &'static str,
    /// The first minor release that says it.
    since: &'static str,
    /// The last one.
    until: &'static str,
    source: &'static str,
}

impl Details {
    fn of(releases: &[Release]) -> Self {
        Self {
            releases: releases.iter().map(Column::of).collect(),
            facts: FACTS.iter().map(|row| Works::of(row, releases)).collect(),
            patches: differing(releases).map(Differs::of).collect(),
            defaults: VALUES.iter().map(|row| Unwritten::of(row, releases)).collect(),
            refusals: Says::of(REFUSALS, releases),
            failures: Says::of(FAILURES, releases),
            retryable_status_codes: STATUS_CODES,
        }
    }
}

impl Column {
    fn of(release: &Release) -> Self {
        Self { version: release.to_string(), read_from: read(*release).to_string() }
    }
}

impl Works {
    fn of(row: &Row, releases: &[Release]) -> Self {
        let Row { fact, group, about, sources, .. } = *row;
        let cells = releases.iter().map(|release| (release.to_string(), release.cell(fact)));
        Self { id: fact, group, about, releases: cells.collect(), sources }
    }
}

impl Differs {
    fn of(patch: &Patch) -> Self {
        let Patch { fact, minor, numbers, cell, source } = patch;
        let name = |number: &u32| format!("{minor}.{number}");
        let last = Some(numbers.end()).filter(|last| **last != u32::MAX).map(name);
        Self { fact: *fact, first: name(numbers.start()), last, state: *cell, source }
    }
}

impl Unwritten {
    fn of(row: &ValueRow, releases: &[Release]) -> Self {
        let ValueRow { value, about, sources, .. } = *row;
        let cells = releases.iter().map(|release| (read(*release).to_string(), release.value(value)));
        Self { id: value, about, releases: cells.collect(), sources }
    }
}

impl<Id: Copy> Says<Id> {
    fn of(rows: &[Sentence<Id>], releases: &[Release]) -> Vec<Self> {
        let said = rows.iter().filter(|row| releases.iter().any(|release| row.is_of(*release)));
        said.map(|row| Self {
            id: row.id,
            text: row.text,
            since: row.since.name(),
            until: row.until.name(),
            source: row.source,
        })
        .collect()
    }
}

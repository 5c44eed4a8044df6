//! `docs/compatibility.md`, from the table of releases.

use std::fmt::Write as _;

use super::releases::{by_release, numbers};
use crate::gateway::releases::{
    Cell, FACTS, FAILURES, PATCHES, REFUSALS, Release, STATUS_CODES, Sentence, VALUES, Version,
};

/// The whole of `docs/compatibility.md`.
pub fn compatibility_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing to a string does not fail.
    for cell in Cell::ALL {
        let _ = writeln!(page, "| {} | {} |", cell.name(), cell.meaning());
    }
    facts(&mut page);
    patches(&mut page);
    defaults(&mut page);
    sentences(&mut page, "EG ends at its start", AT_THE_START, REFUSALS);
    sentences(&mut page, "What fails later", LATER, FAILURES);
    let codes = STATUS_CODES.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>();
    let _ = write!(page, "\n## Words in `retry.RetryableStatusCodes`\n\n{}\n", codes.join(", "));
    page
}

fn facts(page: &mut String) {
    let names = Version::ALL.iter().map(|version| format!(" {version} |")).collect::<String>();
    let mut group = None;
    for row in FACTS {
        if group.replace(row.group) != Some(row.group) {
            let dashes = "|---".repeat(Version::ALL.len() + 2);
            let _ = write!(page, "\n## {}\n\n| |{names} read in |\n{dashes}|\n", row.group.title());
        }
        let cells = row.cells.iter().map(|cell| format!(" {} |", cell.name())).collect::<String>();
        let _ = writeln!(page, "| {} |{cells} {} |", row.about, links(row.sources));
    }
}

fn patches(page: &mut String) {
    page.push_str(PATCH_RELEASES);
    for patch in PATCHES {
        let cells = format!("{} | {}", patch.cell.name(), link(patch.source));
        let _ = writeln!(page, "| {} | {} | {cells} |", numbers(patch), patch.fact.row().about);
    }
}

fn defaults(page: &mut String) {
    page.push_str("\n## Defaults\n\n| | default | read in |\n|---|---|---|\n");
    for row in VALUES {
        let values = by_release(row, &Release::all());
        let _ = writeln!(page, "| {} | {values} | {} |", row.about, links(row.sources));
    }
}

fn sentences<T>(page: &mut String, title: &str, introduction: &str, rows: &[Sentence<T>]) {
    let _ =
        write!(page, "\n## {title}\n\n{introduction}\n\n| EG says | releases | read in |\n|---|---|---|\n");
    for Sentence { since, until, text, source, .. } in rows {
        let releases = if since == until { since.to_string() } else { format!("{since} to {until}") };
        let _ = writeln!(page, "| `{text}` | {releases} | {} |", link(source));
    }
}

fn links(sources: &[&str]) -> String {
    sources.iter().map(|source| link(source)).collect::<Vec<_>>().join(", ")
}

/// `TAG:PATH` or `TAG:PATH:LINE`, to click on.
fn link(source: &str) -> String {
    let mut parts = source.split(':');
    let (tag, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let line = parts.next().map_or_else(String::new, |line| format!("#L{line}"));
    let file = path.rsplit('/').next().unwrap_or(path);
    format!("[{tag} {file}](https://github.com/envoyproxy/gateway/blob/{tag}/{path}{line})")
}

const INTRODUCTION: &str = "\
# What each release of Envoy Gateway does

What the releases of Envoy Gateway (EG) from 1.4 to 1.9 do with the part of their configuration that is about extension
servers, providers and Secrets. Each row has a link to the code where it was read.
`egext config versions` prints the same; with `--eg-version 1.9` for one release, with `-o json` for programs.
This page is made from the table in `src/gateway/releases/`: `egext generate compatibility > docs/compatibility.md`.

A column is the newest patch release that Go's module proxy serves: 1.4.3, 1.5.9, 1.6.3, 1.7.2, 1.8.3, 1.9.1.

| word in the tables | meaning |
|---|---|
";

const PATCH_RELEASES: &str = "
## Patch releases that differ

One release of each row was read, that of the link. The others of the row are taken to be like it.

| releases | | what they do | read in |
|---|---|---|---|
";

const AT_THE_START: &str =
    "In the order of EG's checks: EG names the first reason only. `{}` is a value of the configuration.";

const LATER: &str = "At every hook, or when EG loads its resources. `{}` is a value of the configuration.";

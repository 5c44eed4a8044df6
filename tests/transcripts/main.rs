//! Every transcript in the README and in `docs/` is run as a user would run it, page by page.
//!
//! A `console` block is a session: lines with `$ ` are commands, what follows is what they print. A command
//! that ends in `&` goes on in the background until the page ends. Commands run in a directory of their own;
//! port 5005 and `/run/egext`, which may be taken on this machine, are replaced by free ones. Some other ports
//! are those of servers with a fault each. What differs from run to run (durations, dates, ids) is compared by
//! its form.

mod faults;
mod page;
mod session;

use std::path::Path;

use page::blocks;
use session::Session;

#[test]
fn the_readme_is_true() {
    run("README.md");
}

#[test]
fn the_page_about_certificates_is_true() {
    run("docs/certificates.md");
}

#[test]
fn the_page_about_configuration_is_true() {
    run("docs/configuration.md");
}

#[test]
fn the_page_about_where_to_begin_is_true() {
    run("docs/doctor.md");
}

#[test]
fn the_page_about_kubernetes_is_true() {
    run("docs/kubernetes.md");
}

#[test]
fn the_page_about_the_probe_is_true() {
    run("docs/probe.md");
}

#[test]
fn the_page_about_the_probe_shows_a_failure_of_each_layer() {
    let page = root().join("docs/probe.md");
    let text = std::fs::read_to_string(&page).expect("the page");
    let (_, table) = text.split_once("| layer | passes if |\n|---|---|\n").expect("a table of the layers");
    let printed: Vec<_> = blocks(&page).into_iter().flatten().flat_map(|step| step.printed).collect();
    let mut layers = table.lines().map_while(|row| row.strip_prefix("| `")?.split('`').next()).peekable();
    assert!(layers.peek().is_some());
    for layer in layers {
        let failed = format!("  × {layer} ");
        assert!(printed.iter().any(|line| line.starts_with(&failed)), "`{layer}` fails in no transcript");
    }
}

#[test]
fn every_page_with_a_transcript_is_run() {
    let pages = std::fs::read_dir(root().join("docs")).expect("docs/");
    let mut with_transcript: Vec<_> = pages
        .map(|page| page.expect("an entry").path())
        .filter(|page| page.extension().is_some_and(|extension| extension == "md"))
        .filter(|page| !blocks(page).is_empty())
        .map(|page| page.file_name().expect("a name").to_owned())
        .collect();
    with_transcript.sort();
    assert_eq!(
        with_transcript,
        ["certificates.md", "configuration.md", "doctor.md", "kubernetes.md", "probe.md"]
    );
}

fn run(page: &str) {
    let blocks = blocks(&root().join(page));
    assert!(!blocks.is_empty(), "`{page}` has no transcript");
    let mut session = Session::new();
    for block in blocks {
        for step in block {
            session.run(page, &step);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

//! Every transcript in the README and in `docs/` is run as a user would run it, page by page.
//!
//! A `console` block is a session: lines with `$ ` are commands, what follows is what they print. A command
//! that ends in `&` goes on in the background until the page ends. Commands run in a directory of their own;
//! port 5005 and `/run/egext`, which may be taken on this machine, are replaced by free ones. What differs
//! from run to run (durations, dates, ids) is compared by its form.

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

//! What pages and help texts say to type parses.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use egext::cli::Cli;
use egext::report::FindingId;
use egext_test_support::check_page;

#[test]
fn every_command_of_a_page_parses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/extension-server/README.md"];
    let mut pages = pages.map(PathBuf::from).to_vec();
    for entry in fs::read_dir(root.join("docs")).expect("docs/") {
        let path = entry.expect("an entry").path();
        pages.extend(path.extension().is_some_and(|extension| extension == "md").then_some(path));
    }
    for page in pages {
        let text = fs::read_to_string(root.join(&page)).expect("readable");
        // A line that ends with a backslash goes on in the next.
        let whole = text.split("\\\n").map(str::trim_start).collect::<Vec<_>>().join("");
        check_page(&page.display().to_string(), &whole);
    }
}

#[test]
fn every_command_of_a_help_text_parses() {
    let mut command = Cli::command();
    command.build();
    check_help(&mut command);
}

fn check_help(command: &mut clap::Command) {
    let name = format!("{} --help", command.get_name());
    // Wide, so that no command is broken into two lines.
    let mut wide = command.clone().term_width(1000).max_term_width(1000);
    for text in [wide.render_long_help(), wide.render_help()] {
        check_page(&name, &text.to_string());
    }
    command.get_subcommands_mut().for_each(check_help);
}

#[test]
fn every_command_of_a_finding_parses() {
    for id in FindingId::ALL {
        check_page(id.name(), id.entry().cause);
        check_page(id.name(), id.entry().cure);
    }
}

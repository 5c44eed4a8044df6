//! What people type who know other programs, and wrong usage: an answer in one line, and a hint that fits.

mod elsewhere;
mod help;
mod long;
mod names;
mod tree;

use egext_test_support::{Egext, Run};

/// Runs to its end with exit code 2, with nothing but an error and its hint on stderr: these, without their labels.
fn refused(run: Egext) -> (Run, String, String) {
    let run = run.run();
    assert_eq!(run.exit_code, 2, "{run:?}");
    let lines = run.stderr.lines().collect::<Vec<_>>();
    let [error, hint] = lines[..] else { panic!("not two lines: {run:?}") };
    let error = error.strip_prefix("error: ").unwrap_or_else(|| panic!("{run:?}")).to_owned();
    let hint = hint.strip_prefix("  hint: ").unwrap_or_else(|| panic!("{run:?}")).to_owned();
    (run, error, hint)
}

//! `egext demo`: all of it at once, and nothing of it left behind.

use std::fs;
use std::path::Path;

use egext_test_support::Signal;

use crate::egext;

fn left_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("readable");
    entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

/// The directory holds keys. SIGHUP is what a terminal sends when it is closed.
#[test]
fn the_directory_goes_with_the_demo_whatever_ends_it() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut running = egext(["demo", "--keep"]).env("TMPDIR", directory.path()).start();
        running.wait_for_line("Ctrl-C stops it");
        assert_eq!(left_in(directory.path()).len(), 1);
        running.signal(signal);
        let (code, stderr) = running.finish();
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(left_in(directory.path()), [""; 0], "after {signal:?}");
    }
}

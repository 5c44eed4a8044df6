//! `egext demo`: all of it at once, and nothing of it left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use egext_test_support::{Egext, Signal};

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

#[test]
fn the_directory_is_private_whatever_the_umask() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let script = r#"umask 000; exec "$0" demo --keep"#;
    let mut running =
        Egext::new("sh", ["-c", script, env!("CARGO_BIN_EXE_egext")]).env("TMPDIR", directory.path()).start();
    running.wait_for_line("Ctrl-C stops it");
    let [made] = &*left_in(directory.path()) else { panic!("one directory") };
    let mode = fs::metadata(directory.path().join(made)).expect("it is there").permissions().mode();
    assert_eq!(format!("{:o}", mode & 0o7777), "700");
    running.signal(Signal::INT);
    let (code, stderr) = running.finish();
    assert_eq!(code, 0, "{stderr}");
}

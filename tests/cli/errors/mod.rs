//! What keeps a command from running: one line that says why, and a hint that fits. The texts stand in `errors.txt`.
//!
//! Not there is what no files and flags of a user bring about: failures of the operating system (threads, random
//! numbers, temporary files), faults of ours (`Panicked`, what the demo finds of itself), other users' files and
//! sockets, terminals, certificates with defects. Some of these have tests of their own, beside what they are about.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::egext;

#[test]
fn every_error_is_one_line_and_a_hint_that_fits() {
    let directory = TempDir::new().expect("a temporary directory");
    prepare(directory.path());
    let rows = rows(include_str!("errors.txt"));
    assert!(rows.len() > 80, "{}", rows.len());
    for (command, expected) in rows {
        let words = command.split(' ').map(|word| if word == "''" { "" } else { word });
        let run = egext([]).args(words).current_dir(directory.path()).run();
        assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{command}");
        assert_eq!(run.stderr, expected, "{command}");
    }
}

/// Each command with what it says on stderr.
pub fn rows(text: &str) -> Vec<(&str, &str)> {
    let rows = text.split("$ egext ").skip(1);
    rows.map(|row| row.split_once('\n').expect("more than a command")).collect()
}

/// What the commands are about.
#[expect(clippy::disallowed_methods, reason = "the tests make files that commands trip over")]
fn prepare(directory: &Path) {
    let write = |name: &str, text: &[u8]| fs::write(directory.join(name), text).expect("writable");
    write("blank", b"\n");
    write("empty", b"");
    write("pass", b"secret\n");
    write("text", b"hello\n");
    write("utf16", b"\xff\xfes\0");
    write("wrong", b"other\n");
    write("big", &[b'a'; 2_000_000]);
    for name in ["bare", "d", "half"] {
        fs::create_dir(directory.join(name)).expect("new");
    }
    write("half/ca.crt", b"hello\n");
    write("half/server.crt", b"hello\n");
    std::os::unix::fs::symlink("nowhere", directory.join("dangling")).expect("new");
    for flags in [
        &[][..],
        &["--dir", "other"],
        &["--dir", "keyless", "--discard-ca-key"],
        &["--dir", "locked", "--ca-key-passphrase-file", "pass"],
    ] {
        let run = egext(["certs", "init"]).args(flags).current_dir(directory).run();
        assert_eq!(run.exit_code, 0, "{run:?}");
    }
    let ca = fs::read_to_string(directory.join("certs/ca.crt")).expect("made");
    write("base64.crt", ca.replacen("-----\nM", "-----\n!", 1).as_bytes());
    write("cut.crt", &ca.as_bytes()[..100]);
    write("indented.crt", format!(" {ca}").as_bytes());
}

//! `config --check`: files as editors save them, and files with more in them than we write.

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use egext_test_support::Run;
use tempfile::TempDir;

use crate::egext;

const STANZA: &[&str] = &["config", "stanza"];
const GATEWAY: &[&str] = &["config", "gateway", "--resources-dir=/r"];

/// What a user has around the stanza.
const BEFORE: &str = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n\
                      # who we are\ngateway:\n  controllerName: x.y/z\n\n";
const AFTER: &str = "\n# counters\ntelemetry:\n  metrics:\n    url: redis://user:hunter2@redis:6379\n    \
                     value: Bearer 0123456789abcdef\n";

fn written(arguments: &[&str]) -> String {
    let run = egext([]).args(arguments).run();
    assert_eq!(run.exit_code, 0, "{run:?}");
    run.stdout
}

#[expect(clippy::disallowed_methods, reason = "the product does not write this file, its user does")]
fn check(arguments: &[&str], content: &str) -> (TempDir, Run) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("eg.yaml"), content).expect("a file");
    let run = recheck(arguments, directory.path());
    (directory, run)
}

fn recheck(arguments: &[&str], directory: &Path) -> Run {
    egext([]).args(arguments).args(["--check", "eg.yaml"]).current_dir(directory).run()
}

/// All lines differ by what no screen shows.
#[test]
fn how_a_file_was_saved_is_said_and_not_shown() {
    let ours = written(STANZA);
    for (theirs, words) in [
        (ours.replace('\n', "\r\n"), "has lines that end with CR LF"),
        (format!("\u{feff}{ours}"), "begins with a byte order mark"),
        (
            format!("\u{feff}{}", ours.replace('\n', "\r\n")),
            "begins with a byte order mark and has lines that end with CR LF",
        ),
    ] {
        let (directory, run) = check(STANZA, &theirs);
        assert_eq!(run.exit_code, 1, "{run:?}");
        let message = format!("writes for these flags: it {words}, and nothing else differs\n");
        assert!(run.stdout.contains(&message) && !run.stdout.contains("+++"), "{run:?}");
        let hint = run.stdout.split_once("such as by `").expect("a command").1;
        let command = hint.split_once('`').expect("its end").0.replace("FILE", "eg.yaml");
        let sed = Process::new("sh").args(["-c", &command]).current_dir(directory.path()).status();
        assert!(sed.expect("a shell").success(), "{command}");
        assert_eq!(recheck(STANZA, directory.path()).exit_code, 0, "{command}");

        let (_directory, run) = check(STANZA, &theirs.replace("failOpen: false", "failOpen: true"));
        assert!(run.stdout.contains(&format!("it {words}, which is not shown below\n")), "{run:?}");
        let lines = |mark: &str| run.stdout.lines().filter(|line| line.starts_with(mark)).count();
        assert_eq!((lines("-"), lines("+")), (2, 2), "{run:?}");
    }
}

#[test]
fn a_stanza_is_found_among_other_keys() {
    let ours = written(STANZA);
    for theirs in [
        format!("{BEFORE}{ours}{AFTER}"),
        format!("{BEFORE}{ours}"),
        format!("{ours}{AFTER}"),
        format!("---\n{BEFORE}\n\n{ours}\n\n"),
        format!("{BEFORE}# ours\n\n{ours}{AFTER}"),
    ] {
        let (_directory, run) = check(STANZA, &theirs);
        assert_eq!(run.exit_code, 0, "{theirs}\n{run:?}");
        assert_eq!(run.stdout, "  √ `eg.yaml` holds what `egext config stanza` writes\n");
    }
}

/// The patch is for that part, wherever it stands.
#[test]
fn what_else_is_in_the_file_is_not_shown_and_stays() {
    let ours = written(STANZA);
    let theirs = format!("{BEFORE}{ours}{AFTER}").replace("failOpen: false", "failOpen: true");
    let (directory, run) = check(STANZA, &theirs);
    assert_eq!(run.exit_code, 1, "{run:?}");
    for word in ["hunter2", "0123456789", "controllerName", "counters"] {
        assert!(!run.stdout.contains(word), "{word}: {run:?}");
    }
    let said = "not shown `apiVersion`, `kind`, `gateway` and `telemetry`, which `egext config stanza` does not write\n";
    assert!(run.stdout.contains(said), "{run:?}");
    let Ok(mut patch) = Process::new("patch")
        .arg("eg.yaml")
        .current_dir(directory.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
    else {
        return egext_test_support::skipped("patch not found");
    };
    std::io::Write::write_all(&mut patch.stdin.take().expect("piped"), run.stdout.as_bytes()).expect("read");
    assert!(patch.wait().expect("our child").success());
    let patched = fs::read_to_string(directory.path().join("eg.yaml")).expect("a file");
    assert_eq!(patched, format!("{BEFORE}{ours}{AFTER}"));
}

#[test]
fn a_whole_file_has_no_other_keys() {
    let ours = written(GATEWAY);
    let (_directory, run) = check(GATEWAY, &format!("{ours}{AFTER}"));
    assert_eq!(run.exit_code, 1, "{run:?}");
    assert!(run.stdout.contains("`telemetry`, which `egext config gateway` does not write"), "{run:?}");
    assert!(!run.stdout.contains("hunter2") && !run.stdout.contains("+++"), "{run:?}");
}

#[test]
fn secrets_in_a_part_that_is_shown_are_masked() {
    let secrets = "  url: redis://user:hunter2@redis:6379\n  password: hunter2\n  value: Bearer hunter2\n";
    let theirs = written(STANZA) + secrets;
    let (directory, run) = check(STANZA, &theirs);
    assert_eq!(run.exit_code, 1, "{run:?}");
    for line in ["-  url: redis://***@redis:6379\n", "-  password: ***\n", "-  value: Bearer ***\n"] {
        assert!(run.stdout.contains(line), "{run:?}");
    }
    let json = egext([]).args(STANZA).args(["--check", "eg.yaml"]).current_dir(directory.path()).json();
    assert!(!run.stdout.contains("hunter2") && !json.stdout.contains("hunter2"), "{run:?}");
    assert!(json.json["diff"].as_str().expect("text").contains("***"), "{}", json.stdout);
}

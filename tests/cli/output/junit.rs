//! `-o junit`: what a CI server shows as tests.

use std::fs;

use egext_test_support::ReservedPort;

use crate::egext;

#[test]
fn each_layer_of_a_target_is_a_test_case() {
    let nobody = ReservedPort::new();
    let run = egext(["probe", &nobody.tcp_address(), "-o", "junit"]).run();
    assert_eq!((run.exit_code, &*run.stderr), (1, ""));
    let suite = format!(
        r#"<testsuite name="{}" tests="10" failures="1" errors="0" skipped="8">"#,
        nobody.tcp_address()
    );
    assert!(run.stdout.contains(&suite), "{}", run.stdout);
    for case in [
        r#"name="resolve"/>"#,
        r#"name="tls"><skipped message="not used"/>"#,
        r#"name="health"><skipped message="not reached"/>"#,
        r#"type="probe.connect.refused">"#,
    ] {
        assert!(run.stdout.contains(case), "{case} in {}", run.stdout);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what a user wrote")]
fn a_file_that_is_compared_is_a_test_case() {
    let stanza = egext(["config", "stanza"]).run().stdout;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("stanza.yaml");
    let check = || egext(["config", "stanza", "-o", "junit", "--check"]).arg(&file).run();
    fs::write(&file, &stanza).expect("writable");
    let same = check();
    assert_eq!(same.exit_code, 0);
    assert!(same.stdout.contains(r#" tests="1" failures="0" "#), "{}", same.stdout);
    fs::write(&file, stanza.replace("- VirtualHost", "- Odd")).expect("writable");
    let other = check();
    assert_eq!(other.exit_code, 1, "{other:?}");
    assert!(other.stdout.contains(r#"type="config.differs">"#), "{}", other.stdout);
    assert!(other.stdout.contains("\n-        - Odd"), "the diff: {}", other.stdout);
}

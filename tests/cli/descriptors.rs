//! Few file descriptors: whatever is opened first fails, and the hint is about them, not about what was opened.

use egext_test_support::Run;

use crate::script;

/// Runs with so many descriptors.
fn with_descriptors(number: u32, arguments: &[&str]) -> Run {
    let line = format!(r#"ulimit -n {number}; exec "$0" "$@""#);
    script("sh", &line).args(arguments).run()
}

/// The resolver says that there is no such name.
#[test]
fn a_name_is_not_blamed_for_it() {
    let mut lacks = 0;
    for number in 5..16 {
        let run = with_descriptors(number, &["probe", "tcp://localhost:1", "--timeout", "20s"]);
        assert!(!run.stdout.contains("no address was found"), "{number}: {run:?}");
        if run.stdout.contains("Too many open files") || run.stderr.contains("Too many open files") {
            assert!((run.stdout + &run.stderr).contains("hint: `ulimit -n` shows"), "{number}");
            lacks += 1;
        }
    }
    assert!(lacks > 0, "nothing lacked");
}

#[test]
fn the_demo_does_not_advise_to_look_at_its_own_directory() {
    let mut lacks = 0;
    for number in 5..24 {
        let run = with_descriptors(number, &["demo"]);
        if run.exit_code != 0 {
            assert!(run.stderr.contains("Too many open files"), "{number}: {run:?}");
            assert!(run.stderr.contains("hint: `ulimit -n` shows"), "{number}: {run:?}");
            lacks += 1;
        }
    }
    assert!(lacks > 5, "{lacks}");
}

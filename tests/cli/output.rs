//! What is the same for all commands: streams, formats, colours.

mod formats;
mod junit;
mod places;
mod quiet;
mod streams;

use snapbox::str;

use crate::{egext, on_a_terminal};

#[test]
fn json_is_one_object_with_the_schema_first() {
    let run = egext(["explain", "probe.health.not-serving", "-o", "json"]).run();
    assert_eq!(run.exit_code, 0);
    egext_test_support::assert_text(
        run.stdout,
        str![[r#"
{
  "schema": "egext.report/1",
  "command": "explain",
  "status": "ok",
  "exit_code": 0,
  "findings": [],
  "explanations": [
    {
      "id": "probe.health.not-serving",
      "severity": "error",
      "layer": "health",
      "may_pass": true,
      "cause": "the server reports that it does not serve",
      "cure": "wait for it (`--wait 60s`), or read its log"
    }
  ]
}

"#]],
    );
}

#[test]
fn an_error_is_json_too() {
    let run = egext(["explain", "nonsense", "-o", "json"]).run();
    assert_eq!(run.exit_code, 2);
    egext_test_support::assert_text(
        run.stdout,
        str![[r#"
{
  "schema": "egext.report/1",
  "command": "explain",
  "status": "error",
  "exit_code": 2,
  "findings": [],
  "error": {
    "message": "no finding is called `nonsense`",
    "hint": "`egext explain` lists all ids"
  }
}

"#]],
    );
}

#[test]
fn colour_only_where_it_is_wanted() {
    assert!(!egext(["explain", "nonsense"]).run().stderr.contains('\x1b'), "a pipe gets none");
    assert!(egext(["explain", "nonsense", "--color", "always"]).run().stderr.contains("\x1b["), "asked for");
    let auto = egext(["explain", "nonsense", "--color", "auto"]).env("NO_COLOR", "1").run();
    assert!(!auto.stderr.contains('\x1b'), "NO_COLOR");
}

/// One of the two is a terminal, the other a file.
#[test]
fn colour_is_decided_for_each_stream() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let terminal_and_file = |redirection: &str| {
        let line = format!("($0 probe tcp://127.0.0.1:1; $0 explain nonsense) {redirection} file");
        let run = on_a_terminal(&line)?.current_dir(directory.path()).env("TERM", "xterm").run();
        let file = std::fs::read_to_string(directory.path().join("file")).expect("UTF-8");
        Some((run.stdout, file))
    };
    let Some((errors, reports)) = terminal_and_file(">") else {
        return egext_test_support::skipped("script not found");
    };
    assert!(errors.contains("\x1b[") && errors.contains("nonsense"), "{errors:?}");
    assert!(!reports.contains('\x1b') && reports.contains("127.0.0.1:1"), "{reports:?}");
    let (reports, errors) = terminal_and_file("2>").expect("it was there before");
    assert!(reports.contains("\x1b[") && reports.contains("127.0.0.1:1"), "{reports:?}");
    assert!(!errors.contains('\x1b') && errors.contains("nonsense"), "{errors:?}");
}

#[test]
fn a_format_without_a_meaning_is_refused_in_one_line() {
    for format in ["junit", "pem", "prometheus"] {
        let run = egext(["explain", "probe.health.not-serving", "-o", format]).run();
        assert_eq!(run.exit_code, 2);
        assert_eq!(run.stdout.contains("<error message="), format == "junit", "{}", run.stdout);
        let expected =
            format!("error: this command has no `-o {format}`\n  hint: it has `-o human`, `-o json`\n");
        assert_eq!(run.stderr, expected);
    }
}

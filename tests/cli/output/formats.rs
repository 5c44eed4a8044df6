use std::collections::BTreeSet;

use egext_test_support::Run;
use serde_json::Value;

use super::places::{FORMATS, Places, commands, each, formats, full};
use crate::egext;

/// Every command, and why it cannot run.
const LINES: &[(&str, &str)] = &[
    ("bridge", " --listen unix:missing/eg.sock --upstream tcp://127.0.0.1:1"),
    ("certs check", " missing"),
    ("certs init", " --ca-cert missing.crt --ca-key missing.key"),
    ("certs issue", " client --out x --san a"),
    ("certs pack", " server --out x.tar"),
    ("certs remove", " x"),
    ("certs renew", ""),
    ("certs rotate-ca activate", ""),
    ("certs rotate-ca finish", ""),
    ("certs rotate-ca prepare", ""),
    ("certs rotate-ca status", ""),
    ("certs show", " missing"),
    ("config check", " missing"),
    ("config gateway", " --resources-dir /a --check missing"),
    ("config kubernetes", " --bridge both"),
    ("config patch", " missing"),
    ("config secrets", " --out x.yaml"),
    ("config stanza", " --check missing"),
    ("config versions", " --eg-version 1.3"),
    ("demo", ""),
    ("doctor", " missing"),
    ("explain", " nonsense"),
    ("generate man", " nonsense"),
    ("man", " nonsense"),
    ("probe", " tls://127.0.0.1:1"),
];

/// They have no input that is read when they run.
const NEVER_FAIL: &[&str] = &[
    "completions",
    "generate compatibility",
    "generate completions",
    "generate findings",
    "generate schema",
    "generate status-schema",
    "version",
];

#[test]
fn every_format_is_produced_when_the_command_could_not_run() {
    let places = Places::new();
    for (command, arguments) in LINES {
        for format in formats(command) {
            let run = places.run(&format!("{command}{arguments}")).env("TMPDIR", "/missing");
            let run = run.args(["-o", format]).run();
            assert_could_not_run(&run, command, format);
        }
    }
}

/// A program reads why, also if nothing of the command line could be carried out.
#[test]
fn every_format_is_produced_for_wrong_usage() {
    let places = Places::new();
    for command in commands() {
        for format in formats(&command) {
            let run = places.run(&format!("{command} --no-such-flag -o {format}")).run();
            assert_could_not_run(&run, &command, format);
            if *format != "human" {
                let run = places.run(&format!("{command} --no-such-flag")).env("EGEXT_FORMAT", format).run();
                assert_could_not_run(&run, &command, format);
            }
        }
    }
}

/// Nobody has asked this command for it.
#[test]
fn a_format_in_the_environment_is_not_used_for_wrong_usage_where_the_command_does_not_have_it() {
    let places = Places::new();
    for command in commands().into_iter().chain(["nonsense".to_owned(), "certs".to_owned()]) {
        for other in FORMATS.iter().filter(|other| !formats(&command).contains(other)) {
            let run = places.run(&format!("{command} --no-such-flag")).env("EGEXT_FORMAT", other).run();
            assert_eq!((run.exit_code, &*run.stdout), (2, ""), "EGEXT_FORMAT={other} {command}");
        }
    }
}

#[test]
fn a_format_may_be_written_in_capitals() {
    let typed = egext(["explain", "nonsense", "-o", "JSON"]).run();
    let set = egext(["explain", "nonsense"]).env("EGEXT_FORMAT", "Json").run();
    for run in [typed, set] {
        assert_could_not_run(&run, "explain", "json");
    }
}

/// It is for those commands that have it: a variable breaks no other.
#[test]
fn a_format_in_the_environment_is_used_where_the_command_has_it() {
    each(|places, line, format, code| {
        if format != "human" {
            let set = places.run(line).env("EGEXT_FORMAT", format).run();
            let typed = places.run(line).args(["-o", format]).run();
            assert_eq!((set.exit_code, kind(&set.stdout)), (code, kind(&typed.stdout)), "{line}: {set:?}");
            return;
        }
        let typed = places.run(line).args(["-o", "human"]).run();
        assert_eq!(typed.exit_code, code, "{line}: {typed:?}");
        for other in FORMATS.iter().filter(|other| !formats(line).contains(other)) {
            let set = places.run(line).env("EGEXT_FORMAT", other).run();
            assert_eq!(set.exit_code, code, "EGEXT_FORMAT={other} {line}: {set:?}");
            assert_eq!(
                set.stdout.lines().count(),
                typed.stdout.lines().count(),
                "EGEXT_FORMAT={other} {line}"
            );
        }
    });
}

#[test]
fn a_format_that_was_typed_is_refused_where_the_command_does_not_have_it() {
    each(|places, line, format, _| {
        // Once for each line.
        for other in FORMATS.iter().filter(|other| format == "human" && !formats(line).contains(other)) {
            let run = places.run(line).args(["-o", other]).run();
            assert_eq!(run.exit_code, 2, "{line} -o {other}: {run:?}");
            assert!(run.stderr.contains(&format!("`-o {other}`")), "{line} -o {other}: {run:?}");
            assert_eq!(run.stdout.is_empty(), ["pem", "short"].contains(other), "{line} -o {other}: {run:?}");
        }
    });
}

#[test]
fn a_format_that_is_none_is_answered_with_those_of_the_command() {
    for (line, hint) in [
        ("certs init -o yaml", "it is one of `human`, `json`"),
        ("certs show -o xml", "it is one of `human`, `json`, `pem`"),
        ("certs show -o short", "`--short` is a flag: `egext certs show --short`"),
        ("config stanza -o yaml", "leave `-o` out: the file on stdout is YAML"),
    ] {
        let run = egext([]).args(line.split(' ')).run();
        assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{run:?}");
        assert!(run.stderr.ends_with(&format!("\n  hint: {hint}\n")), "{run:?}");
    }
}

/// The first characters tell the formats apart.
fn kind(stdout: &str) -> &str {
    stdout.get(..6).unwrap_or_default()
}

/// The error is on stderr, and said once.
#[test]
fn an_error_is_one_line_where_stdout_is_full() {
    let places = Places::new();
    for format in formats("certs check") {
        let run = places.run("certs check missing").args(["-o", format]);
        let run = run.stdout_to(full()).run();
        assert_eq!(run.exit_code, 2);
        assert_eq!(run.stderr.matches("error: ").count(), 1, "{}", run.stderr);
        assert!(run.stderr.starts_with("error: cannot read `missing`"), "{}", run.stderr);
    }
}

/// What cannot be said on stderr says nothing about stdout.
#[test]
fn an_error_is_on_stdout_without_a_working_stderr() {
    let places = Places::new();
    let run = places.run("certs check missing").args(["-o", "json"]).stderr_to(full()).run();
    assert_eq!(run.exit_code, 2);
    assert!(run.stdout.contains("\"message\": \"cannot read `missing`"), "{}", run.stdout);
}

#[test]
fn every_command_is_on_the_list() {
    let listed = LINES.iter().map(|(command, _)| *command).chain(NEVER_FAIL.iter().copied());
    assert_eq!(listed.map(str::to_owned).collect::<BTreeSet<_>>(), commands());
}

/// One line and a hint on stderr, and on stdout what a program waits for there.
fn assert_could_not_run(run: &Run, command: &str, format: &str) {
    let place = format!("{command} -o {format}: {run:?}");
    assert_eq!(run.exit_code, 2, "{place}");
    let said = run.stderr.strip_prefix("error: ").unwrap_or_else(|| panic!("{place}"));
    let (message, hint) = said.split_once("\n  hint: ").unwrap_or_else(|| panic!("{place}"));
    assert!(!message.contains('\n') && hint.lines().count() == 1, "{place}");
    match format {
        "json" => {
            let object: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{place}"));
            assert!(run.stdout.starts_with("{\n  \"schema\": \"egext.report/1\",\n"), "{place}");
            assert_eq!(object["command"], command, "{place}");
            assert_eq!((&object["status"], &object["exit_code"]), (&"error".into(), &2.into()), "{place}");
            assert_eq!(object["findings"], Value::Array(Vec::new()), "{place}");
            assert_eq!(object["error"]["message"], message, "{place}");
            assert_eq!(object["error"]["hint"], hint.trim_end(), "{place}");
        }
        "junit" => {
            let suite = format!(r#"<testsuite name="egext {command}" tests="1" failures="0" errors="1" "#);
            assert!(run.stdout.contains(&suite), "{place}");
            assert_eq!(run.stdout.matches("<error message=").count(), 1, "{place}");
            assert!(run.stdout.ends_with("</testsuites>\n"), "{place}");
        }
        "prometheus" => {
            let last = run.stdout.lines().last();
            assert_eq!(last, Some(&*format!("egext_{}_completed 0", command.replace(' ', "_"))), "{place}");
        }
        "github" => {
            let hint = hint.trim_end();
            assert_eq!(run.stdout, format!("::error title=egext::{message}%0Ahint: {hint}\n"), "{place}");
        }
        "sarif" => {
            let log: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{place}"));
            let invocation = &log["runs"][0]["invocations"][0];
            assert_eq!(invocation["executionSuccessful"], false, "{place}");
            let said = format!("{message}; hint: {}", hint.trim_end());
            assert_eq!(invocation["toolExecutionNotifications"][0]["message"]["text"], said, "{place}");
        }
        _ => assert_eq!(run.stdout, "", "{place}"),
    }
}

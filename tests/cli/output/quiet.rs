use serde_json::Value;

use super::places::{each, formats, is_data};
use crate::egext;

/// What was asked for itself is printed all the same.
const ANSWERS: &[&str] = &["version", "certs show", "config patch", "explain", "--check"];

#[test]
fn quiet_leaves_out_all_but_warnings_and_errors() {
    each(|places, line, format, code| {
        let loud = places.run(line).args(["-o", format]).run();
        let quiet = places.run(line).args(["-q", "-o", format]).run();
        assert_eq!((loud.exit_code, quiet.exit_code), (code, code), "{line} -o {format}: {quiet:?}");
        if format != "human" {
            assert_eq!(quiet.stdout.lines().count(), loud.stdout.lines().count(), "{line} -o {format}");
            return;
        }
        let (talk, rest) = match is_data(line) {
            true => (&quiet.stderr, &quiet.stdout),
            false => (&quiet.stdout, &quiet.stderr),
        };
        let is_answer = ANSWERS.iter().any(|part| line.contains(part));
        assert_eq!(rest.is_empty(), !is_data(line), "{line}: {quiet:?}");
        let findings = match formats(line).contains(&"json") {
            true => places.run(line).json().findings().to_vec(),
            false => Vec::new(),
        };
        let (grave, mild): (Vec<_>, Vec<_>) =
            findings.iter().partition(|finding| finding["severity"] != "info");
        if line.starts_with("probe") {
            assert!(grave.iter().map(|finding| one_line(finding)).eq(talk.lines()), "{line}: {quiet:?}");
            return;
        }
        assert!(grave.iter().all(|finding| is_told(finding, talk)), "{line}: {quiet:?}");
        assert!(!mild.iter().any(|finding| is_told(finding, talk)), "{line}: {quiet:?}");
        // What is due is no finding of `renew`, and decides the exit code.
        assert_eq!(talk.is_empty(), grave.is_empty() && !is_answer && code != 3, "{line}: {quiet:?}");
        assert_eq!(talk.contains(" says more)"), !grave.is_empty(), "{line}: {quiet:?}");
    });
}

/// An exit code of 1 without a word would be a riddle.
#[test]
fn quiet_names_what_decides_the_exit_code() {
    let server = egext_test_support::TestServer::plaintext().without_health().spawn();
    let run = |fail_on| {
        let run = egext([
            "probe",
            &server.address(),
            "--no-gateway",
            "--no-policy",
            "--quiet",
            "--fail-on",
            fail_on,
        ])
        .run();
        (run.exit_code, run.stdout)
    };
    assert_eq!(run("warning"), (0, String::new()));
    let (code, talk) = run("info");
    assert_eq!(code, 1);
    assert!(talk.contains(": "), "{talk}");
}

#[test]
fn quiet_errors_are_errors() {
    let run = egext(["explain", "nonsense", "-q"]).run();
    assert_eq!((run.exit_code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.starts_with("error: no finding is called `nonsense`\n  hint: "), "{}", run.stderr);
}

/// How a supervisor wants it.
fn one_line(finding: &Value) -> String {
    let words = |key: &str| finding[key].as_str().expect("text").to_owned();
    format!("{}: {} ({})", words("subject"), words("message"), words("id"))
}

fn is_told(finding: &Value, talk: &str) -> bool {
    let told = |key: &str| finding[key].as_str().is_none_or(|words| talk.contains(words));
    ["subject", "message", "hint"].iter().all(|key| told(key))
}

//! Checks as JUnit XML, for CI servers that show tests: one test suite for each subject, one test case for each
//! check. A finding that makes the exit code 1 is a failure; others are in the output of a case that passes.
//!
//! Written without a library: the format has two levels, and the crates for it add a clock and random numbers.

use std::fmt::Write as _;

use crate::report::{Check, Finding, Report, Said, Severity, State};

pub(super) fn report(report: &Report, fail_on: Severity) -> String {
    let mut suites: Vec<(&str, Vec<&Check>)> = Vec::new();
    for check in &report.checks {
        match suites.iter_mut().find(|(subject, _)| *subject == check.subject) {
            Some((_, checks)) => checks.push(check),
            None => suites.push((&check.subject, vec![check])),
        }
    }
    let all = report.checks.iter().collect::<Vec<_>>();
    let name = format!("egext {}", report.command);
    // Writing to a string does not fail.
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites name={} {}>", quoted(&name), counts(&all, fail_on));
    for (subject, checks) in suites {
        let _ = writeln!(text, "  <testsuite name={} {}>", quoted(subject), counts(&checks, fail_on));
        for check in checks {
            case(&mut text, check, fail_on);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// A command that could not run has one test case, which is an error: a result that is missing looks like success.
pub(super) fn error(command: Option<&str>, said: &Said) -> String {
    let name = command.map_or_else(|| "egext".to_owned(), |command| format!("egext {command}"));
    let (name, message) = (quoted(&name), &said.message);
    let words = match &said.hint {
        Some(hint) => format!("{message}\n  hint: {hint}"),
        None => message.clone(),
    };
    let counts = "tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\"";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name={name} {counts}>\n  \
           <testsuite name={name} {counts}>\n    \
             <testcase classname={name} name=\"run\">\n      \
               <error message={} type=\"could-not-run\">{}</error>\n    \
             </testcase>\n  \
           </testsuite>\n\
         </testsuites>\n",
        quoted(message),
        escaped(&words)
    )
}

fn case(text: &mut String, check: &Check, fail_on: Severity) {
    let _ = write!(text, "    <testcase classname={} name={}", quoted(&check.subject), quoted(check.name));
    match &check.state {
        State::Passed => text.push_str("/>\n"),
        State::Skipped(reason) => {
            let _ = writeln!(text, "><skipped message={}/></testcase>", quoted(reason));
        }
        State::Found(findings) => {
            text.push_str(">\n");
            let (failures, remarks): (Vec<_>, Vec<_>) =
                findings.iter().partition(|finding| finding.severity >= fail_on);
            // A test case has one failure: some readers show the first only.
            if let Some(first) = failures.first() {
                let all = failures.iter().map(|finding| words(finding)).collect::<Vec<_>>().join("\n");
                let (message, id) = (quoted(&first.message), quoted(first.id.name()));
                let _ =
                    writeln!(text, "      <failure message={message} type={id}>{}</failure>", escaped(&all));
            }
            if !remarks.is_empty() {
                let all = remarks.iter().map(|finding| words(finding)).collect::<Vec<_>>().join("\n");
                let _ = writeln!(text, "      <system-out>{}</system-out>", escaped(&all));
            }
            text.push_str("    </testcase>\n");
        }
    }
}

fn counts(checks: &[&Check], fail_on: Severity) -> String {
    let failed = |check: &&&Check| matches!(&check.state, State::Found(findings) if findings.iter().any(|finding| finding.severity >= fail_on));
    let skipped = |check: &&&Check| matches!(check.state, State::Skipped(_));
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        checks.len(),
        checks.iter().filter(failed).count(),
        checks.iter().filter(skipped).count()
    )
}

fn words(finding: &Finding) -> String {
    let place = finding.location.as_ref().map_or_else(String::new, |location| format!("{location}: "));
    let mut words = format!("{} {}: {place}{}", finding.severity, finding.id, finding.message);
    for (key, fact) in finding.evidence.iter() {
        let _ = write!(words, "\n  {key}: {fact}");
    }
    if let Some(hint) = &finding.hint {
        let _ = write!(words, "\n  hint: {hint}");
    }
    words
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "&quot;").replace('\n', "&#10;"))
}

/// For text and attributes. What cannot stand in XML at all, escaped neither, is not in a [`Report::printable`].
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::FindingId;

    #[test]
    fn failures_and_remarks_are_told_apart_and_nothing_breaks_out() {
        let mut report = Report::new("certs check");
        let finding = |id, message: &str| Finding::new(id, "<a&b>", message);
        report.check("dates", "<a&b>", Vec::new());
        report.check(
            "key",
            "<a&b>",
            vec![
                finding(FindingId::CertsExpired, "\"]]>\u{1b}[0m"),
                finding(FindingId::CertsExpiring, "soon").with_hint("now"),
            ],
        );
        report.checks.push(Check {
            name: "chain",
            subject: "c".to_owned(),
            state: State::Skipped("no CA".into()),
        });
        assert_eq!(
            super::report(&report.printable(), Severity::Error),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="egext certs check" tests="3" failures="1" errors="0" skipped="1">
  <testsuite name="&lt;a&amp;b&gt;" tests="2" failures="1" errors="0" skipped="0">
    <testcase classname="&lt;a&amp;b&gt;" name="dates"/>
    <testcase classname="&lt;a&amp;b&gt;" name="key">
      <failure message="&quot;]]&gt;\u{1b}[0m" type="certs.expired">error certs.expired: "]]&gt;\u{1b}[0m</failure>
      <system-out>warning certs.expiring: soon
  hint: now</system-out>
    </testcase>
  </testsuite>
  <testsuite name="c" tests="1" failures="0" errors="0" skipped="1">
    <testcase classname="c" name="chain"><skipped message="no CA"/></testcase>
  </testsuite>
</testsuites>
"#
        );
    }
}

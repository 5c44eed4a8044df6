//! Findings as workflow commands, of which GitHub makes annotations at the lines of a pull request.

use std::fmt::Write as _;

use crate::report::{Finding, Report, Said, Severity};

pub(super) fn report(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        annotation(&mut text, finding);
    }
    text
}

pub(super) fn error(said: &Said) -> String {
    let words = match &said.hint {
        Some(hint) => format!("{}\nhint: {hint}", said.message),
        None => said.message.clone(),
    };
    format!("::error title=egext::{}\n", data(&words))
}

fn annotation(text: &mut String, finding: &Finding) {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let place = finding.location.as_ref().filter(|location| location.path != "-");
    let place = place.map_or_else(String::new, |at| {
        format!("file={},line={},col={},", property(&at.path), at.line, at.column)
    });
    let mut words = match place.is_empty() {
        true => format!("{}: {}", finding.subject, finding.message),
        false => finding.message.clone(),
    };
    for (key, fact) in finding.evidence.iter() {
        // Writing to a string does not fail.
        let _ = write!(words, "\n{key}: {fact}");
    }
    if let Some(hint) = &finding.hint {
        let _ = write!(words, "\nhint: {hint}");
    }
    let _ = writeln!(text, "::{level} {place}title={}::{}", finding.id, data(&words));
}

/// A line break ends a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FindingId, Location};

    #[test]
    fn a_finding_is_one_line_whatever_it_says() {
        let mut report = Report::new("config check");
        let location = Location { path: "a:b,c%.yaml".to_owned(), line: 3, column: 5 };
        let finding = Finding::new(FindingId::ConfigRefused, "a", "100%\n::error::x").at(location);
        report.findings.push(finding.with_hint("b"));
        report.findings.push(Finding::new(FindingId::ConfigNotChecked, "s", "m"));
        assert_eq!(
            super::report(&report),
            "::error file=a%3Ab%2Cc%25.yaml,line=3,col=5,title=config.refused::100%25%0A::error::x%0Ahint: b\n\
             ::notice title=config.not-checked::s: m\n"
        );
    }
}

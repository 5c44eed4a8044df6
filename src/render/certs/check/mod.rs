//! The result of an audit: blocks for a person, checks for a CI server, numbers for Prometheus.

mod details;
mod metrics;

use time::OffsetDateTime;

use crate::pki::audit::Audit;
use crate::pki::when;
use crate::report::{Check, Line, Report, Severity, State, Style, Talk};
pub(crate) use details::Details;
use metrics::metrics;

pub(crate) fn report(audit: Audit, now: OffsetDateTime) -> Report {
    let mut report = Report::new("certs check");
    report.due = audit.is_due();
    report.talk = talk(&audit, now);
    report.metrics = metrics(&audit);
    report.detail(&Details::of(&audit));
    report.findings = audit.findings().cloned().collect();
    report.checks = audit.checks;
    report
}

/// One block for each file or address: what is fine in one line, what is not in its own.
fn talk(audit: &Audit, now: OffsetDateTime) -> Talk {
    let mut talk = Talk::default();
    let mut subjects: Vec<&str> = Vec::new();
    for check in &audit.checks {
        if !subjects.contains(&check.subject.as_str()) {
            subjects.push(&check.subject);
        }
    }
    for subject in subjects {
        let checks = || audit.checks.iter().filter(move |check| check.subject == subject);
        talk.line(Line::default().with(Style::Strong, subject));
        let fine = checks().filter(|check| matches!(check.state, State::Passed)).map(|check| check.name);
        let fine = fine.collect::<Vec<_>>().join(", ");
        if !fine.is_empty() {
            talk.line(Line::default().plain("  ").with(Style::Good, "√").plain(format!(" {fine}")));
        }
        for check in checks() {
            tell(&mut talk, check);
        }
    }
    let fine = |check: &Check| !matches!(&check.state, State::Found(findings) if findings.iter().any(|finding| finding.severity > Severity::Info));
    if let Some(first) = audit.first_to_expire().filter(|_| audit.checks.iter().all(fine)) {
        let until = format!(" until {} ({})", when::end(first), when::distance(first.not_after, now));
        talk.blank().line(Line::default().with(Style::Good, "fine").plain(until));
    }
    talk
}

fn tell(talk: &mut Talk, check: &Check) {
    match &check.state {
        State::Passed => {}
        State::Skipped(reason) => {
            let line = Line::default().plain("  ").with(Style::Dim, "-");
            talk.line(line.plain(format!(" {}: {reason}", check.name)));
        }
        State::Found(findings) => {
            for finding in findings {
                // A finding about the key next to a certificate names the file.
                let about = match finding.subject == check.subject {
                    true => check.name.to_owned(),
                    false => format!("{}: `{}`", check.name, finding.subject),
                };
                talk.finding_called(finding, &about);
            }
        }
    }
}

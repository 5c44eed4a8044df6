use crate::pki::audit::Audit;
use crate::pki::{Certificate, SubjectName};
use crate::report::{Metric, State};

/// Dates under the names that ssl_exporter gave them, so that its dashboards and alerts fit; the rest is ours.
pub(super) fn metrics(audit: &Audit) -> Vec<Metric> {
    let (in_file, presented): (Vec<_>, Vec<_>) =
        audit.certificates.iter().partition(|(source, _)| audit.address.as_ref() != Some(source));
    let mut metrics = Vec::new();
    for (certificates, place, not_after, not_before) in [
        (in_file, "file", "ssl_file_cert_not_after", "ssl_file_cert_not_before"),
        (presented, "target", "ssl_cert_not_after", "ssl_cert_not_before"),
    ] {
        let mut not_after =
            Metric::new(not_after, "The last second in which a certificate is valid, in seconds since 1970.");
        let mut not_before = Metric::new(
            not_before,
            "The first second in which a certificate is valid, in seconds since 1970.",
        );
        for (source, certificate) in certificates {
            let labels = labels(place, source, certificate);
            // One that stands in a file twice is one series.
            if not_after.samples.iter().any(|(known, _)| *known == labels) {
                continue;
            }
            not_after.sample(labels.clone(), certificate.not_after.unix_timestamp());
            not_before.sample(labels, certificate.not_before.unix_timestamp());
        }
        metrics.extend([not_after, not_before]);
    }
    metrics.extend(counts(audit));
    metrics
}

fn labels(place: &'static str, source: &str, certificate: &Certificate) -> Vec<(&'static str, String)> {
    // With a comma around each, so that an expression can look for a whole name.
    let list = |wanted: fn(&SubjectName) -> bool| {
        let names = certificate.names.iter().filter(|name| wanted(name)).map(|name| format!("{name},"));
        let names = names.collect::<String>();
        if names.is_empty() { names } else { format!(",{names}") }
    };
    vec![
        (place, source.to_owned()),
        ("serial_no", certificate.serial_decimal()),
        ("issuer_cn", certificate.issuer.common_name().to_owned()),
        ("cn", certificate.subject.common_name().to_owned()),
        ("dnsnames", list(|name| matches!(name, SubjectName::Dns(_)))),
        ("ips", list(|name| matches!(name, SubjectName::Ip(_)))),
    ]
}

/// What came of the checks, in numbers.
fn counts(audit: &Audit) -> [Metric; 3] {
    let mut found = Metric::new("egext_certs_finding", "1 for each finding of `egext certs check`.");
    let mut checks =
        Metric::new("egext_certs_checks", "How many checks passed, found something, or were skipped.");
    let mut counts = [("found", 0), ("passed", 0), ("skipped", 0)];
    for check in &audit.checks {
        let index = match &check.state {
            State::Found(findings) => {
                for finding in findings {
                    let severity = finding.severity.to_string();
                    found.sample(
                        vec![
                            ("id", finding.id.name().to_owned()),
                            ("severity", severity),
                            ("subject", finding.subject.clone()),
                        ],
                        1,
                    );
                }
                0
            }
            State::Passed => 1,
            State::Skipped(_) => 2,
        };
        counts[index].1 += 1;
    }
    for (state, number) in counts {
        checks.sample(vec![("state", state.to_owned())], number);
    }
    let mut due =
        Metric::new("egext_certs_due", "1 when a certificate ends within the time that was asked about.");
    due.sample(Vec::new(), i64::from(audit.is_due()));
    [found, checks, due]
}

mod details;

use std::path::Path;

use time::OffsetDateTime;

pub(in crate::commands) use details::Details;

use super::presented::{Question, client_in};
use super::{Advised, CertsError};
use crate::cli::CertsCheck;
use crate::commands::Error;
use crate::commands::material::Files as _;
use crate::host::Host;
use crate::input::is_stdin;
use crate::pki::Certificate;
use crate::pki::audit::{Audit, LeafFiles, Questions, Scope, audit};
use crate::pki::inspect::PemFile;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, IdentityError, NameError, Passphrase, SubjectName, when};
use crate::report::{Check, Line, Metric, Report, Role as Style, Severity, State, Talk};

pub(super) fn run(arguments: &CertsCheck, now: OffsetDateTime) -> Result<Report, Error> {
    let question = Question::new(&arguments.server)?;
    let questions = questions(arguments)?;
    let scope = scope(arguments)?;
    if scope.leafs.is_empty() {
        return Err(
            CertsError::NothingToCheck { directory: directory(arguments).to_owned(), role: None }.into()
        );
    }
    let mut audit = audit(&scope, &questions, now).map_err(CertsError::from)?;
    // Of the other side alone nothing was looked at, which is not fine.
    if !scope.leafs.iter().any(|leaf| audit.looked_at(&leaf.certificate)) {
        return Err(CertsError::NothingToCheck {
            directory: directory(arguments).to_owned(),
            role: questions.role,
        }
        .into());
    }
    // A server's file that cannot be judged has a finding, which says more.
    let is_fine = || audit.findings().all(|finding| finding.severity < Severity::Error);
    if question.is_none() && !arguments.for_name.is_empty() && !audit.has_server() && is_fine() {
        return Err(CertsError::NoServerToName { directory: directory(arguments).to_owned() }.into());
    }
    if let Some(question) = question {
        let name = match question.host {
            Host::Ip(address) => SubjectName::Ip(*address),
            Host::Name(name) => SubjectName::Dns(name.trim_end_matches('.').to_owned()),
        };
        let address = question.address.to_string();
        // What is wrong with the files has been found; here only what the server presents counts.
        let anchors = Anchors::load(&scope.ca).ok();
        let directory = directory(arguments);
        match question.ask(anchors.as_ref(), client_in(directory).as_ref(), directory, now)? {
            Ok(chain) => audit
                .presented(&address, &(name, question.host.clone()), &chain, &questions, now)
                .map_err(CertsError::from)?,
            Err(finding) => audit.not_presented(&address, finding),
        }
    }
    Ok(report(audit, now))
}

fn questions(arguments: &CertsCheck) -> Result<Questions, CertsError> {
    let mut names = Vec::new();
    for text in &arguments.for_name {
        let name = text.trim().parse::<SubjectName>().map_err(not_called)?;
        let host = match &name {
            SubjectName::Ip(address) => Host::Ip(*address),
            name => Host::Name(name.to_string()),
        };
        if name.to_string().starts_with('*') {
            return Err(CertsError::WildcardAsked { name: name.to_string() });
        }
        names.push((name, host));
    }
    Ok(Questions {
        within: arguments.within,
        names,
        role: arguments.role,
        allowed_key_mode: arguments.allow_key_mode.unwrap_or_default(),
    })
}

/// An id is no name that a client connects to, and its own flag is not one of this command.
fn not_called(error: NameError) -> CertsError {
    match &error {
        NameError::SpiffeAsName { .. } => {
            let hint = "leave it out: clients connect to host names and IP addresses";
            Advised::new(error, hint.to_owned()).into()
        }
        _ => error.into(),
    }
}

fn refuse_directory_and_file(arguments: &CertsCheck) -> Result<(), CertsError> {
    let Some(directory) = &arguments.directory else { return Ok(()) };
    let material = &arguments.material;
    let flags = [(&material.ca, "--ca"), (&material.cert, "--cert"), (&material.key, "--key")];
    match flags.into_iter().find(|(file, _)| file.is_some()) {
        Some((_, flag)) => Err(CertsError::DirectoryAndFile { directory: directory.clone(), flag }),
        None => Ok(()),
    }
}

fn scope(arguments: &CertsCheck) -> Result<Scope, CertsError> {
    refuse_directory_and_file(arguments)?;
    if let Some(path) = arguments.directory.as_ref().filter(|path| path.is_file()) {
        return Err(CertsError::FileAsDirectory { path: path.clone() });
    }
    let material = &arguments.material;
    if let Some((certificate, key)) = material.named_pair()? {
        for path in [certificate, key].into_iter().filter(|path| !is_stdin(path)) {
            // A file that somebody typed is there, or they made a mistake.
            path.metadata().map_err(|source| IdentityError::Unreadable { path: path.clone(), source })?;
        }
        let ca = material.ca.clone().unwrap_or_else(|| directory(arguments).join(CA_CERTIFICATE_FILE));
        let leaf = LeafFiles { certificate: certificate.clone(), key: key.clone(), role: arguments.role };
        return Ok(Scope::of_files(ca, leaf));
    }
    let directory = directory(arguments);
    let scope = Scope::of_directory(directory).map_err(CertsError::from);
    let mut scope = match arguments.directory {
        // It was named as what to check, not by `--dir`.
        Some(_) => scope?,
        None => scope.map_err(|error| error.without_set(directory))?,
    };
    if let Some(ca) = &material.ca {
        scope.ca.clone_from(ca);
        (scope.ca_key, scope.left_ca_key) = (None, None);
    }
    if let (Some(key), Some(passphrase)) = (&mut scope.ca_key, &arguments.ca_key_passphrase_file)
        && PemFile::read(&key.path).is_ok_and(|file| file.is_locked())
    {
        key.passphrase = Some(Passphrase::read(passphrase)?);
    }
    Ok(scope)
}

pub(super) fn directory(arguments: &CertsCheck) -> &Path {
    arguments.directory.as_deref().unwrap_or_else(|| arguments.material.directory())
}

fn report(audit: Audit, now: OffsetDateTime) -> Report {
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
                // A finding about the key beside a certificate says which file it means.
                let about = match finding.subject == check.subject {
                    true => check.name.to_owned(),
                    false => format!("{}: `{}`", check.name, finding.subject),
                };
                talk.finding_called(finding, &about);
            }
        }
    }
}

/// Dates under the names that ssl_exporter gave them, so that its dashboards and alerts fit; the rest is ours.
fn metrics(audit: &Audit) -> Vec<Metric> {
    let (in_file, presented): (Vec<_>, Vec<_>) =
        audit.certificates.iter().partition(|(source, _)| audit.address.as_ref() != Some(source));
    let mut metrics = Vec::new();
    for (certificates, place, not_after, not_before) in [
        (in_file, "file", "ssl_file_cert_not_after", "ssl_file_cert_not_before"),
        (presented, "target", "ssl_cert_not_after", "ssl_cert_not_before"),
    ] {
        let mut not_after =
            Metric::new(not_after, "The last second of a certificate's life, in seconds since 1970.");
        let mut not_before =
            Metric::new(not_before, "The first second of a certificate's life, in seconds since 1970.");
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

//! The lines about certificates and files in the reports of all verbs that change a set.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::pki::member::{certificate_file, key_file};
use crate::pki::{CA_CERTIFICATE_FILE, Certificate, Role, when};
use crate::report::{Finding, Line, Report, Style};

/// One certificate: who, for whom, until when, and a remark.
pub(in crate::render) fn certificate(
    report: &mut Report,
    who: &str,
    summary: &Certificate,
    remark: &str,
    now: OffsetDateTime,
) {
    let names = summary.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let called = if names.is_empty() { summary.subject.to_string() } else { names };
    let (day, distance) = (when::end(summary), when::distance(summary.not_after, now));
    report
        .talk
        .line(
            Line::default().plain("  ").with(Style::Strong, format!("{who:<8}")).plain(format!(" {called}")),
        )
        .line(Line::default().with(Style::Dim, format!("           until {day} ({distance}), {remark}")));
}

/// What goes where: a title and paths in each line.
pub(in crate::render) fn files(report: &mut Report, lines: &[(String, Vec<PathBuf>)]) {
    report.talk.blank().line(Line::default().with(Style::Dim, "files"));
    for (title, paths) in lines {
        let paths = paths.iter().map(|path| words(path)).collect::<Vec<_>>().join("  ");
        report.talk.line(
            Line::default()
                .plain("  ")
                .with(Style::Strong, format!("{title:<15}"))
                .plain(format!(" {paths}")),
        );
    }
}

/// What the holder of the leaf that is called `name` needs.
pub(super) fn holder(
    directory: &Path,
    name: &str,
    role: Role,
    (with_ca, with_key): (bool, bool),
) -> (String, Vec<PathBuf>) {
    let own = name == role.to_string();
    let title = if own { format!("to the {role}") } else { format!("to `{name}`") };
    let mut paths = Vec::new();
    if with_ca {
        paths.push(directory.join(CA_CERTIFICATE_FILE));
    }
    paths.push(directory.join(certificate_file(name)));
    if with_key {
        paths.push(directory.join(key_file(name)));
    }
    (title, paths)
}

pub(in crate::render) fn title(report: &mut Report, style: Style, done: &str, rest: &str) {
    report.talk.line(Line::default().with(style, done).plain(rest)).blank();
}

pub(in crate::render) fn note(report: &mut Report, words: &str) {
    report.talk.blank().line(Line::default().with(Style::Dim, "note:").plain(format!(" {words}")));
}

pub(super) fn findings(report: &mut Report, findings: &[Finding]) {
    if !findings.is_empty() {
        report.talk.blank();
    }
    for finding in findings {
        report.found(finding.clone());
    }
}

/// A note about a CA whose key is not in the set, once it signs. `flags` name it on the command line.
pub(super) fn ca_key_elsewhere(flags: &str) -> String {
    format!("the CA key was not copied; pass it again to issue or renew: `{flags}`")
}

/// Who presents the certificate that is called `name`.
pub(super) fn who(name: &str, role: Role) -> String {
    match (name, role) {
        ("server", _) => "the server".to_owned(),
        ("client", _) => "the client".to_owned(),
        (name, Role::Client) => format!("the client `{name}`"),
        (name, Role::Server) => format!("the server `{name}`"),
    }
}

/// A note about a CA that issues certificates for others, too.
pub(super) const ALL_CLIENTS_OF_THE_CA: &str =
    "a server that trusts this CA accepts every client certificate that the CA has issued";

/// A path that is not UTF-8 loses what is not: JSON could not carry it.
pub(in crate::render) fn words(path: &Path) -> String {
    path.display().to_string()
}

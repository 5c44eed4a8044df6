use std::path::Path;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::lines::{self, words};
use crate::pki::store::Unignored;
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, Certificate, Role, when};
use crate::report::{Finding, Line, Report, Style};

/// What happened to the set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// There was none, now there is one.
    Created,
    /// There is another one now.
    Replaced,
    /// It is as it was.
    Unchanged,
    /// There is none, and none was made: it was a dry run.
    WouldCreate,
    /// It is as it was: it was a dry run.
    WouldReplace,
}

/// Who has signed, and what became of the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Signer {
    /// A CA that was brought along, by name.
    Brought(String),
    /// A new CA, whose key was thrown away.
    Discarded,
    /// A CA whose key is not in the directory.
    Elsewhere,
    /// A CA whose key is in the directory.
    Here,
}

/// A report about one set: what it is, for whom, until when, and which file belongs where.
#[derive(Debug)]
pub(super) struct Overview<'a> {
    outcome: Outcome,
    directory: &'a Path,
    signer: Signer,
    report: Report,
}

impl<'a> Overview<'a> {
    pub(super) fn new(outcome: Outcome, directory: &'a Path, signer: Signer) -> Self {
        let place = format!("`{}`", directory.display());
        let (what, with) = match &signer {
            Signer::Brought(name) => {
                let name =
                    if name.is_empty() { "a CA without a name".to_owned() } else { format!("`{name}`") };
                (format!("a certificate for each side, issued by {name},"), format!("issued by {name}"))
            }
            Signer::Discarded | Signer::Elsewhere | Signer::Here => {
                ("a private CA and a certificate for each side".to_owned(), "with a new CA".to_owned())
            }
        };
        let (style, done, rest) = match outcome {
            Outcome::Created => (Style::Good, "made", format!(" {what} in {place}")),
            Outcome::Replaced => {
                (Style::Good, "replaced", format!(" the set in {place} by a new one, {with}"))
            }
            Outcome::Unchanged => (Style::Good, "unchanged:", format!(" there is a set in {place}")),
            Outcome::WouldCreate => (Style::Strong, "would make", format!(" {what} in {place}")),
            Outcome::WouldReplace => {
                (Style::Strong, "would replace", format!(" the set in {place} by a new one, {with}"))
            }
        };
        let mut report = Report::new("certs init");
        lines::title(&mut report, style, done, &rest);
        report.details.insert("outcome".to_owned(), outcome.name().into());
        report.details.insert("directory".to_owned(), words(directory).into());
        Self { outcome, directory, signer, report }
    }

    /// CA, server and client, in this order.
    pub(super) fn certificates(&mut self, summaries: [&Certificate; 3], now: OffsetDateTime) {
        let mut objects = Vec::new();
        for (summary, (who, role, certificate, key)) in summaries.into_iter().zip(WHO) {
            let names = summary.names.iter().map(ToString::to_string).collect::<Vec<_>>();
            let known = self.is_real() || role == "ca" && matches!(self.signer, Signer::Brought(_));
            // The names of a CA are those that it may issue for.
            let called = match (names.is_empty() || role == "ca", known) {
                (false, _) => names.join(", "),
                (true, true) => summary.subject.to_string(),
                // The name of a CA that was not kept is nobody's name.
                (true, false) => "a new one".to_owned(),
            };
            let until = format!("until {} ({})", when::end(summary), when::distance(summary.not_after, now));
            let talk = &mut self.report.talk;
            talk.line(Line::default().plain("  ").with(Style::Strong, format!("{who:<8}")).plain(called));
            talk.line(Line::default().with(Style::Dim, format!("          {until}, {}", summary.key)));
            let mut object = json!({ "role": role, "certificate": words(&self.directory.join(certificate)) });
            if role != "ca" || self.signer == Signer::Here {
                object["key"] = words(&self.directory.join(key)).into();
            }
            object["names"] = names.into();
            object["not_before"] = when::timestamp(summary.not_before).into();
            object["not_after"] = when::timestamp(summary.not_after).into();
            object["key_type"] = summary.key.to_string().into();
            if known {
                object["subject"] = summary.subject.as_str().into();
                object["issuer"] = summary.issuer.as_str().into();
                object["serial"] = summary.serial.as_str().into();
            }
            objects.push(object);
        }
        self.report.details.insert("certificates".to_owned(), objects.into());
    }

    /// Which file belongs to which side: a key on the wrong side can be lost twice.
    pub(super) fn files(&mut self) {
        self.report.talk.blank().line(Line::default().with(Style::Dim, "files"));
        let mut sides = Map::new();
        let here = self.signer == Signer::Here;
        for (side, title, names, remark) in SIDES.into_iter().filter(|(side, ..)| here || *side != STAYS) {
            let paths = names.iter().map(|name| words(&self.directory.join(name))).collect::<Vec<_>>();
            let shown = paths.join("  ");
            let line = Line::default().plain("  ").with(Style::Strong, format!("{title:<15}")).plain(shown);
            let line = if remark.is_empty() { line } else { line.with(Style::Dim, format!("  {remark}")) };
            self.report.talk.line(line);
            sides.insert(side.to_owned(), paths.into());
        }
        self.report.details.insert("files".to_owned(), Value::Object(sides));
    }

    /// Something good to know, and nothing wrong.
    pub(super) fn note(&mut self, words: &str) {
        lines::note(&mut self.report, words);
    }

    /// Keys are not for commits.
    pub(super) fn ignored_by_git(&mut self, unignored: Option<Unignored>) {
        let Some(Unignored { file, lines }) = unignored.filter(|_| self.is_real()) else { return };
        let shown = lines.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(" and ");
        self.note(&format!("Git does not ignore the keys: add {shown} to `{}`", file.display()));
        let advice = json!({ "file": words(&file), "lines": lines });
        self.report.details.insert("gitignore".to_owned(), advice);
    }

    pub(super) fn finding(&mut self, finding: Finding) {
        if self.report.findings.is_empty() {
            self.report.talk.blank();
        }
        self.report.talk.finding(&finding);
        self.report.findings.push(finding);
    }

    /// `probe` is what to type once the server runs.
    pub(super) fn finish(mut self, probe: &str) -> Report {
        let next = match self.outcome {
            Outcome::Created => Some(format!("start the server with its files, then `{probe}`")),
            Outcome::Replaced => Some(format!(
                "give both sides their new files and restart them, since old and new refuse each other; then `{probe}`"
            )),
            Outcome::Unchanged => None,
            Outcome::WouldCreate | Outcome::WouldReplace => Some("leave `--dry-run` out to do it".to_owned()),
        };
        if let Some(next) = next {
            self.report.talk.blank().hint(next);
        }
        self.report.details.insert("next".to_owned(), probe.into());
        self.report
    }

    fn is_real(&self) -> bool {
        !matches!(self.outcome, Outcome::WouldCreate | Outcome::WouldReplace)
    }
}

impl Outcome {
    /// In JSON.
    const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
            Self::WouldCreate => "would-create",
            Self::WouldReplace => "would-replace",
        }
    }
}

/// Who a certificate is for: to a person, to a program, and its files.
const WHO: [(&str, &str, &str, &str); 3] = [
    ("CA", "ca", CA_CERTIFICATE_FILE, CA_KEY_FILE),
    ("server", "server", Role::Server.certificate_file(), Role::Server.key_file()),
    ("client", "client", Role::Client.certificate_file(), Role::Client.key_file()),
];

/// Where files belong: to a program, to a person, which, and what to bear in mind.
const SIDES: [(&str, &str, &[&str], &str); 3] = [
    (
        "server",
        "to the server",
        &[CA_CERTIFICATE_FILE, Role::Server.certificate_file(), Role::Server.key_file()],
        "",
    ),
    (
        "client",
        "to the client",
        &[CA_CERTIFICATE_FILE, Role::Client.certificate_file(), Role::Client.key_file()],
        "",
    ),
    (STAYS, "stays here", &[CA_KEY_FILE], "anyone who holds it can impersonate either side"),
];

const STAYS: &str = "stays";

//! Certificates that were renewed, would be, or need not be.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::leaf::Leaf;
use super::lines::{self, words};
use crate::pki::change::Difference;
use crate::pki::member::{Member, Successor};
use crate::pki::renewal::{Policy, Selected};
use crate::pki::{Role, SubjectName, when};
use crate::report::{Finding, Line, Report, Style, enumeration, in_backticks};

/// What `egext certs renew` has renewed, or would renew.
pub(crate) struct Renewal<'a> {
    /// Of the set.
    pub(crate) directory: &'a Path,
    /// What was asked for.
    pub(crate) policy: &'a Policy,
    pub(crate) course: Course<'a>,
    /// About those that it is about.
    pub(crate) findings: Vec<Finding>,
    /// About those that are not renewed because their files were deleted.
    pub(crate) withdrawn: Vec<Finding>,
}

/// The result.
pub(crate) enum Course<'a> {
    /// These were renewed, by these.
    Renewed(&'a [Selected<'a>], &'a [Successor]),
    /// None of these had to be renewed.
    Unchanged(&'a [&'a Member]),
    /// These would be renewed.
    WouldRenew(&'a [Selected<'a>]),
}

/// What `egext certs renew` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    outcome: Outcome,
    /// Of the set.
    directory: String,
    /// What was renewed, or would be; if nothing is due, what was looked at.
    certificates: Vec<RenewedCertificate>,
    /// Which sides have to be restarted with new files.
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<Vec<String>>,
}

/// The result.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "RenewOutcome")]
enum Outcome {
    Renewed,
    Unchanged,
    WouldRenew,
}

/// The new certificate; the one that is there if none was made.
#[derive(Serialize, JsonSchema)]
struct RenewedCertificate {
    #[serde(flatten)]
    leaf: Leaf,
    /// The moment from which on it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_from: Option<String>,
    /// True if it has a new key.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_key: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
}

/// The changes compared with the previous certificate.
#[derive(Serialize, JsonSchema)]
struct Changes {
    /// Names.
    added: Vec<String>,
    /// Names.
    removed: Vec<String>,
    lifetime: Option<String>,
    key_type: Option<String>,
}

pub(crate) fn report(renewal: &Renewal<'_>, now: OffsetDateTime) -> Report {
    let mut report = Report::new("certs renew");
    let (outcome, style, done) = match renewal.course {
        Course::Renewed(..) => (Outcome::Renewed, Style::Good, "renewed"),
        Course::Unchanged(_) if renewal.policy.change.is_empty() => {
            (Outcome::Unchanged, Style::Good, "nothing is due")
        }
        Course::Unchanged(_) => (Outcome::Unchanged, Style::Good, "nothing to change or renew"),
        Course::WouldRenew(_) => (Outcome::WouldRenew, Style::Strong, "would renew"),
    };
    let directory = renewal.directory;
    lines::title(&mut report, style, done, &format!(" in `{}`", directory.display()));
    let mut restart = None;
    let certificates = match renewal.course {
        Course::Renewed(selected, successors) => {
            restart = Some(who_restarts(selected));
            renewal.renewed(&mut report, (selected, successors), now)
        }
        Course::Unchanged(members) => renewal.unchanged(&mut report, members, now),
        Course::WouldRenew(selected) => renewal.would_renew(&mut report, selected, now),
    };
    lines::findings(&mut report, &renewal.withdrawn);
    report.detail(&Details { outcome, directory: words(directory), certificates, restart });
    report
}

impl Renewal<'_> {
    fn renewed(
        &self,
        report: &mut Report,
        (selected, successors): (&[Selected<'_>], &[Successor]),
        now: OffsetDateTime,
    ) -> Vec<RenewedCertificate> {
        let (mut certificates, mut holders) = (Vec::new(), Vec::new());
        for (Selected { member, difference }, successor) in selected.iter().zip(successors) {
            let (certificate, new_key) = (successor.certificate(), successor.has_new_key());
            let remark = match (new_key, member.has_key()) {
                (true, _) => "new key",
                (false, true) => "same key",
                (false, false) => "same key, which is not here",
            };
            lines::certificate(report, member.name(), certificate, remark, now);
            tell_changes(report, member, difference);
            certificates.push(RenewedCertificate {
                leaf: Leaf::of(self.directory, member, certificate),
                due_from: None,
                new_key: Some(new_key),
                changes: Some(Changes::of(difference)),
            });
            holders.push(lines::holder(self.directory, member.name(), member.role(), (false, new_key)));
        }
        lines::files(report, &holders);
        self.remarks(report, selected);
        let has_server = selected.iter().any(|selected| selected.member.role() == Role::Server);
        let restart = if has_server {
            "a server that reads them only at its start must be restarted, the bridge reloads them by itself"
        } else {
            "the bridge reloads them by itself, restart other programs that do not"
        };
        report.talk.blank().hint(format!(
            "give {} the new files: {restart}. The CA is the same, so the order does not matter",
            enumeration(&who_restarts(selected))
        ));
        certificates
    }

    fn unchanged(
        &self,
        report: &mut Report,
        members: &[&Member],
        now: OffsetDateTime,
    ) -> Vec<RenewedCertificate> {
        for member in members {
            let from = self.policy.due_from(member.certificate());
            let remark = format!("due from {}", when::moment(from, member.certificate()));
            lines::certificate(report, member.name(), member.certificate(), &remark, now);
            self.absent_names(report, member);
        }
        lines::findings(report, &self.findings);
        members.iter().map(|member| self.as_it_is(member, None)).collect()
    }

    fn would_renew(
        &self,
        report: &mut Report,
        selected: &[Selected<'_>],
        now: OffsetDateTime,
    ) -> Vec<RenewedCertificate> {
        report.due = true;
        report.reason = Some(due_words(self.directory, selected));
        for Selected { member, difference } in selected {
            let remark = match self.policy.due_from(member.certificate()) {
                from if from <= now => format!("due since {}", when::moment(from, member.certificate())),
                _ if difference.is_none() => "`--force`".to_owned(),
                from => format!("due from {}", when::moment(from, member.certificate())),
            };
            lines::certificate(report, member.name(), member.certificate(), &remark, now);
            tell_changes(report, member, difference);
        }
        self.remarks(report, selected);
        report.talk.blank().hint("leave `--dry-run` out to do it");
        let changed = |Selected { member, difference }: &Selected<'_>| {
            self.as_it_is(member, Some(Changes::of(difference)))
        };
        selected.iter().map(changed).collect()
    }

    /// What was no change, and what was found.
    fn remarks(&self, report: &mut Report, selected: &[Selected<'_>]) {
        for Selected { member, .. } in selected {
            self.absent_names(report, member);
        }
        lines::findings(report, &self.findings);
    }

    /// A note about names that were to be removed and are not there.
    fn absent_names(&self, report: &mut Report, member: &Member) {
        let absent = self.policy.change.absent(member);
        if !absent.is_empty() {
            let absent = in_backticks(absent);
            let names = texts(&member.certificate().names).join(", ");
            let (path, absent) = (member.path().display(), enumeration(&absent));
            lines::note(report, &format!("`{path}` does not have {absent}; its names are {names}"));
        }
    }

    fn as_it_is(&self, member: &Member, changes: Option<Changes>) -> RenewedCertificate {
        let certificate = member.certificate();
        let due_from = Some(when::timestamp(self.policy.due_from(certificate)));
        let leaf = Leaf::of(self.directory, member, certificate);
        RenewedCertificate { leaf, due_from, new_key: None, changes }
    }
}

impl Changes {
    fn of(difference: &Difference) -> Self {
        Self {
            added: texts(&difference.added),
            removed: texts(&difference.removed),
            lifetime: difference.lifetime.map(|lifetime| lifetime.to_string()),
            key_type: difference.key_type.map(|key_type| key_type.to_string()),
        }
    }
}

/// The changes compared with the previous certificate.
fn tell_changes(report: &mut Report, member: &Member, difference: &Difference) {
    if !difference.is_none() {
        let words = difference.words(member.certificate()).join("; ");
        report.talk.line(
            Line::default().plain("           ").with(Style::Strong, "change:").plain(format!(" {words}")),
        );
    }
}

/// Why the exit code is not 0, in one line.
fn due_words(directory: &Path, selected: &[Selected<'_>]) -> String {
    let names = selected.iter().map(|Selected { member, .. }| format!("`{}`", member.name()));
    let (names, verb) = (names.collect::<Vec<_>>(), if selected.len() == 1 { "is" } else { "are" });
    format!("{} in `{}` {verb} to be renewed", enumeration(&names), directory.display())
}

/// Who presents what was renewed.
fn who_restarts(selected: &[Selected<'_>]) -> Vec<String> {
    let who = |Selected { member, .. }: &Selected<'_>| lines::who(member.name(), member.role());
    selected.iter().map(who).collect()
}

fn texts(names: &[SubjectName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

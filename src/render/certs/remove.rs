//! Certificates that go.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::leaf::Placed;
use super::lines::{self, words};
use crate::pki::member::Member;
use crate::pki::store;
use crate::report::{Finding, Report, Style, enumeration, in_backticks};

/// What `egext certs remove` has taken out of a set, or would take out.
pub(crate) struct Removal {
    pub(crate) directory: PathBuf,
    pub(crate) removed: Vec<Removed>,
    /// Names of certificates that the set does not have.
    pub(crate) absent: Vec<String>,
    /// What could have been named.
    pub(crate) others: Vec<String>,
    pub(crate) is_dry_run: bool,
    pub(crate) findings: Vec<Finding>,
}

/// One of the certificates. What stands in the set may be broken.
pub(crate) struct Removed {
    pub(crate) name: String,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) member: Option<Member>,
}

/// What `egext certs remove` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details<'a> {
    outcome: Outcome,
    /// Of the set.
    directory: String,
    /// What was removed.
    certificates: Vec<RemovedCertificate<'a>>,
    /// Names of certificates that the set does not have.
    absent: &'a [String],
}

/// The result.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "RemoveOutcome")]
enum Outcome {
    Removed,
    Unchanged,
    WouldRemove,
}

/// A certificate that was removed. If it could not be read, only name and files are known.
#[derive(Serialize, JsonSchema)]
struct RemovedCertificate<'a> {
    /// What its files are called.
    name: &'a str,
    #[serde(flatten)]
    place: Option<Placed>,
    files: Vec<String>,
}

pub(crate) fn report(removal: &Removal, now: OffsetDateTime) -> Report {
    let Removal { directory, removed, absent, others, .. } = removal;
    let mut report = Report::new("certs remove");
    let outcome = removal.outcome();
    let names = removed.iter().map(|removed| removed.name.as_str());
    let from = format!(" {} from `{}`", enumeration(&in_backticks(names)), directory.display());
    let none = in_backticks(absent.iter().map(String::as_str)).join(" or ");
    let (style, done, rest) = match outcome {
        Outcome::Removed => (Style::Good, "removed", from),
        Outcome::Unchanged => {
            (Style::Good, "unchanged:", format!(" there is no {none} in `{}`", directory.display()))
        }
        Outcome::WouldRemove => (Style::Strong, "would remove", from),
    };
    lines::title(&mut report, style, done, &rest);
    certificates(&mut report, removal, now);
    if !removed.is_empty() && !absent.is_empty() {
        lines::note(&mut report, &format!("there is no {none}"));
    }
    if !absent.is_empty() && !others.is_empty() {
        let others = enumeration(&in_backticks(others.iter().map(String::as_str)));
        lines::note(&mut report, &format!("of `certs issue` there are {others}"));
    }
    if matches!(outcome, Outcome::Removed) {
        let previous = store::previous(directory);
        let words = format!("the files stay in `{}` until the next change", previous.display());
        lines::note(&mut report, &words);
    }
    lines::findings(&mut report, &removal.findings);
    report.detail(&Details {
        outcome,
        directory: words(directory),
        certificates: removed.iter().map(|removed| removal.certificate(removed)).collect(),
        absent,
    });
    report
}

fn certificates(report: &mut Report, removal: &Removal, now: OffsetDateTime) {
    for Removed { name, member, .. } in &removal.removed {
        if let Some(member) = member {
            let remark = format!("for the {}", member.role());
            lines::certificate(report, name, member.certificate(), &remark, now);
        }
    }
    if !removal.removed.is_empty() {
        let title = if removal.is_dry_run { "to remove" } else { "removed" };
        let files = removal.removed.iter().map(|removed| (title.to_owned(), removed.files.clone()));
        lines::files(report, &files.collect::<Vec<_>>());
    }
}

impl Removal {
    fn outcome(&self) -> Outcome {
        match (self.removed.is_empty(), self.is_dry_run) {
            (true, _) => Outcome::Unchanged,
            (false, true) => Outcome::WouldRemove,
            (false, false) => Outcome::Removed,
        }
    }

    fn certificate<'a>(&self, removed: &'a Removed) -> RemovedCertificate<'a> {
        let Removed { name, files, member } = removed;
        let place = |member: &Member| Placed::of(&self.directory, member, member.certificate());
        RemovedCertificate {
            name,
            place: member.as_ref().map(place),
            files: files.iter().map(|file| words(file)).collect(),
        }
    }
}

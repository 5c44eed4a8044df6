//! `egext certs remove`: removes certificates of `egext certs issue` from the set.

use std::path::{Path, PathBuf};

use serde_json::Value;
use time::OffsetDateTime;

use super::{CertsError, lines};
use crate::cli::CertsRemove;
use crate::pki::SET_FILES;
use crate::pki::edit::{Edit, change};
use crate::pki::member::{self, Member, certificate_file, key_file};
use crate::pki::remarks;
use crate::pki::rotation::replacement;
use crate::pki::store::{self, Snapshot};
use crate::report::{Report, Style, enumeration};

pub(super) fn run(arguments: &CertsRemove, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::new(arguments)?;
    change(&plan.directory, &SET_FILES, plan.dry_run, |set| {
        Ok(Edit::none(plan.report(&set, now)).without(plan.files(&set)))
    })
}

/// What `egext certs remove` was asked to do.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    /// Each once.
    names: Vec<String>,
    dry_run: bool,
}

/// One of the certificates. What stands in the set may be broken.
#[derive(Debug)]
struct Removed<'a> {
    name: &'a str,
    files: Vec<PathBuf>,
    member: Option<Member>,
}

impl Plan {
    fn new(arguments: &CertsRemove) -> Result<Self, CertsError> {
        let CertsRemove { names: typed, dir: directory, dry_run } = arguments;
        let mut names = Vec::new();
        for name in typed.iter().map(|name| name.trim()) {
            refuse_own(name, directory)?;
            refuse_file(name, directory)?;
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(Self { directory: directory.clone(), names, dry_run: *dry_run })
    }

    /// What is there of the certificates.
    fn files(&self, set: &Snapshot) -> Vec<String> {
        let files = self.names.iter().flat_map(|name| [certificate_file(name), key_file(name)]);
        files.filter(|file| set.has(file)).collect()
    }

    /// `set` is the one before.
    fn report(&self, set: &Snapshot, now: OffsetDateTime) -> Report {
        let removed = self.removed(set);
        let is_there = |name: &&String| removed.iter().any(|removed| removed.name == *name);
        let absent = self.names.iter().filter(|name| !is_there(name)).collect::<Vec<_>>();
        let none = absent.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        let names = removed.iter().map(|removed| format!("`{}`", removed.name)).collect::<Vec<_>>();
        let mut report = Report::new("certs remove");
        let directory = self.directory.display();
        let (outcome, style, done, rest) = match (removed.is_empty(), self.dry_run) {
            (true, _) => {
                let rest = format!(" there is no {none} in `{directory}`");
                ("unchanged", Style::Good, "unchanged:", rest)
            }
            (false, true) => {
                let rest = format!(" {} from `{directory}`", enumeration(&names));
                ("would-remove", Style::Strong, "would remove", rest)
            }
            (false, false) => {
                let rest = format!(" {} from `{directory}`", enumeration(&names));
                ("removed", Style::Good, "removed", rest)
            }
        };
        lines::title(&mut report, style, done, &rest);
        self.certificates(&mut report, &removed, now);
        let others = self.others(set);
        if !removed.is_empty() && !absent.is_empty() {
            lines::note(&mut report, &format!("there is no {none}"));
        }
        if !absent.is_empty() && !others.is_empty() {
            lines::note(&mut report, &format!("of `certs issue` there are {}", enumeration(&others)));
        }
        if outcome == "removed" {
            let previous = store::previous(&self.directory);
            let words = format!("the files stay in `{}` until the next change", previous.display());
            lines::note(&mut report, &words);
        }
        let members = removed.iter().filter_map(|removed| removed.member.as_ref());
        let replace = replacement(&self.directory);
        let findings =
            members.filter_map(|member| remarks::not_revoked(member, !self.dry_run, &replace, now));
        lines::findings(&mut report, findings.collect());
        report.details.insert("outcome".to_owned(), outcome.into());
        report.details.insert("directory".to_owned(), lines::words(&self.directory).into());
        report.details.insert("certificates".to_owned(), self.objects(&removed));
        report.details.insert("absent".to_owned(), absent.into_iter().map(String::as_str).collect());
        report
    }

    fn removed(&self, set: &Snapshot) -> Vec<Removed<'_>> {
        let removed = self.names.iter().map(|name| {
            let files = [certificate_file(name), key_file(name)].into_iter().filter(|file| set.has(file));
            let files = files.map(|file| self.directory.join(file)).collect();
            Removed { name, files, member: Member::load(set, name).ok() }
        });
        removed.filter(|removed| !removed.files.is_empty()).collect()
    }

    /// Further certificates that were not named, quoted.
    fn others(&self, set: &Snapshot) -> Vec<String> {
        let others = member::further(set).filter(|further| !self.names.iter().any(|name| name == further));
        others.map(|name| format!("`{name}`")).collect()
    }

    fn certificates(&self, report: &mut Report, removed: &[Removed<'_>], now: OffsetDateTime) {
        for Removed { name, member, .. } in removed {
            if let Some(member) = member {
                lines::certificate(
                    report,
                    name,
                    member.certificate(),
                    &format!("for the {}", member.role()),
                    now,
                );
            }
        }
        if !removed.is_empty() {
            let title = if self.dry_run { "to remove" } else { "removed" };
            let files = removed.iter().map(|removed| (title.to_owned(), removed.files.clone()));
            lines::files(report, &files.collect::<Vec<_>>());
        }
    }

    fn objects(&self, removed: &[Removed<'_>]) -> Value {
        let object = |Removed { name, files, member }: &Removed<'_>| {
            let mut object = match member {
                Some(member) => {
                    let (role, has_key) = (member.role(), member.has_key());
                    lines::object(&self.directory, name, role, member.certificate(), has_key)
                }
                None => serde_json::json!({ "name": name }),
            };
            object["files"] = files.iter().map(|file| lines::words(file)).collect::<Vec<_>>().into();
            object
        };
        removed.iter().map(object).collect::<Vec<_>>().into()
    }
}

/// A set without one of these is none.
fn refuse_own(name: &str, directory: &Path) -> Result<(), CertsError> {
    if name == "ca" || member::is_own(name) {
        return Err(CertsError::ReservedName { name: name.to_owned(), directory: directory.into() });
    }
    Ok(())
}

/// No certificate of `egext certs issue` is called like a file or a path.
fn refuse_file(typed: &str, directory: &Path) -> Result<(), CertsError> {
    let path = Path::new(typed);
    let has_ending = path.extension().is_some_and(|ending| ending == "crt" || ending == "key");
    if !has_ending && !typed.contains('/') {
        return Ok(());
    }
    let name = if has_ending { path.file_stem() } else { path.file_name() };
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    refuse_own(&name, directory)?;
    let (typed, directory) = (typed.to_owned(), directory.into());
    Err(CertsError::FileAsCertificate { typed, name, directory })
}

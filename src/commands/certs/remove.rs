//! `egext certs remove`: removes certificates of `egext certs issue` from the set.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::CertsError;
use crate::cli::CertsRemove;
use crate::pki::SET_FILES;
use crate::pki::edit::{Edit, change};
use crate::pki::member::{self, Member, certificate_file, key_file};
use crate::pki::remarks;
use crate::pki::rotation::replacement;
use crate::pki::store::Snapshot;
use crate::render::certs::remove::{self as rendered, Removal, Removed};
use crate::report::Report;

pub(super) fn run(arguments: &CertsRemove, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = RemovePlan::new(arguments)?;
    let removal = change(&plan.directory, &SET_FILES, plan.dry_run, |set| {
        let files = plan.names.iter().flat_map(|name| plan.files(&set, name)).collect();
        Ok::<_, CertsError>(Edit::none(plan.removal(&set, now)).without(files))
    })?;
    Ok(rendered::report(&removal, now))
}

/// What `egext certs remove` was asked to do.
#[derive(Debug)]
struct RemovePlan {
    directory: PathBuf,
    /// Each once.
    names: Vec<String>,
    dry_run: bool,
}

impl RemovePlan {
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

    /// What is there of a certificate.
    fn files(&self, set: &Snapshot, name: &str) -> Vec<String> {
        [certificate_file(name), key_file(name)].into_iter().filter(|file| set.has(file)).collect()
    }

    /// `set` is the one before.
    fn removal(&self, set: &Snapshot, now: OffsetDateTime) -> Removal {
        let (absent, there): (Vec<_>, Vec<_>) =
            self.names.iter().cloned().partition(|name| self.files(set, name).is_empty());
        let removed = there.into_iter().map(|name| {
            let files = self.files(set, &name).into_iter().map(|file| self.directory.join(file)).collect();
            Removed { files, member: Member::load(set, &name).ok(), name }
        });
        let removed = removed.collect::<Vec<_>>();
        let members = removed.iter().filter_map(|removed| removed.member.as_ref());
        let replace = replacement(&self.directory);
        let findings =
            members.filter_map(|member| remarks::not_revoked(member, !self.dry_run, &replace, now)).collect();
        let others = member::further(set).filter(|further| !self.names.iter().any(|name| name == further));
        let others = others.map(str::to_owned).collect();
        let (directory, is_dry_run) = (self.directory.clone(), self.dry_run);
        Removal { directory, removed, absent, others, is_dry_run, findings }
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

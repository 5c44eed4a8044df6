//! Which users could replace the files?

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Scope;
use crate::pki::set::store::{Untrusted, trust, trust_of};
use crate::report::{Finding, FindingId, Hint as _, Severity};

/// The same for all files of `scope`.
pub(super) fn of(scope: &Scope) -> Vec<Finding> {
    let leaves = scope.leaves.iter().flat_map(|leaf| [leaf.certificate.clone(), leaf.key.clone()]);
    replaceable(scope.paths(), &leaves.collect::<Vec<_>>())
}

/// Could other users put something else in the place of one of these files?
///
/// Each file is looked at, and all that leads to it. One directory is one finding, however many files are in it. Who owns
/// one of the files in `own`, those of a leaf certificate, can replace nothing else by that.
pub fn replaceable<'a>(paths: impl IntoIterator<Item = &'a Path>, own: &[PathBuf]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let look = |path: &'a Path| look(path, own.iter().any(|own| own == path));
    for finding in paths.into_iter().filter_map(look) {
        if !found.iter().any(|known| known.subject == finding.subject) {
            found.push(finding);
        }
    }
    found
}

fn look(path: &Path, is_own: bool) -> Option<Finding> {
    let untrusted = trust(path).err()?;
    if is_own && untrusted.is_of_owner() && is_same(untrusted.path(), path) {
        let mut finding = finding(&untrusted);
        finding.severity = Severity::Info;
        return Some(
            finding.with_hint("this is fine if the program that presents the certificate runs as that user"),
        );
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Root may look at the files of a service, and these are the service's to change.
    let owner = fs::metadata(parent).ok()?.uid();
    Some(match trust_of(path, owner) {
        Err(untrusted) => finding(&untrusted),
        Ok(()) => {
            let mut finding = finding(&untrusted);
            finding.severity = Severity::Warning;
            finding
        }
    })
}

/// Do both lead to one file?
fn is_same(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

fn finding(untrusted: &Untrusted) -> Finding {
    let subject = untrusted.path().display().to_string();
    let finding = Finding::new(FindingId::CertsReplaceable, subject, untrusted.reason());
    match untrusted.hint() {
        Some(hint) => finding.with_hint(hint),
        None => finding,
    }
}

//! Who could put something else in the place of the files?

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::pki::store::{Untrusted, trust, trust_of};
use crate::report::{Finding, Hint as _, Id, Severity};

/// Could other users put something else in the place of one of these files?
///
/// Each file is looked at, and all that leads to it. One directory is one finding, however many files are in it.
pub fn replaceable<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for finding in paths.into_iter().filter_map(look) {
        if !found.iter().any(|known| known.subject == finding.subject) {
            found.push(finding);
        }
    }
    found
}

fn look(path: &Path) -> Option<Finding> {
    let untrusted = trust(path).err()?;
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

fn finding(untrusted: &Untrusted) -> Finding {
    let subject = untrusted.path().display().to_string();
    let finding = Finding::new(Id::CertsReplaceable, subject, untrusted.reason());
    match untrusted.hint() {
        Some(hint) => finding.with_hint(hint),
        None => finding,
    }
}

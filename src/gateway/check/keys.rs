//! What EG does not read: keys, earlier ones of the same name, further documents.

use super::part::{Chart, Misplaced};
use super::{Document, Format, Found, clipped};
use crate::gateway::model::{Ignored, Meant, Twice};
use crate::report::{Finding, FindingId, Severity};

pub(super) fn documents(found: &mut Found<'_>, document: &Document) {
    let Some(place) = document.rest else { return };
    let message =
        format!("EG {} reads the first document of a file only, and this is the second", found.release);
    let finding = Finding::new(FindingId::ConfigDocumentIgnored, found.path, message);
    found.add(place, finding.with_hint("EG takes one file: put what belongs to it into the first document, and a Secret into a file of its own"));
}

/// ai-gateway's own values have had this mistake.
pub(super) fn misplaced(found: &mut Found<'_>, all: &[Misplaced]) {
    for misplaced in all {
        let path = clipped(&misplaced.path);
        let message = format!("the Helm chart of EG ignores `{path}` without a message");
        let hint = match &misplaced.meant {
            Chart::Case(key) => format!("write `{key}`: case counts"),
            Chart::Level(level) => format!("move it into `{}`", clipped(level)),
        };
        found.add(misplaced.place, Finding::new(FindingId::ConfigKeyIgnored, path, message).with_hint(hint));
    }
}

pub(super) fn ignored(found: &mut Found<'_>, all: &[Ignored]) {
    for ignored in all {
        let key = ignored.path.rsplit('.').next().unwrap_or_default();
        let (key, path) = (clipped(key), clipped(&ignored.path));
        let message = format!("EG {} ignores `{path}` without a message", found.release);
        let hint = match &ignored.meant {
            Some(Meant::Counts(other)) => {
                format!("`{other}` is there as well, and counts: take this one out")
            }
            Some(Meant::OtherCase(other)) => format!("write `{other}`: case counts"),
            Some(Meant::Typing(other)) => format!("did you mean `{other}`?"),
            Some(Meant::OtherLevel(level)) if level.is_empty() => {
                format!("`{key}` belongs to the top level of the file: take its indentation away")
            }
            Some(Meant::OtherLevel(level)) => format!("`{key}` belongs to `{level}`: move it there"),
            Some(Meant::Later(since)) => {
                format!(
                    "EG {since} and later read it: `--eg-version {since}` if that is what runs, else take it out"
                )
            }
            Some(Meant::Earlier(until)) => {
                format!("EG {until} was the last release that reads it: take it out")
            }
            None => "EG has no such key here: take it out".to_owned(),
        };
        let mut finding = Finding::new(FindingId::ConfigKeyIgnored, path, message).with_hint(hint);
        if !is_grave(ignored) {
            finding.severity = Severity::Warning;
        }
        found.add(ignored.place, finding);
    }
}

/// Does it concern an extension, or how EG runs? At the top level people keep notes and anchors, too.
fn is_grave(ignored: &Ignored) -> bool {
    let top = ignored.path.split(['.', '[']).next().unwrap_or_default();
    match ignored.path.contains('.') {
        true => ["extensionManager", "extensionManagers", "gateway", "provider"].contains(&top),
        // EG recognises the file all the same.
        false if ["apiVersion", "kind"].iter().any(|key| key.eq_ignore_ascii_case(top)) => false,
        false => ignored.meant.is_some(),
    }
}

pub(super) fn twice(found: &mut Found<'_>, all: &[Twice], format: Format) {
    for twice in all {
        let path = clipped(&twice.path);
        let key = path.rsplit('.').next().unwrap_or_default();
        let message = match format {
            Format::Json => {
                format!("`{path}` stands twice: EG merges it with the one in line {}", twice.last.line)
            }
            Format::Yaml => {
                format!("`{path}` stands twice: EG reads only the one in line {}", twice.last.line)
            }
        };
        let hint = format!("take one `{key}` out");
        found.add(twice.first, Finding::new(FindingId::ConfigKeyTwice, path, message).with_hint(hint));
    }
}

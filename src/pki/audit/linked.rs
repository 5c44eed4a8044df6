//! A file of a set whose link was removed or replaced. The set in `.egext` still has the file.
//!
//! Commands that write do not touch files that they did not make, so a hint that names these commands would not help.

use std::path::Path;

use crate::pki::keys::link::lost_link;
use crate::report::{Check, Finding, FindingId, Severity, State};

/// Lets `checks`, which are about these files, advise to put back those whose links are gone.
pub(super) fn advise(files: [&Path; 2], checks: &mut [Check]) {
    let commands = files.into_iter().filter_map(lost_link).collect::<Vec<_>>();
    if commands.is_empty() {
        return;
    }
    let hint = format!("put back what the set has: `{}`", commands.join(" && "));
    let found = checks.iter_mut().filter_map(|check| match &mut check.state {
        State::Found(findings) => Some(findings),
        State::Passed | State::Skipped(_) => None,
    });
    for finding in found.flatten().filter(|finding| is_cured(finding)) {
        finding.hint = Some(hint.clone());
    }
}

/// Does it say something about the contents of a file?
fn is_cured(finding: &Finding) -> bool {
    let is_of_place = matches!(
        finding.id,
        FindingId::CertsKeyExposed | FindingId::CertsKeyInCertificateFile | FindingId::CertsReplaceable
    );
    (finding.severity == Severity::Error || finding.id == FindingId::CertsKeyMissing) && !is_of_place
}

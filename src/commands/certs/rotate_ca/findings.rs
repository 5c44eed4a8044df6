//! What is worth saying about a step, and about a set between two steps.

use time::OffsetDateTime;

use super::StepPlan;
use crate::pki::authority::Authority;
use crate::pki::change::{ANOTHER_CA, rotation_command};
use crate::pki::check::untimely;
use crate::pki::member::{Member, Successor};
use crate::pki::remarks;
use crate::pki::rotation::{Rotation, Verb};
use crate::report::Finding;

/// Certificates that are not valid now; what else is to be told of.
pub(super) fn of_status(rotation: &Rotation, now: OffsetDateTime) -> [Vec<Finding>; 2] {
    let Rotation { ca, members, next, .. } = rotation;
    let late = next.as_ref().and_then(|next| untimely(&next.file, &next.summary, now));
    let another = rotation_command("prepare", rotation.activate_flags(), rotation.set().directory());
    let late = late.map(|finding| finding.with_hint(format!("prepare another CA in its place: {another}")));
    [
        remarks::untimely_now((&ca.path, &ca.summary), members, &rotation.replacement(), now),
        late.into_iter().chain(kept(rotation)).collect(),
    ]
}

/// CA keys that nothing can make again, and that the user may want to have elsewhere only; certificates that no step
/// issues anew.
pub(super) fn kept(rotation: &Rotation) -> Vec<Finding> {
    let mut findings = remarks::kept_ca_keys(rotation.set().directory());
    findings.extend(remarks::withdrawn(rotation.set()));
    findings
}

impl StepPlan {
    /// About the step that made `successors`, or would have. `rotation` is as it is now, `named` the CA that was named.
    pub(super) fn findings(
        &self,
        rotation: &Rotation,
        successors: &[Successor],
        named: Option<&Authority>,
    ) -> Vec<Finding> {
        let mut findings = self.cut(rotation, successors);
        let dropped = rotation.members.iter().zip(successors.iter().map(Successor::dropped));
        findings.extend(remarks::not_kept(&self.directory, dropped));
        if let Verb::Prepare { .. } = self.verb {
            findings.extend(named.iter().flat_map(|named| named.findings()).cloned());
            findings.extend(rotation.namesakes());
        }
        findings.extend(kept(rotation));
        findings
    }

    /// What the new CA cuts short: it can still be changed before it signs.
    fn cut(&self, rotation: &Rotation, successors: &[Successor]) -> Vec<Finding> {
        let flags = match &self.other {
            Some(_) => ANOTHER_CA.to_owned(),
            None => format!("--ca-lifetime SPAN {}", self.passphrase_flag()),
        };
        let prepare = rotation_command("prepare", flags.trim_end(), &self.directory);
        let is_prepared = matches!(self.verb, Verb::Prepare { .. });
        let hint = match is_prepared {
            true => format!("{prepare} prepares one that expires later in its place"),
            false => format!("after `finish`, {prepare} begins to replace the CA by one that expires later"),
        };
        let names = rotation.members.iter().map(Member::name);
        let issued = names.zip(successors.iter().map(Successor::issued));
        let mut findings = remarks::cut_short(&self.directory, issued, &hint);
        for finding in findings.iter_mut().filter(|_| is_prepared) {
            finding.message = format!("after `activate`, {}", finding.message);
        }
        findings
    }
}

//! What is good to know about a step, and nothing of its course.

use super::{Outcome, Progress};
use crate::commands::certs::lines;
use crate::commands::certs::rotate_ca::Plan;
use crate::pki::change::ANOTHER_CA;
use crate::pki::member::{Member, Successor};
use crate::pki::remarks;
use crate::pki::rotation::Verb;
use crate::report::{Finding, Report};

impl Progress {
    /// What is good to know about the CA that was named, and about lifetimes that it cuts short.
    pub(super) fn remarks(&self, report: &mut Report, plan: &Plan, outcome: Outcome<'_>) {
        let (successors, named) = match outcome {
            Outcome::Done { successors, named, .. } | Outcome::Dry { successors, named } => {
                (successors, named)
            }
            Outcome::Unchanged => return lines::findings(report, self.kept()),
        };
        match (&plan.verb, &plan.other) {
            (Verb::Prepare { .. }, Some(_)) => lines::note(report, lines::ALL_CLIENTS_OF_THE_CA),
            (Verb::Activate, Some((certificate, key))) => {
                let passphrase = plan.passphrase.as_deref();
                lines::note(report, &lines::ca_key_elsewhere(certificate, key, passphrase));
            }
            _ => {}
        }
        let mut findings = self.cut(plan, successors);
        let dropped = self.rotation.members.iter().zip(successors.iter().map(Successor::dropped));
        findings.extend(remarks::not_kept(&self.directory, dropped));
        if let (Verb::Prepare { .. }, Some(named)) = (&plan.verb, named) {
            findings.extend(named.findings().iter().cloned());
        }
        if let Verb::Prepare { .. } = plan.verb {
            findings.extend(self.rotation.namesakes());
        }
        findings.extend(self.kept());
        lines::findings(report, findings);
    }

    /// CA keys that nothing can make again, and that the user may want to have elsewhere only; certificates that no step
    /// issues anew.
    pub(super) fn kept(&self) -> Vec<Finding> {
        let mut findings = remarks::kept_ca_keys(&self.directory);
        findings.extend(remarks::withdrawn(self.rotation.set()));
        findings
    }

    /// What the new CA cuts short: it can still be changed before it signs.
    fn cut(&self, plan: &Plan, successors: &[Successor]) -> Vec<Finding> {
        let flags = match (&plan.other, plan.passphrase_flag()) {
            (Some(_), _) => ANOTHER_CA.to_owned(),
            (None, passphrase) => format!("--ca-lifetime SPAN {passphrase}"),
        };
        let (is_prepared, prepare) =
            (matches!(plan.verb, Verb::Prepare { .. }), self.command("prepare", flags.trim_end()));
        let hint = match is_prepared {
            true => format!("{prepare} prepares one that expires later in its place"),
            false => format!("after `finish`, {prepare} begins to replace the CA by one that expires later"),
        };
        let names = self.rotation.members.iter().map(Member::name);
        let issued = names.zip(successors.iter().map(Successor::issued));
        let mut findings = remarks::cut_short(&self.directory, issued, &hint);
        for finding in findings.iter_mut().filter(|_| is_prepared) {
            finding.message = format!("after `activate`, {}", finding.message);
        }
        findings
    }
}

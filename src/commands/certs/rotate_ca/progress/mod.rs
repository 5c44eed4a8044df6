mod remarks;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Plan;
use crate::commands::certs::lines;
use crate::pki::authority::Authority;
use crate::pki::change::rotation_command;
use crate::pki::member::{Member, Successor};
use crate::pki::remarks::untimely_now;
use crate::pki::rotation::{Next, Phase, Rotation, RotationError, Verb};
use crate::pki::{CA_CERTIFICATE_FILE, check, when};
use crate::report::{Line, Report, Style};

/// How far it is, and where.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) directory: PathBuf,
    pub(super) rotation: Rotation,
}

/// What came of a step.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    /// It was made, by these new leafs, with the CA that was named.
    Done { successors: &'a [Successor], named: Option<&'a Authority>, before: &'a Rotation },
    /// It could be made.
    Dry { successors: &'a [Successor], named: Option<&'a Authority> },
    /// It was made before.
    Unchanged,
}

impl Outcome<'_> {
    /// In JSON.
    const fn name(self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Dry { .. } => "dry-run",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Progress {
    pub(super) fn read(directory: &Path) -> Result<Self, RotationError> {
        Ok(Self { directory: directory.into(), rotation: Rotation::load(directory)? })
    }

    pub(super) fn status(&self, now: OffsetDateTime) -> Report {
        let mut report = Report::new("certs rotate-ca status");
        let (style, words) = match self.rotation.phase {
            Phase::Activated => {
                (Style::Strong, "activated: the new CA signs, and the old one is still trusted")
            }
            Phase::Idle if self.rotation.is_due(now) => (Style::Warn, "the CA should be replaced"),
            Phase::Idle => (Style::Good, "no rotation is under way"),
            Phase::Prepared => {
                (Style::Strong, "prepared: the new CA is trusted, and the old one still signs")
            }
        };
        lines::title(&mut report, style, words, "");
        let mut report = self.told(report, self.rotation.activate_flags(), now);
        let Rotation { ca, members, next, .. } = &self.rotation;
        let late = next.as_ref().and_then(|next| check::untimely(&next.file, &next.summary, now));
        let untimely = untimely_now((&ca.path, &ca.summary), members, &self.rotation.replacement(), now);
        lines::findings(&mut report, untimely);
        let another = self.command("prepare", self.rotation.activate_flags());
        let late =
            late.map(|finding| finding.with_hint(format!("prepare another CA in its place: {another}")));
        lines::findings(&mut report, late.into_iter().chain(self.kept()).collect());
        report
    }

    pub(super) fn report(&self, plan: &Plan, outcome: Outcome<'_>, now: OffsetDateTime) -> Report {
        let command = match plan.verb {
            Verb::Prepare { .. } => "certs rotate-ca prepare",
            Verb::Activate => "certs rotate-ca activate",
            Verb::Finish { .. } => "certs rotate-ca finish",
        };
        let mut report = Report::new(command);
        let (style, done) = self.title(plan, outcome);
        lines::title(&mut report, style, &done, &format!(" in `{}`", self.directory.display()));
        report.details.insert("outcome".to_owned(), outcome.name().into());
        let mut report = self.told(report, &self.activate_flags(plan), now);
        match (&plan.verb, outcome) {
            (Verb::Finish { .. }, Outcome::Done { before, .. }) if before.phase == Phase::Activated => {
                self.bundle(&mut report);
                report.talk.blank().hint(if before.retires_only_own() {
                    "give both sides the new `ca.crt` and restart them: after that the old CA's key is worthless and can be deleted"
                } else {
                    "give both sides the new `ca.crt` and restart them: after that nothing here needs the old CA"
                });
            }
            // Both sides trust the root already, so that there is nothing to finish.
            (Verb::Activate, Outcome::Done { .. }) if self.rotation.phase == Phase::Idle => {
                self.holders(&mut report);
                report.talk.blank().hint(
                    "give both sides their new files and restart them, in any order: they trust the root already, so `finish` is not needed",
                );
            }
            (_, Outcome::Dry { .. }) => drop(report.talk.blank().hint("leave `--dry-run` out to do it")),
            _ => {}
        }
        if let (Verb::Activate, Outcome::Done { successors, .. }) = (&plan.verb, outcome) {
            self.issued(&mut report, successors);
        }
        if let (Verb::Activate, Outcome::Dry { .. }, Some(ca)) =
            (&plan.verb, outcome, self.rotation.foreign_key())
        {
            let words = format!("the key of `{ca}`, which `egext` did not make, would be kept in `.egext`");
            lines::note(&mut report, &words);
        }
        self.remarks(&mut report, plan, outcome);
        report
    }

    fn title(&self, plan: &Plan, outcome: Outcome<'_>) -> (Style, String) {
        let named = match outcome {
            Outcome::Done { named, .. } | Outcome::Dry { named, .. } => named,
            Outcome::Unchanged => None,
        };
        let name = named.map(|named| format!("`{}`", named.certificate().subject));
        let (style, words) = match (&plan.verb, outcome, &name) {
            (verb, Outcome::Unchanged, _) => {
                return (Style::Good, format!("unchanged: `{}` was done already", verb.name()));
            }
            (Verb::Prepare { .. }, Outcome::Dry { .. }, None) => {
                (Style::Strong, "would make a new CA and trust it too".to_owned())
            }
            (Verb::Prepare { .. }, Outcome::Dry { .. }, Some(name)) => {
                (Style::Strong, format!("would trust {name} too, which can issue all certificates"))
            }
            (Verb::Activate, Outcome::Dry { .. }, _) => {
                (Style::Strong, "would issue all certificates by the new CA".to_owned())
            }
            (Verb::Finish { .. }, Outcome::Dry { .. }, _) if self.rotation.phase == Phase::Idle => {
                (Style::Strong, "would remove the keys of CAs that sign no longer".to_owned())
            }
            (Verb::Finish { .. }, Outcome::Done { before, .. }, _) if before.phase == Phase::Idle => {
                (Style::Good, "removed the keys of CAs that sign no longer".to_owned())
            }
            (Verb::Finish { .. }, Outcome::Dry { .. }, _) => {
                (Style::Strong, "would no longer trust the old CA".to_owned())
            }
            (Verb::Prepare { .. }, Outcome::Done { before, .. }, None) if before.phase == Phase::Prepared => {
                (Style::Good, "made a new CA in place of the one that was prepared".to_owned())
            }
            (Verb::Prepare { .. }, _, None) => {
                (Style::Good, "made a new CA, which is trusted too".to_owned())
            }
            (Verb::Prepare { .. }, _, Some(name)) if self.is_trusted_already() => {
                (Style::Good, format!("{name} signs after `activate`"))
            }
            (Verb::Prepare { .. }, _, Some(name)) => (Style::Good, format!("{name} is trusted too")),
            (Verb::Activate, ..) => (Style::Good, "issued all certificates by the new CA".to_owned()),
            (Verb::Finish { .. }, ..) => (Style::Good, "the old CA is no longer trusted".to_owned()),
        };
        (style, words)
    }

    /// `activate` are the flags of that step, if it is the next one.
    fn told(&self, mut report: Report, activate: &str, now: OffsetDateTime) -> Report {
        let Rotation { phase, ca, next, retiring, others, .. } = &self.rotation;
        let signer = self.rotation.signer();
        let remark = match signer.subject == ca.summary.subject {
            true => "signs".to_owned(),
            false => format!("signs, below the root `{}`", ca.summary.subject),
        };
        lines::certificate(&mut report, "CA", signer, &remark, now);
        if let Some(next) = next {
            lines::certificate(&mut report, "next", &next.summary, &self.remark(next), now);
        }
        for old in retiring {
            lines::certificate(&mut report, "old", old, "trusted until `finish`", now);
        }
        for other in others {
            lines::certificate(&mut report, "also", other, "trusted too, and no part of a rotation", now);
        }
        self.details(&mut report, now);
        match (phase, next) {
            (Phase::Activated, _) => {
                self.holders(&mut report);
                report.talk.blank().hint(format!(
                    "give both sides their new files and restart them, in any order; when neither side presents a certificate of the old \
                     CA any longer: {}",
                    self.command("finish", "")
                ));
            }
            (Phase::Prepared, Some(next)) if next.is_timely(now) => {
                let activate = self.command("activate", activate);
                if self.rotation.has_root_of(next) {
                    report.talk.blank().hint(format!("both sides trust its root already: {activate}"));
                } else {
                    self.bundle(&mut report);
                    report.talk.blank().hint(format!(
                        "give both sides the new `ca.crt` and restart them, in any order; once both trust both CAs: {activate}"
                    ));
                }
            }
            (Phase::Prepared, _) => {}
            (Phase::Idle, _) => self.beginning(&mut report, now),
        }
        report
    }

    /// When to begin, and how.
    fn beginning(&self, report: &mut Report, now: OffsetDateTime) {
        let prepare = self.command("prepare", self.rotation.prepare_flags());
        let (end, due_from) = (self.rotation.end(), self.rotation.due_from());
        if end <= now {
            report.talk.blank().hint(format!("the CA expired {}: {prepare}", when::distance(end, now)));
        } else if due_from <= now {
            report.talk.blank().hint(format!(
                "the CA expires {}, and would cut the life of what it issues short: {prepare}",
                when::distance(end, now)
            ));
        } else {
            let day = when::moment(due_from, &self.rotation.ca.summary);
            let words = format!("           begin with {prepare} from {day} on");
            report.talk.line(Line::default().with(Style::Dim, words));
        }
    }

    fn remark(&self, next: &Next) -> String {
        let is_root = next.summary.subject == next.root.subject;
        match (self.rotation.has_root_of(next), is_root) {
            (true, _) => "signs after `activate`".to_owned(),
            (false, true) => "trusted, and signs after `activate`".to_owned(),
            (false, false) => {
                format!("its root `{}` is trusted, and it signs after `activate`", next.root.subject)
            }
        }
    }

    /// The certificates that the new CA has issued, for a program.
    fn issued(&self, report: &mut Report, successors: &[Successor]) {
        let pairs = self.rotation.members.iter().zip(successors);
        let object = |(member, successor): (&Member, &Successor)| {
            lines::object(
                &self.directory,
                member.name(),
                member.role(),
                successor.certificate(),
                member.has_key(),
            )
        };
        report.details.insert("certificates".to_owned(), pairs.map(object).collect::<Vec<_>>().into());
        let holders = self.rotation.members.iter().map(|member| lines::who(member.name(), member.role()));
        report.details.insert("restart".to_owned(), holders.collect::<Vec<_>>().into());
    }

    fn details(&self, report: &mut Report, now: OffsetDateTime) {
        let Rotation { phase, ca, next, .. } = &self.rotation;
        let details = &mut report.details;
        details.insert("directory".to_owned(), lines::words(&self.directory).into());
        details.insert("phase".to_owned(), phase.name().into());
        details.insert("next".to_owned(), self.rotation.next_step(now).map_or(Value::Null, Into::into));
        details.insert("signs".to_owned(), self.rotation.signer().subject.as_str().into());
        details.insert("root".to_owned(), ca.summary.subject.as_str().into());
        details.insert("prepared".to_owned(), next.as_ref().map_or(Value::Null, prepared));
        details.insert("trusted".to_owned(), self.rotation.trusted().into());
        details.insert("due_from".to_owned(), when::timestamp(self.rotation.due_from()).into());
    }

    fn is_trusted_already(&self) -> bool {
        self.rotation.next.as_ref().is_some_and(|next| self.rotation.has_root_of(next))
    }

    fn bundle(&self, report: &mut Report) {
        let bundle = self.directory.join(CA_CERTIFICATE_FILE);
        lines::files(report, &[("to both sides".to_owned(), vec![bundle])]);
    }

    fn holders(&self, report: &mut Report) {
        let holder = |member: &Member| {
            lines::holder(&self.directory, member.name(), member.role(), (true, member.has_key()))
        };
        lines::files(report, &self.rotation.members.iter().map(holder).collect::<Vec<_>>());
    }

    /// What `activate` needs for the CA that is prepared, with the files that were named.
    fn activate_flags(&self, plan: &Plan) -> String {
        match (&self.rotation.next, plan.ca_flags(), plan.passphrase_flag()) {
            (Some(next), Some(files), _) if !next.has_key => files,
            (Some(next), _, passphrase) if next.is_encrypted && !passphrase.is_empty() => passphrase,
            _ => self.rotation.activate_flags().to_owned(),
        }
    }

    fn command(&self, step: &str, flags: &str) -> String {
        rotation_command(step, flags, &self.directory)
    }
}

fn prepared(next: &Next) -> Value {
    json!({
        "subject": next.summary.subject.as_str(),
        "root": next.root.subject.as_str(),
        "not_after": when::timestamp(next.summary.not_after),
        "key_stored": next.has_key,
    })
}

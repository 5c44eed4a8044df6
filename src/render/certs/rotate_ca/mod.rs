//! How far the rotation of a CA has come, and what a step came to.

mod details;

pub(crate) use details::{ActivateDetails, StatusDetails, StepDetails};

use time::OffsetDateTime;

use super::lines;
use crate::pki::authority::Authority;
use crate::pki::change::rotation_command;
use crate::pki::member::{Member, Successor};
use crate::pki::rotation::{Next, Phase, Rotation, Verb};
use crate::pki::{CA_CERTIFICATE_FILE, when};
use crate::report::{Finding, Line, Report, Style};

/// A step of a rotation.
pub(crate) struct Step<'a> {
    pub(crate) verb: &'a Verb,
    pub(crate) outcome: Outcome<'a>,
    /// As it is now.
    pub(crate) rotation: &'a Rotation,
    /// The CA that was named.
    pub(crate) named: Option<&'a Authority>,
    /// What names it on the command line.
    pub(crate) ca_flags: Option<String>,
    /// What `activate` needs, if that is the next step.
    pub(crate) activate_flags: String,
    pub(crate) findings: Vec<Finding>,
}

/// What came of a step.
#[derive(Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// It was made: these are the new leaf certificates.
    Done { successors: &'a [Successor], before: &'a Rotation },
    /// It could be made.
    Dry,
    /// It was made before.
    Unchanged,
}

/// How far a rotation has come, and what is wrong with its certificates and otherwise.
pub(crate) fn status(rotation: &Rotation, findings: [&[Finding]; 2], now: OffsetDateTime) -> Report {
    let mut report = Report::new("certs rotate-ca status");
    let (style, words) = match rotation.phase {
        Phase::Activated => (Style::Strong, "activated: the new CA signs, and the old one is still trusted"),
        Phase::Idle if rotation.is_due(now) => (Style::Warn, "the CA should be replaced"),
        Phase::Idle => (Style::Good, "no rotation is under way"),
        Phase::Prepared => (Style::Strong, "prepared: the new CA is trusted, and the old one still signs"),
    };
    lines::title(&mut report, style, words, "");
    tell(&mut report, rotation, rotation.activate_flags(), now);
    for findings in findings {
        lines::findings(&mut report, findings);
    }
    report.detail(&StatusDetails::of(rotation, now));
    report
}

pub(crate) fn report(step: &Step<'_>, now: OffsetDateTime) -> Report {
    let Step { verb, outcome, rotation, .. } = *step;
    let mut report = Report::new(match verb {
        Verb::Prepare { .. } => "certs rotate-ca prepare",
        Verb::Activate => "certs rotate-ca activate",
        Verb::Finish { .. } => "certs rotate-ca finish",
    });
    let (style, done) = step.title();
    let place = format!(" in `{}`", rotation.set().directory().display());
    lines::title(&mut report, style, &done, &place);
    tell(&mut report, rotation, &step.activate_flags, now);
    match (verb, outcome) {
        (Verb::Finish { .. }, Outcome::Done { before, .. }) if before.phase == Phase::Activated => {
            bundle(&mut report, rotation);
            report.talk.blank().hint(if before.retires_only_own() {
                "give both sides the new `ca.crt`: the bridge reloads it by itself, restart other programs that do not. After that the old CA's key is worthless and can be deleted"
            } else {
                "give both sides the new `ca.crt`: the bridge reloads it by itself, restart other programs that do not. After that nothing here needs the old CA"
            });
        }
        // Both sides trust the root already, so that there is nothing to finish.
        (Verb::Activate, Outcome::Done { .. }) if rotation.phase == Phase::Idle => {
            holders(&mut report, rotation);
            report.talk.blank().hint(
                "give both sides their new files, in any order: the bridge reloads them by itself, restart other programs that do not. They trust the root already, so `finish` is not needed",
            );
        }
        (_, Outcome::Dry) => drop(report.talk.blank().hint("leave `--dry-run` out to do it")),
        _ => {}
    }
    for note in step.notes() {
        lines::note(&mut report, &note);
    }
    lines::findings(&mut report, &step.findings);
    match verb {
        Verb::Activate => report.detail(&ActivateDetails::of(step, now)),
        Verb::Finish { .. } | Verb::Prepare { .. } => report.detail(&StepDetails::of(step, now)),
    }
    report
}

impl Step<'_> {
    fn title(&self) -> (Style, String) {
        let style = if let Outcome::Dry = self.outcome { Style::Strong } else { Style::Good };
        let name = self.named.map(|named| format!("`{}`", named.certificate().subject));
        let words = match (self.verb, self.outcome, name) {
            (verb, Outcome::Unchanged, _) => format!("unchanged: `{}` was done already", verb.name()),
            (Verb::Prepare { .. }, Outcome::Dry, None) => "would make a new CA and trust it too".to_owned(),
            (Verb::Prepare { .. }, Outcome::Dry, Some(name)) => {
                format!("would trust {name} too, which can issue all certificates")
            }
            (Verb::Prepare { .. }, Outcome::Done { before, .. }, None) if before.phase == Phase::Prepared => {
                "made a new CA in place of the one that was prepared".to_owned()
            }
            (Verb::Prepare { .. }, _, None) => {
                "made a new CA, trusted in addition to the old one,".to_owned()
            }
            (Verb::Prepare { .. }, _, Some(name)) if self.is_trusted_already() => {
                format!("{name} signs after `activate`")
            }
            (Verb::Prepare { .. }, _, Some(name)) => format!("{name} is trusted too"),
            (Verb::Activate, Outcome::Dry, _) => "would issue all certificates from the new CA".to_owned(),
            (Verb::Activate, ..) => "issued all certificates from the new CA".to_owned(),
            (Verb::Finish { .. }, Outcome::Dry, _) if self.rotation.phase == Phase::Idle => {
                "would remove the keys of CAs that no longer sign".to_owned()
            }
            (Verb::Finish { .. }, Outcome::Dry, _) => "would no longer trust the old CA".to_owned(),
            (Verb::Finish { .. }, Outcome::Done { before, .. }, _) if before.phase == Phase::Idle => {
                "removed the keys of CAs that no longer sign".to_owned()
            }
            (Verb::Finish { .. }, ..) => "the old CA is no longer trusted".to_owned(),
        };
        (style, words)
    }

    /// What is good to know about the CA that was named, and about one that goes.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let (Verb::Activate, Outcome::Dry, Some(ca)) =
            (self.verb, self.outcome, self.rotation.foreign_key())
        {
            notes.push(format!("the key of `{ca}`, which `egext` did not make, would be kept in `.egext`"));
        }
        match (self.verb, self.outcome, &self.ca_flags) {
            (_, Outcome::Unchanged, _) => {}
            (Verb::Prepare { .. }, _, Some(_)) => notes.push(lines::ALL_CLIENTS_OF_THE_CA.to_owned()),
            (Verb::Activate, _, Some(flags)) => notes.push(lines::ca_key_elsewhere(flags)),
            _ => {}
        }
        notes
    }

    fn is_trusted_already(&self) -> bool {
        self.rotation.next.as_ref().is_some_and(|next| self.rotation.has_root_of(next))
    }
}

/// `activate` are the flags of that step, if it is the next one.
fn tell(report: &mut Report, rotation: &Rotation, activate: &str, now: OffsetDateTime) {
    let Rotation { phase, ca, next, retiring, others, .. } = rotation;
    let signer = rotation.signer();
    let remark = match signer.subject == ca.summary.subject {
        true => "signs".to_owned(),
        false => format!("signs, below the root `{}`", ca.summary.subject),
    };
    lines::certificate(report, "CA", signer, &remark, now);
    if let Some(next) = next {
        lines::certificate(report, "next", &next.summary, &what_comes(rotation, next), now);
    }
    for old in retiring {
        lines::certificate(report, "old", old, "trusted until `finish`", now);
    }
    for other in others {
        lines::certificate(report, "also", other, "trusted too, and no part of a rotation", now);
    }
    match (phase, next) {
        (Phase::Activated, _) => {
            holders(report, rotation);
            report.talk.blank().hint(format!(
                "give both sides their new files, in any order: the bridge reloads them by itself, restart other programs that do not. When neither side presents a certificate of the old \
             CA any longer: {}",
                command(rotation, "finish", "")
            ));
        }
        (Phase::Prepared, Some(next)) if next.is_timely(now) => {
            let activate = command(rotation, "activate", activate);
            if rotation.has_root_of(next) {
                report.talk.blank().hint(format!("both sides trust its root already: {activate}"));
            } else {
                bundle(report, rotation);
                report.talk.blank().hint(format!(
                    "give both sides the new `ca.crt`, in any order: the bridge reloads it by itself, restart other programs that do not. Once both trust both CAs: {activate}"
                ));
            }
        }
        (Phase::Prepared, _) => {}
        (Phase::Idle, _) => beginning(report, rotation, now),
    }
}

/// When to begin, and how.
fn beginning(report: &mut Report, rotation: &Rotation, now: OffsetDateTime) {
    let prepare = command(rotation, "prepare", rotation.prepare_flags());
    let (end, due_from) = (rotation.end(), rotation.due_from());
    if end <= now {
        report.talk.blank().hint(format!("the CA expired {}: {prepare}", when::distance(end, now)));
    } else if due_from <= now {
        report.talk.blank().hint(format!(
            "the CA expires {}, and certificates that it issues would expire with it: {prepare}",
            when::distance(end, now)
        ));
    } else {
        let day = when::moment(due_from, &rotation.ca.summary);
        let words = format!("           begin with {prepare} from {day} on");
        report.talk.line(Line::default().with(Style::Dim, words));
    }
}

fn what_comes(rotation: &Rotation, next: &Next) -> String {
    let is_root = next.summary.subject == next.root.subject;
    match (rotation.has_root_of(next), is_root) {
        (true, _) => "signs after `activate`".to_owned(),
        (false, true) => "trusted, and signs after `activate`".to_owned(),
        (false, false) => {
            format!("its root `{}` is trusted, and it signs after `activate`", next.root.subject)
        }
    }
}

fn bundle(report: &mut Report, rotation: &Rotation) {
    let bundle = rotation.set().path(CA_CERTIFICATE_FILE);
    lines::files(report, &[("to both sides".to_owned(), vec![bundle])]);
}

fn holders(report: &mut Report, rotation: &Rotation) {
    let directory = rotation.set().directory();
    let holder =
        |member: &Member| lines::holder(directory, member.name(), member.role(), (true, member.has_key()));
    lines::files(report, &rotation.members.iter().map(holder).collect::<Vec<_>>());
}

fn command(rotation: &Rotation, step: &str, flags: &str) -> String {
    rotation_command(step, flags, rotation.set().directory())
}

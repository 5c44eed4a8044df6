use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{CertsError, lines};
use crate::cli::{CertsRotateCa, Prepare, RotationStep};
use crate::pki::member::{self, Member};
use crate::pki::rotation::{self, NextCa, Phase, Rotation, RotationError};
use crate::pki::{CA_CERTIFICATE_FILE, KeyType, SubjectName, Summary, when};
use crate::report::{Line, Report, Role as Style};
use crate::shell::dir_flag;
use crate::units::Span;

pub(super) fn run(arguments: CertsRotateCa, now: OffsetDateTime) -> Result<Report, CertsError> {
    let (step, arguments) = match arguments.step {
        RotationStep::Status(status) => return Ok(Progress::read(&status.dir)?.status(now)),
        RotationStep::Prepare(Prepare { ca_lifetime, permit, key_type, step }) => {
            let permit = permit.iter().map(|name| name.trim().parse()).collect::<Result<_, _>>()?;
            (Step::Prepare { ca_lifetime, key_type, permit }, step)
        }
        RotationStep::Activate(arguments) => (Step::Activate, arguments),
        RotationStep::Finish(arguments) => (Step::Finish, arguments),
    };
    let (directory, dry_run) = (arguments.dir, arguments.dry_run);
    let passphrase = arguments.ca_key_passphrase_file.as_deref();
    // Before a lock makes anything where there is no set.
    let progress = Progress::read(&directory)?;
    let is_done = step.is_done(&progress)?;
    if dry_run || is_done {
        return Ok(progress.report(&step, if is_done { "unchanged" } else { "dry-run" }, now));
    }
    let store = rotation::open(&directory)?;
    // Another run may have been faster, before the lock was ours.
    let set = member::locked_set(&store, &directory).map_err(RotationError::from)?;
    let progress = Progress { directory: directory.clone(), rotation: Rotation::of(set)? };
    if step.is_done(&progress)? {
        return Ok(progress.report(&step, "unchanged", now));
    }
    let rotation = &progress.rotation;
    match &step {
        Step::Prepare { ca_lifetime, key_type, permit } => {
            let like = NextCa::like(&rotation.ca);
            let plan = NextCa {
                key_type: key_type.unwrap_or(like.key_type),
                lifetime: ca_lifetime.unwrap_or(like.lifetime),
                permit: permit.clone(),
            };
            rotation.prepare(store, &plan, passphrase, now)?;
        }
        Step::Activate => drop(rotation.activate(store, passphrase, now)?),
        Step::Finish => rotation.finish(store)?,
    }
    Ok(Progress::read(&directory)?.report(&step, "done", now))
}

/// What was typed.
#[derive(Debug)]
enum Step {
    Prepare { ca_lifetime: Option<Span>, key_type: Option<KeyType>, permit: Vec<SubjectName> },
    Activate,
    Finish,
}

impl Step {
    const fn name(&self) -> &'static str {
        match self {
            Self::Prepare { .. } => "prepare",
            Self::Activate => "activate",
            Self::Finish => "finish",
        }
    }

    /// Was it made already? Otherwise: may it be made now?
    fn is_done(&self, progress: &Progress) -> Result<bool, RotationError> {
        let under_way = |next| Err(RotationError::UnderWay { directory: progress.directory.clone(), next });
        match (self, progress.rotation.phase) {
            (Self::Prepare { .. }, Phase::Prepared)
            | (Self::Activate, Phase::Activated)
            | (Self::Finish, Phase::Idle) => Ok(true),
            (Self::Prepare { .. }, Phase::Idle)
            | (Self::Activate, Phase::Prepared)
            | (Self::Finish, Phase::Activated) => Ok(false),
            (Self::Prepare { .. }, Phase::Activated) => under_way("finish"),
            (Self::Finish, Phase::Prepared) => under_way("activate"),
            (Self::Activate, Phase::Idle) => {
                Err(RotationError::NotPrepared { directory: progress.directory.clone() })
            }
        }
    }
}

/// How far it is, and where.
#[derive(Debug)]
struct Progress {
    directory: PathBuf,
    rotation: Rotation,
}

impl Progress {
    fn read(directory: &Path) -> Result<Self, RotationError> {
        Ok(Self { directory: directory.into(), rotation: Rotation::load(directory)? })
    }

    fn status(&self, now: OffsetDateTime) -> Report {
        let mut report = Report::new("certs rotate-ca status");
        let (style, words) = match self.rotation.phase {
            Phase::Activated => {
                (Style::Strong, "activated: the new CA signs, and the old one is still trusted")
            }
            Phase::Idle if self.is_due(now) => (Style::Warn, "the CA should be replaced"),
            Phase::Idle => (Style::Good, "no rotation is under way"),
            Phase::Prepared => {
                (Style::Strong, "prepared: the new CA is trusted, and the old one still signs")
            }
        };
        lines::title(&mut report, style, words, "");
        self.told(report, now)
    }

    fn report(&self, step: &Step, outcome: &str, now: OffsetDateTime) -> Report {
        let command = match step {
            Step::Prepare { .. } => "certs rotate-ca prepare",
            Step::Activate => "certs rotate-ca activate",
            Step::Finish => "certs rotate-ca finish",
        };
        let mut report = Report::new(command);
        let place = format!(" in `{}`", self.directory.display());
        let (style, done) = match (step, outcome) {
            (_, "unchanged") => (Style::Good, format!("unchanged: `{}` was done already", step.name())),
            (Step::Prepare { .. }, "dry-run") => {
                (Style::Strong, "would make a new CA and trust it too".to_owned())
            }
            (Step::Activate, "dry-run") => {
                (Style::Strong, "would issue all certificates by the new CA".to_owned())
            }
            (Step::Finish, "dry-run") => (Style::Strong, "would trust the old CA no more".to_owned()),
            (Step::Prepare { .. }, _) => (Style::Good, "made a new CA, which is trusted too".to_owned()),
            (Step::Activate, _) => (Style::Good, "issued all certificates by the new CA".to_owned()),
            (Step::Finish, _) => (Style::Good, "the old CA is trusted no more".to_owned()),
        };
        lines::title(&mut report, style, &done, &place);
        report.details.insert("outcome".to_owned(), outcome.into());
        let mut report = self.told(report, now);
        if matches!(step, Step::Finish) && outcome == "done" {
            let bundle = self.directory.join(CA_CERTIFICATE_FILE);
            lines::files(&mut report, &[("to both sides".to_owned(), vec![bundle])]);
            report.talk.blank().hint("give both sides the new `ca.crt` and restart them: the old CA's key is good for nothing then");
        } else if outcome == "dry-run" {
            report.talk.blank().hint("leave `--dry-run` out to do it");
        }
        report
    }

    /// Who is trusted, what goes where, and which step is next.
    fn told(&self, mut report: Report, now: OffsetDateTime) -> Report {
        let Rotation { phase, ca, next, retiring, .. } = &self.rotation;
        lines::certificate(&mut report, "CA", &ca.summary, "signs", now);
        if let Some(next) = next {
            lines::certificate(&mut report, "next", next, "trusted, and signs after `activate`", now);
        }
        for old in retiring {
            lines::certificate(&mut report, "old", old, "trusted until `finish`", now);
        }
        report.details.insert("directory".to_owned(), lines::words(&self.directory).into());
        report.details.insert("phase".to_owned(), phase.name().into());
        let step = self.next_step(now);
        report.details.insert("next".to_owned(), step.map_or(serde_json::Value::Null, Into::into));
        let name = |summary: &Summary| summary.subject.to_string();
        report.details.insert("signs".to_owned(), name(&ca.summary).into());
        let trusted = [&ca.summary].into_iter().chain(next).chain(retiring).map(name).collect::<Vec<_>>();
        report.details.insert("trusted".to_owned(), trusted.into());
        let command = |step: &str| {
            let place = dir_flag(&self.directory);
            format!("`egext certs rotate-ca {step}{place}`")
        };
        let bundle = self.directory.join(CA_CERTIFICATE_FILE);
        match phase {
            Phase::Activated => {
                self.holders(&mut report);
                report.talk.blank().hint(format!(
                    "give both sides their new files and restart them, in any order; once nobody presents a certificate \
                     of the old CA: {}",
                    command("finish")
                ));
            }
            Phase::Idle if step.is_some() => {
                report.talk.blank().hint(format!(
                    "the CA expires {}, and would cut the life of what it issues short: {}",
                    when::distance(ca.summary.not_after, now),
                    command("prepare")
                ));
            }
            Phase::Idle => {
                let day = when::day(self.rotation.due_from());
                let words = format!("           begin with {} from {day} on", command("prepare"));
                report.talk.line(Line::default().with(Style::Dim, words));
            }
            Phase::Prepared => {
                lines::files(&mut report, &[("to both sides".to_owned(), vec![bundle])]);
                report.talk.blank().hint(format!(
                    "give both sides the new `ca.crt` and restart them, in any order; once both trust both CAs: {}",
                    command("activate")
                ));
            }
        }
        report
    }

    fn holders(&self, report: &mut Report) {
        let holder = |member: &Member| {
            lines::holder(&self.directory, member.name(), member.role(), (true, member.has_key()))
        };
        lines::files(report, &self.rotation.members.iter().map(holder).collect::<Vec<_>>());
    }

    fn next_step(&self, now: OffsetDateTime) -> Option<&'static str> {
        match self.rotation.phase {
            Phase::Activated => Some("finish"),
            Phase::Idle => self.is_due(now).then_some("prepare"),
            Phase::Prepared => Some("activate"),
        }
    }

    fn is_due(&self, now: OffsetDateTime) -> bool {
        self.rotation.due_from() <= now
    }
}

//! `egext certs rotate-ca`: which step, whether it can be made, and what came of it.

mod hints;
mod progress;

use std::path::PathBuf;

use time::OffsetDateTime;

use super::CertsError;
use super::advised::Advised;
use crate::cli::{Activate, CertsRotateCa, Finish, OtherCa, Prepare, RotationStep, Step};
use crate::pki::authority::Authority;
use crate::pki::rotation::{self, NewCa, Phase, PrivateCa, Rotation, RotationError, Wishes};
use crate::pki::{NameError, Passphrase, SubjectName, member, store};
use crate::report::Report;
use progress::{Outcome, Progress};

pub(super) fn run(arguments: CertsRotateCa, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = match arguments.step {
        RotationStep::Status(status) => return Ok(Progress::read(&status.dir)?.status(now)),
        RotationStep::Prepare(prepare) => Plan::try_from(prepare)?,
        RotationStep::Activate(Activate { step, passphrase, other }) => {
            Plan::new(Verb::Activate, step).with(other, passphrase.ca_key_passphrase_file)
        }
        RotationStep::Finish(Finish { step, discard_ca_key: discards }) => {
            Plan::new(Verb::Finish { discards }, step)
        }
    };
    // Before a lock makes anything where there is no set.
    let progress = Progress::read(&plan.directory)?;
    let opened = plan.open(now)?;
    plan.carry_out(&progress, &opened, now).map_err(|error| plan.advised(&progress.rotation, error))
}

/// What was typed.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    verb: Verb,
    /// Certificate and key of a CA that is there already.
    other: Option<(PathBuf, PathBuf)>,
    passphrase: Option<PathBuf>,
    dry_run: bool,
}

#[derive(Debug)]
enum Verb {
    Prepare {
        asked: bool,
        wishes: Wishes,
    },
    Activate,
    Finish {
        /// Also keys of CAs that `egext` did not make.
        discards: bool,
    },
}

/// What the named files hold: read once, since one of them may be stdin.
#[derive(Debug)]
struct Opened {
    named: Option<Authority>,
    /// Of a private CA.
    passphrase: Option<Passphrase>,
}

impl TryFrom<Prepare> for Plan {
    type Error = CertsError;

    fn try_from(prepare: Prepare) -> Result<Self, CertsError> {
        let Prepare { ca_lifetime: lifetime, permit, key_type, private_ca: asked, step, passphrase, other } =
            prepare;
        let permit = permit.iter().map(|name| permitted(name.trim())).collect::<Result<_, _>>()?;
        let verb = Verb::Prepare { asked, wishes: Wishes { key_type, lifetime, permit } };
        Ok(Self::new(verb, step).with(other, passphrase.ca_key_passphrase_file))
    }
}

impl Plan {
    fn new(verb: Verb, step: Step) -> Self {
        Self { directory: step.dir, verb, other: None, passphrase: None, dry_run: step.dry_run }
    }

    fn with(self, OtherCa { ca_cert, ca_key }: OtherCa, passphrase: Option<PathBuf>) -> Self {
        Self { other: ca_cert.zip(ca_key), passphrase, ..self }
    }

    fn open(&self, now: OffsetDateTime) -> Result<Opened, CertsError> {
        let file = self.passphrase.as_deref();
        Ok(match &self.other {
            Some((certificate, key)) => {
                let named = Authority::load(certificate, key, file, now)?;
                Opened { named: Some(named), passphrase: None }
            }
            None => Opened { named: None, passphrase: file.map(Passphrase::read).transpose()? },
        })
    }

    fn carry_out(
        &self,
        progress: &Progress,
        opened: &Opened,
        now: OffsetDateTime,
    ) -> Result<Report, RotationError> {
        let named = opened.named.as_ref();
        if self.is_done(&progress.rotation, opened, now)? {
            return Ok(progress.report(self, Outcome::Unchanged, now));
        }
        if self.dry_run {
            let step = self.step(&progress.rotation, opened, now)?;
            return Ok(progress.report(self, Outcome::Dry(&step, named), now));
        }
        let store = rotation::open(&self.directory)?;
        // Another run may have been faster, before the lock was ours.
        let set = member::locked_set(&store, &self.directory)?;
        let progress = Progress { directory: self.directory.clone(), rotation: Rotation::of(set)? };
        let before = &progress.rotation;
        if self.is_done(before, opened, now)? {
            return Ok(progress.report(self, Outcome::Unchanged, now));
        }
        let successors = self.step(before, opened, now)?.apply(store)?;
        let outcome = Outcome::Done { successors: &successors, named, before };
        Ok(Progress::read(&self.directory)?.report(self, outcome, now))
    }

    /// Was it made already, as it was asked for? Otherwise: may it be made now?
    fn is_done(
        &self,
        rotation: &Rotation,
        opened: &Opened,
        now: OffsetDateTime,
    ) -> Result<bool, RotationError> {
        let under_way = |next, flags: &str| {
            let (directory, flags) = (self.directory.clone(), flags.to_owned());
            Err(RotationError::UnderWay { directory, next, flags })
        };
        match (&self.verb, rotation.phase) {
            // What is prepared and not used yet can be replaced.
            (Verb::Prepare { asked, wishes }, Phase::Prepared) => {
                self.is_prepared(rotation, opened, (*asked, wishes), now)
            }
            (Verb::Prepare { asked, .. }, Phase::Idle) => {
                if opened.named.is_none() && !asked {
                    rotation.refuse_private()?;
                }
                Ok(false)
            }
            (Verb::Finish { discards }, Phase::Idle) => {
                Ok(!discards || store::other_ca_keys(&self.directory)?.is_empty())
            }
            (Verb::Activate, Phase::Prepared) | (Verb::Finish { .. }, Phase::Activated) => Ok(false),
            (Verb::Prepare { .. }, Phase::Activated) => under_way("finish", ""),
            (Verb::Finish { .. }, Phase::Prepared) => under_way("activate", rotation.activate_flags()),
            (Verb::Activate, Phase::Activated | Phase::Idle) => self.is_activated(rotation, opened),
        }
    }

    /// Is what was asked for prepared?
    fn is_prepared(
        &self,
        rotation: &Rotation,
        opened: &Opened,
        (asked, wishes): (bool, &Wishes),
        now: OffsetDateTime,
    ) -> Result<bool, RotationError> {
        match (&opened.named, &rotation.next) {
            (Some(named), Some(next)) => Ok(next.is(named)),
            (None, Some(next)) if !next.has_key && !asked => match self.asked() {
                asked if asked.is_empty() => Ok(true),
                asked => Err(RotationError::NextIsTheirs { asked, ca: next.summary.subject.clone() }),
            },
            _ => rotation.has_prepared(wishes, opened.passphrase.as_ref(), now),
        }
    }

    /// Does the CA that was asked for sign? It must be so where none is prepared.
    fn is_activated(&self, rotation: &Rotation, opened: &Opened) -> Result<bool, RotationError> {
        let is_activated = rotation.phase == Phase::Activated;
        match (&opened.named, &opened.passphrase) {
            (Some(named), _) if is_activated => rotation.refuse_other(named)?,
            // Below the same root there is nothing to finish.
            (Some(named), _) if rotation.is_signed_by(named) => {}
            (None, Some(passphrase)) if is_activated => rotation.refuse_passphrase(passphrase)?,
            (None, None) if is_activated => {}
            _ => return Err(RotationError::NotPrepared { directory: self.directory.clone() }),
        }
        Ok(true)
    }

    /// What it changes; nothing is written yet.
    fn step(
        &self,
        rotation: &Rotation,
        opened: &Opened,
        now: OffsetDateTime,
    ) -> Result<rotation::Step, RotationError> {
        let Opened { named, passphrase } = opened;
        let passphrase = passphrase.as_ref();
        match (&self.verb, named) {
            (Verb::Prepare { .. }, Some(named)) => rotation.prepare(&NewCa::Theirs(named), passphrase, now),
            (Verb::Prepare { wishes, .. }, None) => {
                let PrivateCa { key_type, lifetime, mut permit } = rotation.like(now);
                permit.extend(wishes.permit.iter().cloned());
                let private = PrivateCa {
                    key_type: wishes.key_type.unwrap_or(key_type),
                    lifetime: wishes.lifetime.unwrap_or(lifetime),
                    permit,
                };
                rotation.prepare(&NewCa::Private(private), passphrase, now)
            }
            (Verb::Activate, named) => rotation.activate(named.as_ref(), passphrase, now),
            (Verb::Finish { discards }, _) => rotation.finish(*discards),
        }
    }
}

/// A host name or an IP address: URIs are not constrained, SPIFFE ids neither.
fn permitted(name: &str) -> Result<SubjectName, CertsError> {
    let hint = || format!("leave `{name}` out: name constraints of `egext` permit every URI");
    name.parse().map_err(|error: NameError| match name.contains("://") {
        true => Advised::new(error, hint()).into(),
        false => error.into(),
    })
}

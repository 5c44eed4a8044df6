//! `egext certs rotate-ca`: which step, whether it can be made, and what came of it.

mod progress;

use std::path::PathBuf;

use time::OffsetDateTime;

use super::CertsError;
use crate::cli::{Activate, CertsRotateCa, OtherCa, Prepare, RotationStep, Step};
use crate::pki::authority::Authority;
use crate::pki::member;
use crate::pki::rotation::{self, NewCa, Phase, PrivateCa, Rotation, RotationError};
use crate::pki::{KeyType, SubjectName};
use crate::report::Report;
use crate::units::Span;
use progress::{Outcome, Progress};

pub(super) fn run(arguments: CertsRotateCa, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = match arguments.step {
        RotationStep::Status(status) => return Ok(Progress::read(&status.dir)?.status(now)),
        RotationStep::Prepare(prepare) => Plan::try_from(prepare)?,
        RotationStep::Activate(Activate { step, other }) => Plan::new(Verb::Activate, Some(other), step),
        RotationStep::Finish(step) => Plan::new(Verb::Finish, None, step),
    };
    // Before a lock makes anything where there is no set.
    let progress = Progress::read(&plan.directory)?;
    // Once: a passphrase on stdin cannot be read again.
    let named = plan.named(now)?;
    if plan.is_done(&progress.rotation, named.as_ref())? {
        return Ok(progress.report(&plan, Outcome::Unchanged, now));
    }
    if plan.dry_run {
        let step = plan.step(&progress.rotation, named.as_ref(), now)?;
        return Ok(progress.report(&plan, Outcome::Dry(&step, named.as_ref()), now));
    }
    let store = rotation::open(&plan.directory)?;
    // Another run may have been faster, before the lock was ours.
    let set = member::locked_set(&store, &plan.directory).map_err(RotationError::from)?;
    let progress = Progress { directory: plan.directory.clone(), rotation: Rotation::of(set)? };
    if plan.is_done(&progress.rotation, named.as_ref())? {
        return Ok(progress.report(&plan, Outcome::Unchanged, now));
    }
    let successors = plan.step(&progress.rotation, named.as_ref(), now)?.apply(store)?;
    let outcome = Outcome::Done(&successors, named.as_ref());
    Ok(Progress::read(&plan.directory)?.report(&plan, outcome, now))
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
    Prepare { asked: bool, ca_lifetime: Option<Span>, key_type: Option<KeyType>, permit: Vec<SubjectName> },
    Activate,
    Finish,
}

impl TryFrom<Prepare> for Plan {
    type Error = CertsError;

    fn try_from(prepare: Prepare) -> Result<Self, CertsError> {
        let Prepare { ca_lifetime, permit, key_type, private_ca: asked, step, other } = prepare;
        let permit = permit.iter().map(|name| name.trim().parse()).collect::<Result<_, _>>()?;
        Ok(Self::new(Verb::Prepare { asked, ca_lifetime, key_type, permit }, Some(other), step))
    }
}

impl Plan {
    fn new(verb: Verb, other: Option<OtherCa>, step: Step) -> Self {
        let other = other.and_then(|OtherCa { ca_cert, ca_key }| ca_cert.zip(ca_key));
        let (directory, passphrase, dry_run) = (step.dir, step.ca_key_passphrase_file, step.dry_run);
        Self { directory, verb, other, passphrase, dry_run }
    }

    /// The CA whose files were named.
    fn named(&self, now: OffsetDateTime) -> Result<Option<Authority>, CertsError> {
        let load = |(certificate, key): &(PathBuf, PathBuf)| {
            Authority::load(certificate, key, self.passphrase.as_deref(), now)
        };
        Ok(self.other.as_ref().map(load).transpose()?)
    }

    /// Was it made already? Otherwise: may it be made now?
    fn is_done(&self, rotation: &Rotation, named: Option<&Authority>) -> Result<bool, RotationError> {
        let under_way = |next| Err(RotationError::UnderWay { directory: self.directory.clone(), next });
        match (&self.verb, rotation.phase) {
            // What is prepared and not used yet can be replaced.
            (Verb::Prepare { asked, .. }, Phase::Prepared) => {
                Ok(rotation.next.as_ref().is_some_and(|next| match named {
                    Some(named) => next.is(named),
                    None => next.has_key || !asked,
                }))
            }
            (Verb::Prepare { asked, .. }, Phase::Idle) => {
                if named.is_none() && !asked {
                    rotation.refuse_private()?;
                }
                Ok(false)
            }
            (Verb::Activate, Phase::Activated) | (Verb::Finish, Phase::Idle) => Ok(true),
            (Verb::Activate, Phase::Prepared) | (Verb::Finish, Phase::Activated) => Ok(false),
            (Verb::Prepare { .. }, Phase::Activated) => under_way("finish"),
            (Verb::Finish, Phase::Prepared) => under_way("activate"),
            // Below the same root there is nothing to finish.
            (Verb::Activate, Phase::Idle) if named.is_some_and(|named| rotation.is_signed_by(named)) => {
                Ok(true)
            }
            (Verb::Activate, Phase::Idle) => {
                Err(RotationError::NotPrepared { directory: self.directory.clone() })
            }
        }
    }

    /// What it changes; nothing is written yet.
    fn step(
        &self,
        rotation: &Rotation,
        named: Option<&Authority>,
        now: OffsetDateTime,
    ) -> Result<rotation::Step, RotationError> {
        let passphrase = self.passphrase.as_deref();
        match (&self.verb, named) {
            (Verb::Prepare { .. }, Some(named)) => rotation.prepare(&NewCa::Theirs(named), passphrase, now),
            (Verb::Prepare { ca_lifetime, key_type, permit, .. }, None) => {
                let like = rotation.like();
                let private = PrivateCa {
                    key_type: key_type.unwrap_or(like.key_type),
                    lifetime: ca_lifetime.unwrap_or(like.lifetime),
                    permit: permit.clone(),
                };
                rotation.prepare(&NewCa::Private(private), passphrase, now)
            }
            (Verb::Activate, _) => rotation.activate(named, passphrase, now),
            (Verb::Finish, _) => rotation.finish(),
        }
    }
}

//! Which step of a rotation may be made now, and whether it was made already.

use time::OffsetDateTime;

use super::{NewCa, Phase, PrivateCa, Rotation, RotationError, Step, Wishes};
use crate::pki::Passphrase;
use crate::pki::ca::authority::Authority;
use crate::pki::set::store;

/// A step as it was asked for.
#[derive(Debug)]
pub enum Verb {
    /// Trust another CA, too.
    Prepare {
        /// A private CA is wanted, also in the place of a company's.
        asked: bool,
        /// What it is like.
        wishes: Wishes,
    },
    /// Issue all certificates by it.
    Activate,
    /// Trust the CA before no longer.
    Finish {
        /// Also keys of CAs go that `egext` did not make.
        discards: bool,
    },
}

impl Verb {
    /// As it is typed.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Prepare { .. } => "prepare",
            Self::Activate => "activate",
            Self::Finish { .. } => "finish",
        }
    }
}

/// What was named for a step, and opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// A CA that is there already.
    pub named: Option<Authority>,
    /// Of a private CA.
    pub passphrase: Option<Passphrase>,
}

impl Rotation {
    /// The step whose turn it is, as it is typed. None while the CA need not be replaced.
    pub fn next_step(&self, now: OffsetDateTime) -> Option<&'static str> {
        match self.phase {
            Phase::Activated => Some("finish"),
            Phase::Idle => self.is_due(now).then_some("prepare"),
            Phase::Prepared => {
                let is_late = self.next.as_ref().is_some_and(|next| !next.is_timely(now));
                Some(if is_late { "prepare" } else { "activate" })
            }
        }
    }

    /// Should the present CA be replaced?
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        self.due_from() <= now
    }

    /// What `verb` changes. None if it was made already, as it was asked for.
    ///
    /// # Errors
    /// When it is not the turn of this step, or it cannot be made.
    pub fn step(
        &self,
        verb: &Verb,
        opened: &Opened,
        now: OffsetDateTime,
    ) -> Result<Option<Step>, RotationError> {
        if self.is_done(verb, opened, now)? {
            return Ok(None);
        }
        let Opened { named, passphrase } = opened;
        let passphrase = passphrase.as_ref();
        let step = match (verb, named) {
            (Verb::Prepare { .. }, Some(named)) => self.prepare(&NewCa::Theirs(named), passphrase, now),
            (Verb::Prepare { wishes, .. }, None) => {
                self.prepare(&NewCa::Private(self.wished_for(wishes, now)), passphrase, now)
            }
            (Verb::Activate, named) => self.activate(named.as_ref(), passphrase, now),
            (Verb::Finish { discards }, _) => self.finish(*discards),
        };
        step.map(Some)
    }

    /// A private CA like the one before, but for `wishes`.
    fn wished_for(&self, wishes: &Wishes, now: OffsetDateTime) -> PrivateCa {
        let PrivateCa { key_type, lifetime, mut permit } = self.like(now);
        permit.extend(wishes.permit.iter().cloned());
        let (key_type, lifetime) = (wishes.key_type.unwrap_or(key_type), wishes.lifetime.unwrap_or(lifetime));
        PrivateCa { key_type, lifetime, permit }
    }

    /// Was it made already, as it was asked for? Otherwise: may it be made now?
    fn is_done(&self, verb: &Verb, opened: &Opened, now: OffsetDateTime) -> Result<bool, RotationError> {
        let under_way = |next, flags: &str| {
            let (directory, flags) = (self.set.directory().to_owned(), flags.to_owned());
            Err(RotationError::UnderWay { directory, next, flags })
        };
        match (verb, self.phase) {
            // What is prepared and not used yet can be replaced.
            (Verb::Prepare { asked, wishes }, Phase::Prepared) => {
                self.is_prepared(opened, (*asked, wishes), now)
            }
            (Verb::Prepare { asked, .. }, Phase::Idle) => {
                if opened.named.is_none() && !asked {
                    self.refuse_private()?;
                }
                Ok(false)
            }
            (Verb::Finish { discards }, Phase::Idle) => {
                Ok(!discards || store::other_ca_keys(self.set.directory())?.is_empty())
            }
            (Verb::Activate, Phase::Prepared) | (Verb::Finish { .. }, Phase::Activated) => Ok(false),
            (Verb::Prepare { .. }, Phase::Activated) => under_way("finish", ""),
            (Verb::Finish { .. }, Phase::Prepared) => under_way("activate", self.activate_flags()),
            (Verb::Activate, Phase::Activated | Phase::Idle) => self.is_activated(opened),
        }
    }

    /// Is what was asked for prepared?
    fn is_prepared(
        &self,
        opened: &Opened,
        (asked, wishes): (bool, &Wishes),
        now: OffsetDateTime,
    ) -> Result<bool, RotationError> {
        match (&opened.named, &self.next) {
            (Some(named), Some(next)) => Ok(next.is(named)),
            (None, Some(next)) if !next.has_key && !asked => match wished(wishes, opened) {
                asked if asked.is_empty() => Ok(true),
                asked => Err(RotationError::NextIsTheirs { asked, ca: next.summary.subject.clone() }),
            },
            _ => self.has_prepared(wishes, opened.passphrase.as_ref(), now),
        }
    }

    /// Does the CA that was asked for sign? It must be so where none is prepared.
    fn is_activated(&self, opened: &Opened) -> Result<bool, RotationError> {
        let is_activated = self.phase == Phase::Activated;
        match (&opened.named, &opened.passphrase) {
            (Some(named), _) if is_activated => self.refuse_other(named)?,
            // Below the same root there is nothing to finish.
            (Some(named), _) if self.is_signed_by(named) => {}
            (None, Some(passphrase)) if is_activated => self.refuse_passphrase(passphrase)?,
            (None, None) if is_activated => {}
            _ => {
                return Err(RotationError::NotPrepared { directory: self.set.directory().to_owned() });
            }
        }
        Ok(true)
    }
}

/// What only a private CA can be like.
fn wished(Wishes { key_type, lifetime, permit }: &Wishes, opened: &Opened) -> Vec<&'static str> {
    let asked = [
        ("the type of its key", key_type.is_some()),
        ("its lifetime", lifetime.is_some()),
        ("the names that it permits", !permit.is_empty()),
        ("a passphrase", opened.passphrase.is_some()),
    ];
    asked.into_iter().filter_map(|(words, is_asked)| is_asked.then_some(words)).collect()
}

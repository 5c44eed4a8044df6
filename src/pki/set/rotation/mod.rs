//! Replaces the CA of a set while both sides keep working.
//!
//! ```text
//!            ca.crt       ca.key   leaves by  next CA
//! idle       old          old      old        -
//! prepare    old, new     old      old        new
//! activate   new, old     new      new        -
//! finish     new          new      new        -
//! ```
//!
//! Every peer can trust what the other one presents: before one side presents the first certificate of the new CA, both
//! sides can load a `ca.crt` with both CAs, and the old CA is removed only after its last leaf certificate. Between
//! two steps any amount of time may pass. A step cannot know whether the files have arrived at the other
//! machine; that is why there are three steps and not one.
//!
//! # Why there is no state file
//!
//! A file that says "prepared" can be lost, copied or restored without the certificates that it describes. The
//! certificates themselves show the state: a set that has a next CA is prepared; a set that trusts a CA which signed before is
//! activated. The CAs that go with the rotation are listed as certificates, too, because a user may add others to `ca.crt`,
//! which stay; an entry of the list counts only if `ca.crt` has it. Each step replaces the set once, so there is no state
//! between two rows of the table: a step that was killed has either happened completely or not at all.
//!
//! # Where the second key is stored
//!
//! If `egext` makes the new CA, its key is in the set, under a name that begins with a dot. The store makes no link for such a
//! name in the user's directory, so that the key is not copied to a peer. Every renewal keeps it in the set, it is replaced in
//! the same rename, and `ca.key` is always the key of the first certificate in `ca.crt`. The old
//! CA's key is not needed after `activate`: it stays in the previous set until the next change. It is not
//! needed before either, so a set whose CA key was discarded gets a new CA in the same way. `finish` removes it, unless
//! `egext` did not make that CA: then the store keeps the key, because it cannot be made again, until the user discards
//! it.
//!
//! The key of a company's CA is never stored: `prepare` uses it to prove that it can issue every certificate of the set, and
//! `activate` needs it again. Only the CA's certificate and those above it are kept in between.

mod error;
mod namesakes;
mod next;
mod private;
mod replacement;
mod standing;
mod step;
mod verb;

pub use error::RotationError;
pub use next::{NewCa, Next};
pub use private::{Permission, PrivateCa, Wishes};
pub use replacement::replacement;
pub use standing::{Standing, is_vouched_for, standing};
pub use step::Step;
pub use verb::{Opened, Verb};

use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::ca_bundle::{Bundle, upward};
use super::change::{ANOTHER_CA, Difference};
use super::member::{self, Member, Successor};
use super::renewal::{self, Ca, RenewalError, Selected, Signer};
use super::store::{Forget, Snapshot};
use crate::pki::ca::authority::Authority;
use crate::pki::keys::pem;
use crate::pki::x509::date;
use crate::pki::{CA_KEY_FILE, Certificate, DistinguishedName, IdentityError, NEXT_CA_KEY_FILE, Passphrase};

/// The state of a rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The new CA signs, and the old one is still trusted.
    Activated,
    /// One CA, which signs.
    Idle,
    /// The new CA is trusted, and the old one still signs.
    Prepared,
}

/// The CAs and the leaf certificates of a set, and what they show about a rotation.
#[derive(Debug)]
pub struct Rotation {
    /// What all of it was read from.
    set: Snapshot,
    /// All of `ca.crt`: what signs comes first.
    trusted: Vec<Certificate>,
    /// Those of them that the rotation takes out again.
    temporary: Vec<Certificate>,
    /// How far it has come.
    pub phase: Phase,
    /// What signs, or the root above.
    pub ca: Ca,
    /// What will sign, where it is prepared.
    pub next: Option<Next>,
    /// What has signed before and is still trusted.
    pub retiring: Vec<Certificate>,
    /// What is trusted too, and has nothing to do with a rotation: the user has added it.
    pub others: Vec<Certificate>,
    /// All leaf certificates.
    pub members: Vec<Member>,
}

impl Rotation {
    /// Reads the set in `directory`.
    ///
    /// # Errors
    /// When there is none, or one of its files cannot be used.
    pub fn load(directory: &Path) -> Result<Self, RotationError> {
        Self::of(member::set(directory)?)
    }

    /// The same of a set that is opened already.
    ///
    /// # Errors
    /// When one of its files cannot be used.
    pub fn of(set: Snapshot) -> Result<Self, RotationError> {
        let members = Member::all(&set)?;
        let bundle = Bundle::load(&set, &members)?;
        let next = Next::load(&set)?;
        let in_use = upward(&bundle.certificates);
        let idle = bundle
            .certificates
            .iter()
            .filter(|certificate| next.as_ref().map(Next::anchor) != Some(certificate))
            .filter(|certificate| !in_use.contains(certificate));
        let (mut retiring, mut others) = (Vec::new(), Vec::new());
        for certificate in idle {
            let is_temporary = bundle.temporary.contains(certificate);
            let kept = if is_temporary { &mut retiring } else { &mut others };
            kept.push(certificate.clone());
        }
        let (trusted, temporary) = (bundle.certificates.clone(), bundle.temporary.clone());
        // Its key is not needed: the old CA signs nothing here, and may have none.
        let ca = Ca::of_set(&set, bundle)?;
        let phase = match (&next, retiring.is_empty()) {
            (Some(_), _) => Phase::Prepared,
            (None, false) => Phase::Activated,
            (None, true) => Phase::Idle,
        };
        Ok(Self { set, trusted, temporary, phase, ca, next, retiring, others, members })
    }

    /// When the present CA should be replaced: before it cuts the life of a leaf certificate short. Of those that are meant to
    /// live as long as their CA that would be at birth, so it is not in the first half of the CA's life.
    pub fn due_from(&self) -> OffsetDateTime {
        let longest = self.members.iter().map(|member| member.lifetime(&self.ca.summary)).max();
        let longest = longest.unwrap_or(member::DEFAULT_LIFETIME).duration();
        let half = self.ca.summary.lifetime.unsigned_abs() / 2;
        date::before(self.end(), longest.min(half))
    }

    /// When the first CA expires that a leaf needs.
    pub fn end(&self) -> OffsetDateTime {
        let root = &self.ca.summary;
        self.members.iter().map(|member| member.issuers_end(root)).fold(root.not_after, OffsetDateTime::min)
    }

    /// Makes the new CA, or takes one along, and trusts it in addition to the old one. What was prepared before is replaced.
    ///
    /// # Errors
    /// When it cannot be made, or cannot issue what the set has.
    pub fn prepare(
        &self,
        new: &NewCa<'_>,
        passphrase: Option<&Passphrase>,
        now: OffsetDateTime,
    ) -> Result<Step, RotationError> {
        // Their names go into a new CA, or are tried out with another one.
        renewal::refuse_strangers(&self.members, self.signs(), self.signer_flags())?;
        let (path, key, successors) = match new {
            NewCa::Private(plan) => {
                let (authority, key) = self.make(plan, passphrase, now)?;
                (vec![authority.certificate().clone()], Some(key), self.prove(&authority, now)?)
            }
            NewCa::Theirs(authority) => {
                if self.is_signed_by(authority) {
                    return Err(RotationError::SameCa { ca: authority.certificate().subject.clone() });
                }
                let mut path = authority.intermediates().to_vec();
                path.push(authority.anchor().clone());
                (path, None, self.prove(authority, now)?)
            }
        };
        let mut trusted = self.trusted_at_present();
        let mut temporary = self.temporary.clone();
        temporary.retain(|certificate| trusted.contains(certificate));
        if let Some(anchor) = path.last().filter(|anchor| !trusted.contains(anchor)) {
            trusted.push(anchor.clone());
            temporary.push(anchor.clone());
        }
        let mut step = Step { successors, is_rehearsed: true, ..Step::default() };
        step.trust(&trusted, &temporary);
        step.write(next::CERTIFICATE_FILE, pem::bundle(&path), false);
        match key {
            Some(key) => step.write(NEXT_CA_KEY_FILE, key, true),
            None => step.removed.push(NEXT_CA_KEY_FILE),
        }
        Ok(step)
    }

    /// Lets the new CA reissue all leaf certificates, and still trusts the old one. `named` is the CA that the user has
    /// named; its key is read, not stored.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub fn activate(
        &self,
        named: Option<&Authority>,
        passphrase: Option<&Passphrase>,
        now: OffsetDateTime,
    ) -> Result<Step, RotationError> {
        let Some(next) = &self.next else {
            return Err(RotationError::NotPrepared { directory: self.set.directory().to_owned() });
        };
        let opened;
        let (authority, key) = match named {
            Some(named) => {
                next.refuse_other(named)?;
                (named, None)
            }
            None => {
                let (authority, key) = next.open(&self.set, passphrase, now)?;
                opened = authority;
                (&opened, Some(key))
            }
        };
        let successors = self.successors(self.members.iter(), authority, false, now)?;
        let mut step = Step { successors, ..Step::default() };
        let old = self.trusted.iter().filter(|certificate| *certificate != next.anchor());
        let trusted = [next.anchor()].into_iter().chain(old).cloned().collect::<Vec<_>>();
        step.trust(&trusted, &self.temporary_beside(&trusted));
        step.removed.extend([next::CERTIFICATE_FILE, NEXT_CA_KEY_FILE]);
        match key {
            Some(key) => step.write(CA_KEY_FILE, key, true),
            None => step.removed.push(CA_KEY_FILE),
        }
        Ok(step)
    }

    /// No longer trusts the old CA. `discards` also CA keys that `egext` did not make, which are kept otherwise.
    ///
    /// # Errors
    /// When a leaf of the old CA is still there.
    pub fn finish(&self, discards: bool) -> Result<Step, RotationError> {
        let forgets = if discards { Forget::All } else { Forget::Own };
        if self.phase == Phase::Idle {
            return Ok(Step { forgets, ..Step::default() });
        }
        let is_strange = |member: &&Member| member.verify_below(self.signs()).is_err();
        if let Some(member) = self.members.iter().find(is_strange) {
            return Err(RotationError::StillNeeded {
                path: member.path().into(),
                name: member.name().into(),
                role: member.role(),
                flags: self.signer_flags(),
            });
        }
        let in_use = upward(&self.trusted);
        let stays = |certificate: &&Certificate| {
            in_use.contains(*certificate) || !self.temporary.contains(*certificate)
        };
        let trusted = self.trusted.iter().filter(stays).cloned().collect::<Vec<_>>();
        if let Some([certificate, issuer]) =
            self.members.iter().find_map(|member| member.loses_issuer(&self.trusted, &trusted))
        {
            let directory = self.set.directory().to_owned();
            return Err(RotationError::Misfit { directory, certificate, issuer });
        }
        let mut step = Step { forgets, ..Step::default() };
        step.trust(&trusted, &[]);
        Ok(step)
    }

    /// What has signed until now and is not above the first of `trusted`, which signs from now on.
    fn temporary_beside(&self, trusted: &[Certificate]) -> Vec<Certificate> {
        let (before, in_use) = (upward(&self.trusted), upward(trusted));
        let goes = |certificate: &&Certificate| {
            let has_signed = before.contains(*certificate) || self.temporary.contains(*certificate);
            has_signed && !in_use.contains(*certificate)
        };
        trusted.iter().filter(goes).cloned().collect()
    }

    /// New leaf certificates in place of `members`.
    fn successors<'a>(
        &self,
        members: impl Iterator<Item = &'a Member>,
        authority: &Authority,
        keep_key: bool,
        now: OffsetDateTime,
    ) -> Result<Vec<Successor>, RenewalError> {
        let selected = members.map(|member| Selected { member, difference: Difference::default() });
        let selected = selected.collect::<Vec<_>>();
        // The old CA has issued them, or the new one already, which vouches for them as well.
        let mut issuers = self.signs().to_vec();
        issuers.push(authority.certificate().clone());
        let flags = self.signer_flags();
        let ca = &self.ca.summary;
        let signer = Signer { authority, issuers: &issuers, ca, flags, is_rotation: true };
        renewal::renew(&selected, &signer, keep_key, now)
    }

    /// What names the CA that signs at present on the command line, for a hint.
    fn signer_flags(&self) -> &'static str {
        if self.set.has(CA_KEY_FILE) { "" } else { ANOTHER_CA }
    }

    /// The CA that signs at present, or the root above it.
    fn signs(&self) -> &[Certificate] {
        &self.trusted[..1]
    }

    /// What peers have to trust without a rotation: all but what was only prepared.
    fn trusted_at_present(&self) -> Vec<Certificate> {
        let in_use = upward(&self.trusted);
        let prepared = self.next.as_ref().map(Next::anchor);
        let is_only_prepared = |certificate: &Certificate| {
            Some(certificate) == prepared
                && !in_use.contains(certificate)
                && self.temporary.contains(certificate)
        };
        self.trusted.iter().filter(|certificate| !is_only_prepared(certificate)).cloned().collect()
    }

    /// What all of it was read from.
    pub fn set(&self) -> &Snapshot {
        &self.set
    }

    /// What has issued the certificates: the CA in `ca.crt`, or one below it.
    pub fn signer(&self) -> &Certificate {
        let issuer = self.members.iter().find_map(|member| member.intermediates().first());
        issuer.unwrap_or(&self.ca.summary)
    }

    /// The name of the CA whose key is in the set, if `egext` did not make it: nothing can make the key again.
    pub fn foreign_key(&self) -> Option<&DistinguishedName> {
        let is_foreign = self.set.has(CA_KEY_FILE) && !self.is_own();
        is_foreign.then_some(&self.ca.summary.subject)
    }

    /// The names of all CAs in `ca.crt`, the one that signs first.
    pub fn trusted(&self) -> Vec<String> {
        self.trusted.iter().map(|certificate| certificate.subject.to_string()).collect()
    }

    /// Do peers trust the root of `next` already, because the present CA has the same one?
    pub fn has_root_of(&self, next: &Next) -> bool {
        upward(&self.trusted).contains(next.anchor())
    }
}

/// All of a file as it is, wiped from memory when dropped.
fn text(path: &Path, octets: &[u8]) -> Result<Zeroizing<String>, IdentityError> {
    let invalid = |_| std::io::Error::from(std::io::ErrorKind::InvalidData);
    let text = std::str::from_utf8(octets)
        .map_err(|error| IdentityError::Unreadable { path: path.into(), source: invalid(error) })?;
    Ok(Zeroizing::new(text.to_owned()))
}

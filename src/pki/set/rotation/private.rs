//! A new private CA in a rotation: its properties, and whether the CA that is prepared already has them.

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Phase, Rotation, RotationError};
use crate::pki::ca::authority::{Authority, AuthorityError, Issued};
use crate::pki::keys::pem;
use crate::pki::set::change::{ANOTHER_CA, ENCRYPTED_CA, prepare_flags};
use crate::pki::set::issue::{self, SetPlan};
use crate::pki::set::member;
use crate::pki::x509::lifetime;
use crate::pki::{CA_KEY_FILE, Certificate, KeyType, NEXT_CA_KEY_FILE, Passphrase, SubjectName};
use crate::units::Span;

/// What a new CA is to be like.
#[derive(Clone, Debug)]
pub struct PrivateCa {
    /// Of its key.
    pub key_type: KeyType,
    /// From now on.
    pub lifetime: Span,
    /// Names that its constraints permit in addition to those of the set.
    pub permit: Vec<SubjectName>,
}

/// What was asked of a new CA. The rest is as before.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Of its key.
    pub key_type: Option<KeyType>,
    /// From now on.
    pub lifetime: Option<Span>,
    /// Names that its constraints permit in addition to those of the set.
    pub permit: Vec<SubjectName>,
}

/// How a set whose CA is one of `egext` gets one that permits more names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Permission {
    /// One is prepared that permits them.
    Activate,
    /// A rotation has to be finished before the next one.
    FinishFirst,
    /// By a rotation.
    Prepare,
}

impl Rotation {
    /// How the set gets a CA that permits `names`, too. None if the constraints are not those of a CA of `egext`.
    pub fn permission(&self, names: &[SubjectName]) -> Option<Permission> {
        self.is_own().then(|| match (&self.next, self.phase) {
            (Some(next), _) if next.permits(names) => Permission::Activate,
            (_, Phase::Activated) => Permission::FinishFirst,
            _ => Permission::Prepare,
        })
    }

    /// A private CA like the one that it replaces, which waits for `activate` or signs; of a CA that `egext` has not made
    /// only the type of the key is taken.
    pub fn like(&self, now: OffsetDateTime) -> PrivateCa {
        // One that has expired before it could sign is no example.
        if let Some(next) = self.next.as_ref().filter(|next| next.has_key && next.is_timely(now)) {
            let (key_type, lifetime) = (member::key_type(&next.summary), lifetime::span(&next.summary));
            return PrivateCa { key_type, lifetime, permit: permitted(&next.summary).to_vec() };
        }
        let ca = &self.ca.summary;
        let lifetime = if self.is_own() { lifetime::span(ca) } else { SetPlan::default().ca_lifetime };
        PrivateCa { key_type: member::key_type(ca), lifetime, permit: Vec::new() }
    }

    /// Is a private CA prepared that can sign, and is it as it was wished, with a key that `passphrase` opens?
    ///
    /// # Errors
    /// When its key cannot be read.
    pub fn has_prepared(
        &self,
        wishes: &Wishes,
        passphrase: Option<&Passphrase>,
        now: OffsetDateTime,
    ) -> Result<bool, RotationError> {
        let Some(next) = self.next.as_ref().filter(|next| next.has_key && next.is_timely(now)) else {
            return Ok(false);
        };
        let Wishes { key_type, lifetime, permit } = wishes;
        let seconds = |span: Span| span.duration().as_secs();
        let is_like = key_type.is_none_or(|wanted| next.summary.key.is_a(wanted))
            && lifetime.is_none_or(|wanted| seconds(wanted) == seconds(lifetime::span(&next.summary)))
            && next.permits(permit);
        let is_locked = passphrase.map_or(Ok(true), |passphrase| next.opens_with(&self.set, passphrase));
        Ok(is_like && is_locked?)
    }

    /// Refuses to make a private CA, and to store its key, where there is no such thing now.
    ///
    /// # Errors
    /// When the CA is not one of `egext`, or its key is not in the set.
    pub fn refuse_private(&self) -> Result<(), RotationError> {
        let path = self.ca.path.clone();
        if !self.is_own() {
            return Err(RotationError::NotOurs { path, ca: self.ca.summary.subject.clone() });
        }
        if !self.set.has(CA_KEY_FILE) {
            return Err(RotationError::NoCaKey { path: self.set.path(CA_KEY_FILE) });
        }
        Ok(())
    }

    /// What `prepare` has to be told here, for a hint.
    pub fn prepare_flags(&self) -> &'static str {
        prepare_flags(self.is_own(), self.set.has(CA_KEY_FILE), self.has_encrypted(CA_KEY_FILE))
    }

    /// What `activate` has to be told here, for a hint.
    pub fn activate_flags(&self) -> &'static str {
        match &self.next {
            Some(next) if !next.has_key => ANOTHER_CA,
            Some(next) if next.is_encrypted => ENCRYPTED_CA,
            _ => "",
        }
    }

    /// Has `egext` made the CA?
    pub fn is_own(&self) -> bool {
        self.trusted[0].is_ours()
    }

    /// A CA for the names of the set, and its key as it is to be stored.
    pub(super) fn make(
        &self,
        plan: &PrivateCa,
        passphrase: Option<&Passphrase>,
        now: OffsetDateTime,
    ) -> Result<(Authority, Zeroizing<String>), RotationError> {
        let names =
            self.members.iter().flat_map(|member| member.certificate().names.clone()).collect::<Vec<_>>();
        let domain = issue::trust_domain(&names).into_iter().collect::<Vec<_>>();
        let is_constrained = self.trusted[0].has_name_constraints();
        if !is_constrained && !plan.permit.is_empty() {
            return Err(RotationError::NotConstrained { path: self.ca.path.clone() });
        }
        let mut permitted = names;
        for name in &plan.permit {
            if !permitted.iter().any(|other| is_same(other, name)) {
                permitted.push(name.clone());
            }
        }
        let constraints = is_constrained.then_some(permitted.as_slice());
        let (authority, issued) =
            Authority::create_for(plan.key_type, plan.lifetime, &domain, constraints, now)?;
        let key = self.locked((&authority, &issued), passphrase)?;
        Ok((authority, key))
    }

    /// The new CA's key: encrypted when there is a passphrase, and in no case more open than the old one, or the one that
    /// was prepared before.
    fn locked(
        &self,
        (authority, issued): (&Authority, &Issued),
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<String>, RotationError> {
        let encrypted = [CA_KEY_FILE, NEXT_CA_KEY_FILE].into_iter().find(|name| self.has_encrypted(name));
        match (passphrase, encrypted) {
            (Some(passphrase), _) => Ok(authority.encrypted_key(passphrase)?),
            (None, Some(name)) => Err(RotationError::PassphraseNeeded { path: self.set.path(name) }),
            (None, None) => Ok(issued.key_pem().ok_or(AuthorityError::Sign)?),
        }
    }

    /// Is the key in this file of the set encrypted? One that cannot be read does not count as encrypted.
    fn has_encrypted(&self, name: &str) -> bool {
        self.set.has(name) && self.set.read(name).is_ok_and(|key| pem::is_encrypted(&key))
    }
}

/// A constraint covers all names below as well, so a wildcard has no asterisk there.
fn is_same(permitted: &SubjectName, name: &SubjectName) -> bool {
    match (permitted, name) {
        (SubjectName::Dns(permitted), SubjectName::Dns(name)) => {
            permitted.eq_ignore_ascii_case(name.strip_prefix("*.").unwrap_or(name))
        }
        _ => permitted == name,
    }
}

/// Does this CA of `egext` permit all of `names` by its name constraints, each of them by an entry of its own?
pub(super) fn permits(ca: &Certificate, names: &[SubjectName]) -> bool {
    let permitted = permitted(ca);
    names.iter().all(|name| permitted.iter().any(|other| is_same(other, name)))
}

/// The names that a CA of `egext` permits by its name constraints.
fn permitted(ca: &Certificate) -> &[SubjectName] {
    ca.all.name_constraints().ok().flatten().map_or(&[], |found| &found.permitted)
}

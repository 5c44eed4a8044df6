//! Renews leaf certificates by the same CA.
//!
//! The new certificate has the subject, the names, the usages, the type of key and the lifetime of the old one, unless
//! a [`Change`] was asked for. If another program has written something into the old one that we do not write, the renewal is
//! refused if the holder may rely on it, and otherwise reported. The serial number is always new. The key is new unless the
//! old one is to be kept: a copy of the old key should be useless after the renewal.
//!
//! The old certificate decides the contents of the new one. So the CA must have issued it: otherwise the CA would sign
//! anything that was copied into the directory at the next renewal.

mod error;

pub use error::{Doubt, Loss, Lost, RenewalError, Stranger};

use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;

use super::ca_bundle::Bundle;
use super::ca_files;
use super::change::{Change, ChangeError, Difference, renew_command};
use super::member::{self, Member, Successor};
use super::store::Snapshot;
use crate::pki::ca::authority::{Authority, AuthorityError};
use crate::pki::keys::file;
use crate::pki::x509::signature::is_signed_by;
use crate::pki::x509::{date, lifetime, when};
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, Certificate, IdentityError, KeyKind, KeyType, Role};
use crate::report::{Finding, FindingId};
use crate::units::Within;

/// What is to be renewed, and how.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The end of a certificate's life in which it is due: by default the last third.
    pub within: Option<Within>,
    /// Only this side.
    pub role: Option<Role>,
    /// Only the certificate whose files are called so.
    pub name: Option<String>,
    /// Also what is not due yet.
    pub force: bool,
    /// For the keys that are there, not for new ones.
    pub keep_key: bool,
    /// What will be different, in one of them.
    pub change: Change,
}

/// A leaf that is to be renewed.
#[derive(Debug)]
pub struct Selected<'a> {
    /// The leaf.
    pub member: &'a Member,
    /// What will be different in its successor.
    pub difference: Difference,
}

impl Policy {
    /// From when on a certificate is due, by the lifetime that was asked for.
    pub fn due_from(&self, summary: &Certificate) -> OffsetDateTime {
        let lifetime = summary.lifetime.unsigned_abs();
        date::before(summary.not_after, self.end(lifetime).min(lifetime))
    }

    /// Those of `members`, the leaf certificates in `directory`, that are to be renewed now. A change is a reason of its own.
    /// `ca` is the root above them.
    ///
    /// # Errors
    /// When none of them is meant, or more than one by a change, or the change cannot be made.
    pub fn select<'a>(
        &self,
        directory: &Path,
        (members, ca): (&'a [Member], &Certificate),
        now: OffsetDateTime,
    ) -> Result<Vec<Selected<'a>>, ChangeError> {
        let asked = members.iter().filter(|member| self.is_asked_for(member)).collect::<Vec<_>>();
        let names = |members: &[&Member]| members.iter().map(|member| member.name().to_owned()).collect();
        if asked.is_empty() && (self.name.is_some() || !self.change.is_empty()) {
            return Err(ChangeError::NoSuchMember {
                directory: directory.into(),
                wanted: self.wanted(),
                names: names(&members.iter().collect::<Vec<_>>()),
            });
        }
        if !self.change.is_empty() && asked.len() > 1 {
            return Err(ChangeError::Ambiguous { names: names(&asked) });
        }
        let mut selected = Vec::new();
        for member in asked {
            let difference = self.change.of((member, ca), self.keep_key, now)?;
            let is_due = self.force || self.due_from(member.certificate()) <= now;
            if is_due || !difference.is_none() {
                selected.push(Selected { member, difference });
            }
        }
        Ok(selected)
    }

    /// Is it one of those that may be renewed, if not now then later?
    pub fn is_asked_for(&self, member: &Member) -> bool {
        self.role.is_none_or(|role| role == member.role())
            && self.name.as_deref().is_none_or(|name| name == member.name())
    }

    /// In words.
    fn wanted(&self) -> String {
        match (&self.name, self.role) {
            (Some(name), Some(role)) => format!("`{name}` for the {role}"),
            (Some(name), None) => format!("`{name}`"),
            (None, Some(role)) => format!("for the {role}"),
            (None, None) => "of a server or a client".to_owned(),
        }
    }

    /// Refuses where the CA itself has to be replaced first.
    ///
    /// # Errors
    /// When what `ca` issues would have to be renewed before its time, or at once.
    pub fn refuse_dying_ca(
        &self,
        ca: &Ca,
        selected: &[Selected<'_>],
        now: OffsetDateTime,
    ) -> Result<(), RenewalError> {
        let expires = ca.summary.not_after;
        let is_too_late = |Selected { member, difference }: &Selected<'_>| {
            // It gains what was asked for, if only another key.
            if self.force || !difference.is_none() {
                return false;
            }
            let lifetime = member.lifetime(&ca.summary).duration();
            let due_again = date::after(now, lifetime.saturating_sub(self.end(lifetime)));
            expires <= member.certificate().not_after || due_again > expires
        };
        ca.refuse_untimely(now)?;
        if selected.iter().any(is_too_late) {
            let (path, left) = (ca.path.clone(), when::distance(expires, now));
            return Err(RenewalError::CaDue { path, left });
        }
        Ok(())
    }

    fn end(&self, life: Duration) -> Duration {
        self.within.map_or(life / 3, |within| within.of(life))
    }
}

/// A warning if the certificate in `path`, a leaf of a set, is due by `within` as soon as it is issued.
pub fn always_due(path: &Path, summary: &Certificate, within: Within) -> Option<Finding> {
    let lifetime = summary.lifetime.unsigned_abs();
    if within.of(lifetime) < lifetime {
        return None;
    }
    let message = format!(
        "its lifetime of {} is not longer than `--within {within}`, so it is due again at once",
        lifetime::span(summary)
    );
    let longer = renew_command(path, "--lifetime SPAN");
    let hint = format!("shorten `--within`, for example to `33%`, or give it a longer lifetime: {longer}");
    Some(Finding::new(FindingId::CertsAlwaysDue, path.display().to_string(), message).with_hint(hint))
}

/// Makes the successors of `selected`, all of which `signer` has to have issued.
///
/// # Errors
/// When a certificate is not of this CA, or its successor cannot be issued.
pub fn renew(
    selected: &[Selected<'_>],
    signer: &Signer<'_>,
    keep_key: bool,
    now: OffsetDateTime,
) -> Result<Vec<Successor>, RenewalError> {
    let Signer { authority, issuers, ca, flags, is_rotation } = *signer;
    refuse_strangers(selected.iter().map(|selected| selected.member), issuers, flags)?;
    // A rotation keeps keys only while it is tried out.
    refuse_losses(selected, keep_key && !is_rotation, (flags, is_rotation))?;
    let successor = |Selected { member, difference }: &Selected<'_>| {
        let lifetime = difference.lifetime.unwrap_or_else(|| member.lifetime(ca));
        Ok(member.reissue(authority, (difference, lifetime), keep_key, now)?)
    };
    selected.iter().map(successor).collect()
}

/// Who makes successors, and who must have made their predecessors.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Signs.
    pub authority: &'a Authority,
    /// Below one of these CAs each predecessor has to stand.
    pub issuers: &'a [Certificate],
    /// The CA of the predecessors: it may have cut their lives short.
    pub ca: &'a Certificate,
    /// What names that CA on the command line, for a hint; empty for the set's own.
    pub flags: &'a str,
    /// It takes the place of the CA before.
    pub is_rotation: bool,
}

/// Refuses to make successors that would lack what their predecessors have, unless that only describes them. `flags` name
/// the CA on the command line, for a hint; in a rotation no key can be kept.
///
/// # Errors
/// Names the first certificate that a renewal would cut down.
pub fn refuse_losses(
    selected: &[Selected<'_>],
    keep_key: bool,
    (flags, is_rotation): (&str, bool),
) -> Result<(), RenewalError> {
    for Selected { member, difference } in selected {
        let loss = |what: Loss| {
            let (path, name, role) = (member.path().into(), member.name().into(), member.role());
            let names = difference.names(&member.certificate().names);
            Err(RenewalError::Loss(Box::new(Lost { path, name, role, names, what, flags: flags.to_owned() })))
        };
        let refused = member.refused();
        if !refused.is_empty() {
            return loss(Loss::Usage(refused));
        }
        let is_made = keep_key || difference.key_type.is_some() || !member.has_key();
        if !is_made && KeyType::of(&member.certificate().key).is_none() {
            let key = &member.certificate().key;
            let is_rsa = matches!(key.kind(), KeyKind::Rsa | KeyKind::RsaPss);
            let near = if is_rsa { KeyType::Rsa3072 } else { KeyType::P256 };
            return loss(Loss::KeyType { kind: key.to_string(), near, is_rotation });
        }
    }
    Ok(())
}

/// Proves that one of `issuers` issued every one of `members`. `flags` name it on the command line, for a hint.
///
/// # Errors
/// Names the first that was not: this CA never vouched for what stands in it.
pub fn refuse_strangers<'a>(
    members: impl IntoIterator<Item = &'a Member>,
    issuers: &[Certificate],
    flags: &str,
) -> Result<(), RenewalError> {
    for member in members {
        let Err(refusal) = member.verify_below(issuers) else { continue };
        let issuer = issuers.first().map(|issuer| issuer.subject.clone());
        return Err(RenewalError::Stranger(Box::new(Stranger {
            path: member.path().into(),
            name: member.name().into(),
            role: member.role(),
            doubt: Doubt::of(member, issuer.as_ref(), refusal),
            issuer,
            flags: flags.to_owned(),
        })));
    }
    Ok(())
}

/// What signs, before its key is opened.
#[derive(Debug)]
pub struct Ca {
    /// The file of its certificate.
    pub path: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
    /// What the certificate says.
    pub summary: Certificate,
    /// All of the file.
    certificates: Vec<Certificate>,
    /// Those of them that may be the one that signs.
    issuers: Vec<Certificate>,
    /// Certificate and key are files of the set, not ones that the user named.
    is_in_set: bool,
}

impl Ca {
    /// What signs in a set: the certificate of `ca.crt` that issued `members`, its leaf certificates.
    ///
    /// # Errors
    /// When it cannot be read, or its key is not there.
    pub fn load(set: &Snapshot, members: &[Member]) -> Result<Self, RenewalError> {
        if !set.has(CA_KEY_FILE) {
            return Err(RenewalError::NoCaKey { path: set.path(CA_KEY_FILE) });
        }
        Ok(Self::without_key(set, members)?)
    }

    /// The same where its key is not needed, and may not be there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn without_key(set: &Snapshot, members: &[Member]) -> Result<Self, IdentityError> {
        Self::of_set(set, Bundle::load(set, members)?)
    }

    /// The same where it is known already what the set trusts.
    pub(in crate::pki) fn of_set(set: &Snapshot, bundle: Bundle) -> Result<Self, IdentityError> {
        let (path, key) = (set.path(CA_CERTIFICATE_FILE), set.path(CA_KEY_FILE));
        let certificates = bundle.certificates;
        let (summary, issuers) = (certificates[0].clone(), certificates[..1].to_vec());
        Ok(Self { path, key, summary, certificates, issuers, is_in_set: true })
    }

    /// The same from files that the user named: the one that issued one of `members` signs again.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn of(
        path: PathBuf,
        key: PathBuf,
        members: &[Member],
        now: OffsetDateTime,
    ) -> Result<Self, IdentityError> {
        let certificates = member::certificates(&path, &file::read(&path)?)?;
        // The file may hold the CAs above it, and others, in any order. What signs is known when the key is opened; before
        // that, a CA that expires in another branch must not be confused with it.
        let has_issued =
            |ca: &&Certificate| members.iter().any(|member| is_signed_by(member.certificate(), ca));
        let signs = certificates.iter().filter(has_issued);
        // A CA that was renewed with its key may stand there once more, as it was before. Of equals the first counts.
        let is_valid = |ca: &Certificate| ca.not_before <= now && now < ca.not_after;
        let best = signs.rev().max_by_key(|ca| (is_valid(ca), ca.not_after));
        let summary = best.unwrap_or(&certificates[0]).clone();
        // One that has others of the file below it is there to lead to a root.
        let is_above =
            |ca: &Certificate| certificates.iter().any(|other| other != ca && is_signed_by(other, ca));
        let may_sign = |ca: &&Certificate| has_issued(ca) || !is_above(ca);
        let issuers = certificates.iter().filter(may_sign).cloned().collect();
        Ok(Self { path, key, summary, certificates, issuers, is_in_set: false })
    }

    /// Those of its certificates that may be the one that signs: elsewhere than in a set only the key tells.
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// All certificates of its file.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Opens the key, which is in `set` unless the user named its file.
    ///
    /// # Errors
    /// When it is not the certificate's, or the two may not sign.
    pub fn open(
        &self,
        set: &Snapshot,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Authority, RenewalError> {
        if !self.is_in_set {
            return Ok(ca_files::load(&self.path, &self.key, passphrase, now)?);
        }
        let passphrase = passphrase.map(ca_files::read_passphrase).transpose();
        let passphrase = passphrase.map_err(|error| AuthorityError::Import(error.into()))?;
        let (certificates, key) = (set.read(CA_CERTIFICATE_FILE)?, set.read(CA_KEY_FILE)?);
        let (certificates, key) = ((&*self.path, &**certificates), (&*self.key, &**key));
        Ok(Authority::from_pem(certificates, key, passphrase.as_ref(), now)?)
    }

    /// Refuses what can sign nothing that is valid now.
    ///
    /// # Errors
    /// When it has expired, or is not valid yet.
    pub fn refuse_untimely(&self, now: OffsetDateTime) -> Result<(), RenewalError> {
        let Certificate { not_before, not_after, .. } = self.summary;
        let path = self.path.clone();
        if now < not_before {
            return Err(RenewalError::CaNotYetValid { path, from: when::timestamp(not_before) });
        }
        if not_after <= now {
            let ago = when::distance(not_after, now);
            return Err(RenewalError::CaExpired { path, ago });
        }
        Ok(())
    }
}

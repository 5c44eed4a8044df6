//! How a CA that the user names relates to a set at this point of a rotation.

use super::{Next, RotationError};
use crate::pki::ca::authority::Authority;
use crate::pki::set::ca_bundle::Bundle;
use crate::pki::set::member::Member;
use crate::pki::set::store::Snapshot;

/// What a CA is to a set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// The set does not trust it.
    Foreign,
    /// It signs after `activate`: peers may not have been given it yet.
    Prepared,
    /// It has signed before `activate`, and is trusted until `finish`.
    Retiring,
    /// The set trusts it, with or without a rotation.
    Trusted,
}

/// How `authority` relates to `set`. `members` are its leaf certificates.
///
/// # Errors
/// When a file of the set cannot be used.
pub fn standing(
    set: &Snapshot,
    members: &[Member],
    authority: &Authority,
) -> Result<Standing, RotationError> {
    let (bundle, next, anchor) = (Bundle::load(set, members)?, Next::load(set)?, authority.anchor());
    let is_temporary = bundle.is_temporary(anchor);
    Ok(match next {
        _ if !bundle.certificates.contains(anchor) => Standing::Foreign,
        Some(next) if next.is(authority) || is_temporary && next.anchor() == anchor => Standing::Prepared,
        _ if is_temporary => Standing::Retiring,
        _ => Standing::Trusted,
    })
}

/// Did a CA issue `member`, one of `members`, that the set trusts with or without a rotation?
///
/// # Errors
/// When a file of the set cannot be used.
pub fn is_vouched_for(set: &Snapshot, members: &[Member], member: &Member) -> Result<bool, RotationError> {
    let bundle = Bundle::load(set, members)?;
    let stays = bundle.certificates.iter().filter(|certificate| !bundle.is_temporary(certificate));
    Ok(member.verify_below(&stays.cloned().collect::<Vec<_>>()).is_ok())
}

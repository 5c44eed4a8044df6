//! The certificates of a set's `ca.crt`: which one signs, and which are there only while a rotation lasts.
//!
//! A user may add other CAs to `ca.crt`, in any place. So neither the order of the file nor
//! the number of its certificates says what a rotation has done. A second file lists what the rotation removes again.

use std::slice;

use super::member::{self, Member};
use super::store::Snapshot;
use crate::pki::x509::signature::is_signed_by;
use crate::pki::{CA_CERTIFICATE_FILE, Certificate, IdentityError};

/// What a set trusts.
#[derive(Debug)]
pub(in crate::pki) struct Bundle {
    /// All of `ca.crt`: what signs comes first.
    pub(in crate::pki) certificates: Vec<Certificate>,
    /// Those of them that the rotation takes out again: what is prepared, until another one is, and what has signed
    /// before, until the rotation is finished.
    pub(in crate::pki) temporary: Vec<Certificate>,
}

impl Bundle {
    /// Reads what `set` trusts. `members` are its leaf certificates.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(in crate::pki) fn load(set: &Snapshot, members: &[Member]) -> Result<Self, IdentityError> {
        let read = |name: &str| member::certificates(&set.path(name), &set.read(name)?);
        let mut certificates = read(CA_CERTIFICATE_FILE)?;
        let mut temporary = if set.has(TEMPORARY_FILE) { read(TEMPORARY_FILE)? } else { Vec::new() };
        temporary.retain(|certificate| certificates.contains(certificate));
        let may_sign = |certificate: &Certificate| !temporary.contains(certificate);
        let has_issued = |certificate: &Certificate| {
            members.iter().any(|member| member.verify_below(slice::from_ref(certificate)).is_ok())
        };
        let signs = certificates.iter().position(|ca| may_sign(ca) && has_issued(ca));
        let signs = signs.or_else(|| certificates.iter().position(may_sign)).unwrap_or(0);
        certificates[..=signs].rotate_right(1);
        Ok(Self { certificates, temporary })
    }

    /// Is this the certificate of a CA that the rotation takes out again?
    pub(in crate::pki) fn is_temporary(&self, certificate: &Certificate) -> bool {
        self.temporary.contains(certificate) && !upward(&self.certificates).contains(certificate)
    }
}

/// The first of `certificates`, and all others above it, up to its root.
pub(in crate::pki) fn upward(certificates: &[Certificate]) -> Vec<Certificate> {
    let mut found = certificates.iter().take(1).cloned().collect::<Vec<_>>();
    let mut looked_at = 0;
    while let Some(lower) = found.get(looked_at).cloned() {
        looked_at += 1;
        // Above a root there is nothing, though one with the same name and key may stand in the same file.
        if is_signed_by(&lower, &lower) {
            continue;
        }
        let above = certificates.iter().filter(|other| !found.contains(other) && is_signed_by(&lower, other));
        let above = above.cloned().collect::<Vec<_>>();
        found.extend(above);
    }
    found
}

/// Certificates that are trusted only while a rotation lasts.
pub(in crate::pki) const TEMPORARY_FILE: &str = ".temporary-ca.crt";

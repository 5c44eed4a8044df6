//! What a certificate in a CA file can be trusted for.
//!
//! webpki accepts any certificate as a trust anchor, without a check of its extensions. With a leaf certificate
//! in the CA file, everyone with its key could sign for others. So this module decides what may be an anchor,
//! for all code that verifies peers.

use super::signature::{Signature, signed_by};
use crate::pki::Certificate;

/// What a certificate of a CA file stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trust {
    /// A CA: everything that it signs is trusted.
    Authority,
    /// Of version 1, which cannot say whether it is a CA. Go, OpenSSL and webpki take such roots.
    OldAuthority,
    /// A self-signed end entity: trusted if the peer presents exactly this certificate.
    Itself,
}

/// Why a certificate of a CA file is not trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// It is a CA without keyCertSign.
    #[error("its key usage does not include keyCertSign")]
    CannotSign,
    /// It was issued to an end entity.
    #[error("it is the certificate of a client or a server, not of a CA")]
    NotACa,
}

impl Trust {
    /// Judges a certificate by its extensions.
    ///
    /// # Errors
    /// If it cannot be trusted for anything.
    pub(crate) fn of(certificate: &Certificate) -> Result<Self, Distrust> {
        // What is there twice allows nothing, and neither does a key usage that cannot be read.
        let is_ca = matches!(certificate.all.basic_constraints(), Ok(Some((true, _))));
        let may_sign = match certificate.all.key_usage() {
            Ok(None) => true,
            Ok(Some(usages)) => usages.key_cert_sign(),
            Err(_) => false,
        };
        let is_self_signed =
            || certificate.self_issued && signed_by(certificate, certificate) != Signature::Foreign;
        if is_ca {
            if may_sign { Ok(Self::Authority) } else { Err(Distrust::CannotSign) }
        } else if !is_self_signed() {
            Err(Distrust::NotACa)
        } else if certificate.version < 3 && certificate.extensions().is_empty() {
            Ok(Self::OldAuthority)
        } else {
            Ok(Self::Itself)
        }
    }

    /// Are there certificates that it signed and that are trusted for that?
    pub(crate) fn can_sign(self) -> bool {
        self != Self::Itself
    }
}

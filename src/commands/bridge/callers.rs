//! What the flags about callers mean for an address.

use crate::cli::{Callers, Variables};
use crate::net::{Address, Transport};
use crate::report::Hint;

/// Refuses flags that mean nothing for `listen`. A variable that means nothing there is ignored.
pub(super) fn check(callers: &Callers, listen: &Address, variables: &Variables) -> Result<(), CallersError> {
    let of_certificates = [
        ("--allow-san", !callers.allow_san.is_empty()),
        ("--allow-fingerprint", !callers.allow_fingerprint.is_empty()),
    ];
    let typed = |(flag, given): (&'static str, bool)| (given && !variables.set(flag)).then_some(flag);
    match of_certificates.into_iter().find_map(typed) {
        Some(flag) if listen.transport() == Transport::Plaintext => {
            Err(CallersError::NoCertificates { flag, listen: listen.clone() })
        }
        _ => Ok(()),
    }
}

/// The user named callers that cannot be told apart on this address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallersError {
    /// Callers are to be told by their certificates, and have none.
    #[error(
        "`{flag}` has no meaning for `--listen {listen}`, which is plaintext: callers have no certificates there"
    )]
    NoCertificates {
        /// As typed.
        flag: &'static str,
        /// Where the bridge listens.
        listen: Address,
    },
}

impl Hint for CallersError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoCertificates { .. } => "leave it out, or listen on `tls://HOST:PORT`".to_owned(),
        })
    }
}

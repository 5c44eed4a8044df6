//! Which clients are accepted, of those whose certificate was verified.

mod fingerprint;
mod name;
mod verifier;

use std::fmt::{self, Display};
use std::sync::Arc;

use rustls::server::danger::ClientCertVerifier;

pub use fingerprint::{FingerprintError, KeyFingerprint};
pub use name::{PermittedName, PermittedNameError};
pub(super) use verifier::watched;

use crate::pki::Certificate;
use crate::printable::printable;

/// The clients that are accepted: those with one of these names, and those with one of these keys. If it is empty, every
/// client whose certificate was verified.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Permitted {
    /// Names that a certificate may have.
    pub names: Vec<PermittedName>,
    /// Keys that a certificate may be for.
    pub keys: Vec<KeyFingerprint>,
}

impl Permitted {
    /// True if every verified client is accepted.
    pub fn is_everyone(&self) -> bool {
        self.names.is_empty() && self.keys.is_empty()
    }

    /// Is the holder of this certificate accepted?
    pub fn permits(&self, certificate: &Certificate) -> bool {
        self.is_everyone()
            || self.keys.iter().any(|key| key.is_of(&certificate.key))
            || self.names.iter().any(|permitted| certificate.names.iter().any(|name| permitted.matches(name)))
    }

    /// A verifier that asks `verifier` first, and then whether the client is accepted.
    pub(super) fn applied_to(&self, verifier: Arc<dyn ClientCertVerifier>) -> Arc<dyn ClientCertVerifier> {
        match self.is_everyone() {
            true => verifier,
            false => Arc::new(verifier::Permitting::new(verifier, self.clone())),
        }
    }
}

impl Display for Permitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.iter().map(ToString::to_string);
        let keys = self.keys.iter().map(|key| format!("key {key}"));
        f.write_str(&names.chain(keys).collect::<Vec<_>>().join(", "))
    }
}

/// Who presents this certificate, for a line of the log: a few names, and the key's fingerprint.
fn identity(certificate: &Certificate) -> String {
    let mut names = certificate.names.iter().map(|name| short(&name.to_string())).collect::<Vec<_>>();
    if names.is_empty() {
        names.push(short(certificate.subject.as_str()));
    }
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    format!("{} (SHA-256 of its key: {})", names.join(", "), certificate.key.fingerprint())
}

fn short(name: &str) -> String {
    let name = printable(name);
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("`{}…`", &name[..end]),
        None => format!("`{name}`"),
    }
}

/// A certificate can have thousands of names of any length.
const NAMES: usize = 3;
const LONGEST_NAME: usize = 128;

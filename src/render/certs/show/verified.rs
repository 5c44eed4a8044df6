//! Would a client trust what a server presents?

use super::details::{Verification, VerificationState};
use crate::pki::SubjectName;

/// The result.
pub(crate) struct Verified {
    pub(crate) address: String,
    /// The name that was verified.
    pub(crate) name: SubjectName,
    /// The file of the CA, and why it is no reason to trust the server; none without a CA.
    pub(crate) judged: Option<(String, Option<String>)>,
}

impl Verified {
    pub(super) fn words(&self) -> String {
        let name = &self.name;
        match &self.judged {
            None => "not verified: there is no CA to verify it with, `--dir` names a directory with one"
                .to_owned(),
            Some((ca, None)) => format!("verified for `{name}` with `{ca}`"),
            Some((ca, Some(refusal))) => format!("not trusted for `{name}` with `{ca}`: {refusal}"),
        }
    }

    pub(super) fn object(&self) -> Verification {
        let (state, ca, reason) = match &self.judged {
            None => (VerificationState::Skipped, None, None),
            Some((ca, None)) => (VerificationState::Verified, Some(ca), None),
            Some((ca, Some(reason))) => (VerificationState::Refused, Some(ca), Some(reason)),
        };
        Verification {
            source: self.address.clone(),
            name: self.name.to_string(),
            ca: ca.cloned(),
            state,
            reason: reason.cloned(),
        }
    }
}

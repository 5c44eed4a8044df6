//! Would a client trust what a server presents?

use time::OffsetDateTime;

use super::details::{Verification, VerificationState};
use crate::commands::certs::presented::Question;
use crate::host::Host;
use crate::pki::{Anchors, Certificate, SubjectName, verify_server};
use crate::report::chain;

/// What came of it.
pub(super) struct Verified {
    pub(super) address: String,
    /// What the server was called by.
    name: SubjectName,
    /// The file of the CA, and why it is no reason to trust the server; none without a CA.
    judged: Option<(String, Option<String>)>,
}

impl Verified {
    pub(super) fn of(
        question: &Question<'_>,
        presented: &[Certificate],
        anchors: Option<&Anchors>,
        now: OffsetDateTime,
    ) -> Self {
        let name = match question.host {
            Host::Ip(address) => SubjectName::Ip(*address),
            Host::Name(name) => SubjectName::Dns(name.trim_end_matches('.').to_owned()),
        };
        let judged = anchors.map(|anchors| {
            let refusal = verify_server(presented, anchors, &name, now).err();
            (anchors.path().display().to_string(), refusal.map(|refusal| chain(&refusal)))
        });
        Self { address: question.address.to_string(), name, judged }
    }

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

//! What a running endpoint says about its certificates: data for metrics, pages and log lines.

use std::collections::VecDeque;
use std::path::PathBuf;

use time::OffsetDateTime;

use super::crl::Crl;
use crate::pki::{Anchors, Certificate, Identity, Role};
use crate::report::Finding;

/// The certificates of a running endpoint, and how their reloads went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CredentialsStatus {
    /// Those in use: our own leaf certificates first, then the CAs that peers are verified against. Empty without TLS.
    pub certificates: Vec<InUse>,
    /// The revocation lists in use.
    pub revocation_lists: Vec<Crl>,
    /// When the ones in use were loaded; `None` without TLS.
    pub loaded: Option<OffsetDateTime>,
    /// The last reloads, oldest first, also those that failed. Of several in a row that found nothing new, the last one.
    pub recent: VecDeque<Reload>,
    /// How many reloads there were.
    pub reloads: Reloads,
    /// Why the upstream does not accept a connection with the present certificates, while one that was made with the
    /// previous ones still serves.
    pub unaccepted: Option<Finding>,
}

/// A certificate in use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InUse {
    /// The side that presents it; `None` for a CA.
    pub role: Option<Role>,
    /// Whom it was issued to.
    pub subject: String,
    /// The file that it was read from.
    pub path: PathBuf,
    /// The file that its key was read from; `None` for a CA.
    pub key_path: Option<PathBuf>,
    /// The first second of its life.
    pub not_before: OffsetDateTime,
    /// The last second of its life.
    pub not_after: OffsetDateTime,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// Serial number, in hexadecimal.
    pub serial: String,
}

/// One reload.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reload {
    /// When it ended.
    pub at: OffsetDateTime,
    /// What came of it.
    pub outcome: ReloadOutcome,
    /// Why the new files are not used, if it failed.
    pub finding: Option<Finding>,
}

/// What came of a reload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReloadOutcome {
    /// The new files cannot be used; the old certificates stay in use.
    Failed,
    /// The new certificates are in use.
    Loaded,
    /// It was asked for, and the files are those in use.
    Unchanged,
}

/// How many reloads there were, by outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reloads {
    /// Failures with the same cause in a row count once.
    pub failed: u64,
    /// New certificates were taken into use.
    pub loaded: u64,
    /// Asked for, without anything new.
    pub unchanged: u64,
}

impl CredentialsStatus {
    /// Of an endpoint without TLS.
    pub(crate) fn none() -> Self {
        Self {
            certificates: Vec::new(),
            revocation_lists: Vec::new(),
            loaded: None,
            recent: VecDeque::new(),
            reloads: Reloads::default(),
            unaccepted: None,
        }
    }

    /// Replaces what is said about the certificates in use.
    pub(crate) fn use_now<'a>(
        &mut self,
        identities: impl Iterator<Item = (Role, &'a Identity)>,
        anchors: &Anchors,
        now: OffsetDateTime,
    ) {
        let own = identities.map(|(role, identity)| InUse {
            key_path: Some(identity.key_path().to_owned()),
            ..InUse::of(Some(role), identity.leaf(), identity.certificate_path().to_owned())
        });
        let cas = anchors.certificates().iter().map(|ca| InUse::of(None, ca, anchors.path().to_owned()));
        self.certificates = own.chain(cas).collect();
        self.revocation_lists = anchors.revocation_lists().to_vec();
        self.loaded = Some(now);
    }

    /// Notes how a reload ended.
    pub(crate) fn note(&mut self, at: OffsetDateTime, outcome: ReloadOutcome, finding: Option<Finding>) {
        match outcome {
            ReloadOutcome::Failed => self.reloads.failed += 1,
            ReloadOutcome::Loaded => self.reloads.loaded += 1,
            ReloadOutcome::Unchanged => self.reloads.unchanged += 1,
        }
        let is_again = self.last().is_some_and(|last| last.outcome == outcome);
        if outcome == ReloadOutcome::Unchanged && is_again {
            // A manager that asks every minute must not drive out what has happened.
            self.recent.pop_back();
        }
        if self.recent.len() == MOST_RELOADS {
            self.recent.pop_front();
        }
        self.recent.push_back(Reload { at, outcome, finding });
    }

    /// The last reload; `None` before the first.
    pub fn last(&self) -> Option<&Reload> {
        self.recent.back()
    }

    /// True if handshakes fail at `now` because of the dates of `certificate`, which is one of these. A CA counts only if
    /// no other one is valid: an old one may expire next to its successor.
    pub fn fails_handshakes(&self, certificate: &InUse, now: OffsetDateTime) -> bool {
        let is_ca = |in_use: &&InUse| in_use.role.is_none();
        let has_valid_ca = || self.certificates.iter().filter(is_ca).any(|ca| ca.is_valid(now));
        !certificate.is_valid(now) && (certificate.role.is_some() || !has_valid_ca())
    }
}

impl InUse {
    fn of(role: Option<Role>, certificate: &Certificate, path: PathBuf) -> Self {
        Self {
            role,
            subject: certificate.subject.to_string(),
            path,
            key_path: None,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            fingerprint: certificate.fingerprint(),
            serial: certificate.serial.clone(),
        }
    }

    /// True if `now` is between its dates.
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// What a person reads on a page.
const MOST_RELOADS: usize = 10;

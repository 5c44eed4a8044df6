use time::OffsetDateTime;

use super::status::{Certificate, Event, Reloads, Role, Validity};
use crate::pki::audit;
use crate::pki::lifetime::CLOCK;
use crate::pki::{self, CredentialsStatus, InUse, Reload, ReloadOutcome, when};

/// The certificates in use, as they are shown.
pub(super) fn certificates(status: &CredentialsStatus, now: OffsetDateTime) -> Vec<Certificate> {
    let shown = |in_use| certificate(in_use, status.hinders(in_use, now), now);
    status.certificates.iter().map(shown).collect()
}

fn certificate(in_use: &InUse, hinders: bool, now: OffsetDateTime) -> Certificate {
    let validity = match () {
        () if now < in_use.not_before => Validity::NotYetValid,
        () if now > in_use.not_after => Validity::Expired,
        () => Validity::Valid,
    };
    let role = match in_use.role {
        None => Role::Ca,
        Some(pki::Role::Client) => Role::Client,
        Some(pki::Role::Server) => Role::Server,
    };
    Certificate {
        role,
        subject: in_use.subject.clone(),
        file: in_use.path.display().to_string(),
        not_before: when::timestamp(in_use.not_before),
        not_after: when::timestamp(in_use.not_after),
        not_after_unix: in_use.not_after.unix_timestamp(),
        days_left: (in_use.not_after - now).whole_days(),
        validity,
        hinders,
        fingerprint: in_use.fingerprint.clone(),
        hint: match validity {
            Validity::NotYetValid => CLOCK.to_owned(),
            Validity::Expired | Validity::Valid => audit::renewal(&in_use.path),
        },
    }
}

/// How reloads went.
pub(super) fn reloads(status: &CredentialsStatus) -> Reloads {
    Reloads {
        loaded_at: status.loaded.map(when::timestamp),
        loaded: status.reloads.loaded,
        failed: status.reloads.failed,
        unchanged: status.reloads.unchanged,
        last: status.last().map(event),
        recent: status.recent.iter().map(event).collect(),
    }
}

fn event(reload: &Reload) -> Event {
    Event {
        at: when::timestamp(reload.at),
        outcome: match reload.outcome {
            ReloadOutcome::Failed => "failed",
            ReloadOutcome::Loaded => "loaded",
            ReloadOutcome::Unchanged => "unchanged",
        },
        directory: None,
        finding: reload.finding.clone(),
    }
}

use time::OffsetDateTime;

use super::status::{Certificate, Event, Reloads, Role, Validity};
use crate::pki::audit;
use crate::pki::{self, CredentialsStatus, InUse, Reload, ReloadOutcome, when};
use crate::report::FindingId;

/// The certificates in use, as they are shown.
pub(super) fn certificates(status: &CredentialsStatus, now: OffsetDateTime) -> Vec<Certificate> {
    let shown = |in_use| certificate(in_use, status.fails_handshakes(in_use, now), now);
    status.certificates.iter().map(shown).collect()
}

fn certificate(in_use: &InUse, fails_handshakes: bool, now: OffsetDateTime) -> Certificate {
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
    let id = match validity {
        Validity::NotYetValid => FindingId::CertsNotYetValid,
        Validity::Expired => FindingId::CertsExpired,
        Validity::Valid => FindingId::CertsExpiring,
    };
    // Handshakes fail with an expired CA unless another one is valid.
    let has_valid_ca = in_use.role.is_none() && !fails_handshakes;
    Certificate {
        role,
        subject: in_use.subject.clone(),
        file: in_use.path.display().to_string(),
        key_file: in_use.key_path.as_ref().map(|path| path.display().to_string()),
        not_before: when::timestamp(in_use.not_before),
        not_after: when::timestamp(in_use.not_after),
        not_after_unix: in_use.not_after.unix_timestamp(),
        days_left: (in_use.not_after - now).whole_days(),
        validity,
        fails_handshakes,
        fingerprint: in_use.fingerprint.clone(),
        hint: audit::cure_of_dates(id, in_use.role, &in_use.path, has_valid_ca),
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

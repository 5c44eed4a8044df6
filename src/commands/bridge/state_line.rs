//! The line that `systemctl status` shows: whether calls reach the upstream, and what is wrong with the certificates.

use std::fmt::Write as _;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::bridge::{Bridge, UpstreamState, UpstreamStatus};
use crate::commands::Clock;
use crate::net::Address;
use crate::pki::{CredentialsStatus, when};

/// Follows what the bridge publishes.
pub(super) struct StateLine {
    upstream: watch::Receiver<UpstreamStatus>,
    certificates: watch::Receiver<CredentialsStatus>,
    address: Address,
    clock: Clock,
    last: String,
}

impl StateLine {
    /// Of `bridge`, whose calls go to `address`.
    pub(super) fn of(bridge: &Bridge, address: &Address, clock: Clock) -> Self {
        Self {
            upstream: bridge.upstream(),
            certificates: bridge.credentials(),
            address: address.clone(),
            clock,
            last: String::new(),
        }
    }

    /// Waits until the line is another one than the last time. A wait that is given up loses nothing.
    pub(super) async fn next(&mut self) -> String {
        loop {
            let now = (self.clock)();
            let (line, due) = {
                let (upstream, certificates) =
                    (self.upstream.borrow_and_update(), self.certificates.borrow_and_update());
                (line(&upstream, &certificates, &self.address, now), due(&certificates, now))
            };
            if line != self.last {
                self.last.clone_from(&line);
                return line;
            }
            tokio::select! {
                // An error means that the bridge is gone, and the caller with it.
                Ok(()) = self.upstream.changed() => {}
                Ok(()) = self.certificates.changed() => {}
                () = sleep(due) => {}
            }
        }
    }
}

fn line(
    upstream: &UpstreamStatus,
    certificates: &CredentialsStatus,
    address: &Address,
    now: OffsetDateTime,
) -> String {
    let since = when::timestamp(upstream.since);
    let mut line = match &upstream.state {
        UpstreamState::Connecting => format!("connecting to `{address}`"),
        UpstreamState::Connected => format!("connected to `{address}` since {since}"),
        UpstreamState::Failing { cause } => {
            format!("failing since {since}: {}: {} ({})", cause.subject, cause.message, cause.id)
        }
    };
    let mut all = certificates.certificates.iter();
    if let Some(invalid) = all.find(|certificate| certificates.fails_handshakes(certificate, now)) {
        let what = match now < invalid.not_before {
            true => format!("is not valid before {}", when::timestamp(invalid.not_before)),
            false => format!("expired at {}", when::timestamp(invalid.not_after)),
        };
        // Writing to a string does not fail.
        let _ = write!(line, "; the certificate `{}` {what}", invalid.path.display());
    }
    let refused = certificates.last().and_then(|reload| reload.finding.as_ref()).into_iter();
    for finding in refused.chain(&certificates.unaccepted) {
        let _ = write!(line, "; {} ({})", finding.message, finding.id);
    }
    line
}

/// When to look at the clock again: at the next beginning or end of a certificate. Earlier if that is far away, because
/// a clock may be set, and a machine may sleep.
fn due(certificates: &CredentialsStatus, now: OffsetDateTime) -> Duration {
    let dates = certificates.certificates.iter().flat_map(|in_use| [in_use.not_before, in_use.not_after]);
    let next = dates.map(|date| date - now).filter(|left| !left.is_negative()).min();
    // The last second of its life is over a second after its beginning.
    let next = next.and_then(|left| Duration::try_from(left).ok()).map(|left| left + Duration::from_secs(1));
    next.unwrap_or(LONGEST).min(LONGEST)
}

const LONGEST: Duration = Duration::from_secs(60);

//! `/readyz`: do calls reach the extension server?

use std::fmt::Write as _;

use serde::Serialize;

use super::status::{Notice, Phase, State, Status};

/// Whether calls reach the upstream, and if not, why.
#[derive(Serialize)]
pub(super) struct Readiness<'a> {
    pub(super) ready: bool,
    reasons: &'a [Notice],
    warnings: &'a [Notice],
}

impl<'a> Readiness<'a> {
    pub(super) fn of(status: &'a Status) -> Self {
        Self { ready: status.ready, reasons: &status.reasons, warnings: &status.warnings }
    }

    /// One line for each reason, and its hint below.
    pub(super) fn text(&self) -> String {
        let mut text = if self.ready { "ready\n" } else { "not ready\n" }.to_owned();
        for (kind, notices) in [("reason", self.reasons), ("warning", self.warnings)] {
            for notice in notices {
                // Writing to a string does not fail.
                let _ = writeln!(text, "{kind}: {}", one_line(&notice.line()));
                if let Some(hint) = &notice.hint {
                    let _ = writeln!(text, "  hint: {}", one_line(hint));
                }
            }
        }
        text
    }
}

/// A peer's words must not look like a line of ours.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Why calls do not reach the upstream, or will not soon. `warnings` is what does not stop them yet.
pub(super) fn judge(status: &mut Status) {
    let mut reasons = Vec::new();
    if status.phase != Phase::Serving {
        reasons.push(Notice::new("the bridge is stopping and takes no new callers"));
    }
    match (&status.upstream.state, &status.upstream.cause) {
        (State::Connected, _) => {}
        (State::Connecting | State::Failing, Some(cause)) => reasons.push(Notice::of_finding(cause)),
        (State::Connecting | State::Failing, None) => {
            let upstream = &status.upstream.address;
            reasons.push(Notice::new(match status.upstream.connects {
                0 => format!("there is no connection to `{upstream}` yet"),
                _ => format!("the connection to `{upstream}` ended, and the bridge connects again"),
            }));
        }
    }
    let mut warnings = Vec::new();
    for certificate in &status.certificates {
        let notices = if certificate.fails_handshakes { &mut reasons } else { &mut warnings };
        notices.extend(certificate.why_invalid());
    }
    let failed = status.reloads.last.iter().filter_map(|reload| reload.finding.as_ref());
    warnings.extend(failed.map(Notice::of_finding));
    warnings.extend(status.unaccepted.iter().map(Notice::of_finding));
    // Calls pass, and Envoy Gateway still serves what it made of the errors before.
    if status.resync.needed_since.is_some() {
        let failed = status.resync.attempts.last().and_then(|attempt| attempt.finding.as_ref());
        warnings.extend(failed.map(Notice::of_finding));
    }
    status.ready = reasons.is_empty();
    (status.reasons, status.warnings) = (reasons, warnings);
}

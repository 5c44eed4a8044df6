use std::sync::atomic::{AtomicBool, Ordering};

use tonic::Code;
use tracing::warn;

use super::call_log::CallLog;
use crate::report::FindingId;

/// Watches the hook calls of Envoy Gateway: after an error it tries a call three times more, within a second, and then
/// not again until one of its own resources changes.
#[derive(Debug)]
pub(super) struct Hooks {
    /// Would calls be held, if they were told to?
    can_be_held: bool,
    /// Is Envoy Gateway made to ask again?
    asks_again: bool,
    /// It has been logged since the server last answered a call.
    is_told: AtomicBool,
}

impl Hooks {
    /// `can_be_held` if calls wait for a limited time only; `asks_again` if Envoy Gateway is made to.
    pub(super) fn new(can_be_held: bool, asks_again: bool) -> Self {
        Self { can_be_held, asks_again, is_told: AtomicBool::new(false) }
    }

    /// The bridge has answered `call` itself, with this gRPC code. `upstream` is the server's address.
    pub(super) fn unanswered(&self, call: &CallLog, code: i32, upstream: &str) {
        if !call.is_hook() || self.asks_again || self.is_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let id = FindingId::BridgeHookUnanswered;
        // Only calls that wait for a connection are held: not those whose answer takes too long, and not those for which
        // the operator has to change something first.
        let hint = match self.can_be_held && code == Code::Unavailable as i32 {
            true => {
                "start the bridge with `--resync DIR`, which makes Envoy Gateway ask again when the server is back, or with `--connect-wait forever`, which holds such calls until then"
            }
            false => {
                "when the server answers again, change a resource of Envoy Gateway; `--resync DIR` makes the bridge do that"
            }
        };
        warn!(
            upstream,
            path = call.path(),
            %id,
            hint,
            "Envoy Gateway got an error for a hook, and does not ask again until one of its resources changes"
        );
    }

    /// The server has answered a call.
    pub(super) fn answered(&self) {
        // Looked at first, because it is nearly always false, and all calls share it.
        if self.is_told.load(Ordering::Relaxed) {
            self.is_told.store(false, Ordering::Relaxed);
        }
    }
}

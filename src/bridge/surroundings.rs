use super::alarms::Alarms;
use super::call_log::CallLog;
use super::hooks::Hooks;
use super::phase::{Lifecycle, Watched};
use super::upstream::Upstream;

/// What every call needs from the bridge.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) upstream: Upstream,
    pub(super) hooks: Hooks,
    pub(super) phase: Watched,
    pub(super) alarms: Alarms,
}

impl Surroundings {
    /// The bridge answers `call` itself, with this gRPC code.
    pub(super) fn unanswered(&self, call: &CallLog, code: i32) {
        // A caller that is told that the bridge stops comes back to the next one.
        if *self.phase.borrow() == Lifecycle::Serving {
            self.hooks.unanswered(call, code, self.upstream.address());
        }
    }
}

use tokio::time::Instant;

use super::Outcome;

/// What has become of hook calls since there is a reader.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::bridge) struct HookTally {
    /// How many the bridge itself answered with an error: Envoy Gateway publishes without the extension then, or not at
    /// all.
    pub(in crate::bridge) failed: u64,
    /// When the last one of these began.
    pub(in crate::bridge) last_failed: Option<Instant>,
    /// How many the extension server answered, whatever its status.
    pub(in crate::bridge) served: u64,
    /// When the last one of these began.
    pub(in crate::bridge) last_served: Option<Instant>,
}

impl HookTally {
    /// Notes a hook call that has ended. False if it changes nothing.
    pub(super) fn note(&mut self, outcome: Outcome, begin: Instant) -> bool {
        let (count, last) = match outcome {
            Outcome::Server(_) => (&mut self.served, &mut self.last_served),
            Outcome::Bridge(_) => (&mut self.failed, &mut self.last_failed),
            Outcome::CallerGone => return false,
        };
        *count += 1;
        *last = (*last).max(Some(begin));
        true
    }
}

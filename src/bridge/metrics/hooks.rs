use super::Outcome;

/// What has become of hook calls since there is a reader.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::bridge) struct HookTally {
    /// How many the bridge itself answered with an error: Envoy Gateway publishes without the extension then, or not at
    /// all.
    pub(in crate::bridge) failed: u64,
    /// How many the extension server answered, whatever its status.
    pub(in crate::bridge) served: u64,
}

impl HookTally {
    /// Notes a hook call that has ended. False if it changes nothing.
    pub(super) fn note(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Server(_) => self.served += 1,
            Outcome::Bridge(_) => self.failed += 1,
            Outcome::CallerGone => return false,
        }
        true
    }
}

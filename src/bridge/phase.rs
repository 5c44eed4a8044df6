use tokio::sync::watch;

/// The state of the bridge between its start and its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lifecycle {
    /// Callers are accepted.
    Serving,
    /// No new caller is accepted; the calls in progress finish.
    Draining,
    /// The calls that are left get a status and end.
    Cutting,
}

/// Sees the phase change.
pub(super) type Watched = watch::Receiver<Lifecycle>;

/// Returns when the bridge is to stop.
pub(super) async fn stopping(phase: &mut Watched) {
    // An error means that the bridge is gone, which is the same news.
    let _ = phase.wait_for(|phase| *phase != Lifecycle::Serving).await;
}

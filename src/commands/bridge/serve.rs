//! A bridge that runs: what signals ask of it, and what systemd is told.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::info;

use super::notify::Notifier;
use super::state_line::StateLine;
use crate::bridge::{Bridge, Died, Drained};
use crate::commands::signals::{Order, Signals};
use crate::pki::CredentialsStatus;

/// Runs the bridge until it has stopped.
///
/// # Errors
/// When a part of it fails because of a bug.
pub(super) async fn serve(
    bridge: Bridge,
    state: StateLine,
    signals: &mut Signals,
    systemd: &Notifier,
) -> Result<Drained, Died> {
    let pulse = bridge.pulse();
    systemd.ready().await;
    tokio::select! {
        drained = obey(bridge, state, signals, systemd) => drained,
        never = systemd.attend(&pulse) => match never {},
    }
}

/// The bridge is in a task of its own, so that a panic is an error of this command and not an end without one.
async fn obey(
    bridge: Bridge,
    mut state: StateLine,
    signals: &mut Signals,
    systemd: &Notifier,
) -> Result<Drained, Died> {
    let stop = Arc::new(Notify::new());
    let (orders, mut certificates) = (bridge.reload(), bridge.credentials());
    // The end of the reload before the one that is under way.
    let mut reloading = None;
    let mut is_followed = systemd.is_there();
    let mut running = JoinSet::new();
    running.spawn({
        let stop = Arc::clone(&stop);
        async move { bridge.run(&stop).await }
    });
    loop {
        tokio::select! {
            Some(ended) = running.join_next() => return ended?,
            order = signals.next() => match order {
                Order::Stop => {
                    // Before the end, which may be close.
                    systemd.stopping().await;
                    is_followed = false;
                    stop.notify_one();
                }
                Order::Unknown(name) => info!("{name} has no meaning here"),
                Order::HangUp => {
                    systemd.reloading().await;
                    reloading.get_or_insert_with(|| ended(&certificates.borrow()));
                    orders.order();
                }
            },
            line = state.next(), if is_followed => systemd.status(&line).await,
            // Its outcome does not matter: with the old certificates the service goes on, and the log has the reason.
            () = reloaded(&mut certificates, reloading.flatten()), if reloading.is_some() => {
                reloading = None;
                systemd.ready().await;
            }
        }
    }
}

/// Returns when a reload has ended after that of the time `before`.
async fn reloaded(certificates: &mut watch::Receiver<CredentialsStatus>, before: Option<OffsetDateTime>) {
    // An error means that the bridge is gone, and so is the reload.
    let _ = certificates.wait_for(|status| ended(status) != before).await;
}

fn ended(certificates: &CredentialsStatus) -> Option<OffsetDateTime> {
    certificates.last().map(|last| last.at)
}

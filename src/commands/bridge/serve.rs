//! A bridge that runs: what signals ask of it, and what systemd is told.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::info;

use super::notify::Notifier;
use crate::bridge::{Bridge, Died, Drained, Reload};
use crate::commands::signals::{Order, Signals};

/// Runs the bridge until it has stopped.
///
/// # Errors
/// When a part of it fails because of a bug.
pub(super) async fn serve(
    bridge: Bridge,
    signals: &mut Signals,
    systemd: &Notifier,
) -> Result<Drained, Died> {
    let pulse = bridge.pulse();
    systemd.ready().await;
    tokio::select! {
        drained = obey(bridge, signals, systemd) => drained,
        never = systemd.attend(&pulse) => match never {},
    }
}

/// The bridge is in a task of its own, so that a panic is an error of this command and not an end without one.
async fn obey(bridge: Bridge, signals: &mut Signals, systemd: &Notifier) -> Result<Drained, Died> {
    let stop = Arc::new(Notify::new());
    let orders = bridge.reload();
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
                    stop.notify_one();
                }
                Order::Unknown(name) => info!("{name} has no meaning here"),
                Order::HangUp => reload(&orders, systemd).await,
            },
        }
    }
}

async fn reload(orders: &Reload, systemd: &Notifier) {
    systemd.reloading().await;
    orders.order();
    systemd.ready().await;
}

//! A connection is replaced when there are new certificates: first the new one is made, then new calls go there, and calls
//! on the old one have some time to finish. While the server does not accept the new certificates, the old connection
//! serves, and the bridge goes on trying.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::{FIRST_PAUSE, Keeper, LAST_PAUSE};
use crate::backoff::{Backoff, jittered};
use crate::bridge::credentials::{ClientSide, Noted};
use crate::net::Channel;
use crate::report::{Finding, FindingId};

/// Where new certificates come from, and where it is noted what the server says about them.
#[derive(Debug)]
pub(in crate::bridge) struct Renewal {
    pub(in crate::bridge) renewed: watch::Receiver<Option<ClientSide>>,
    pub(in crate::bridge) noted: Noted,
}

impl Renewal {
    /// Of a bridge whose certificates stay as they are.
    #[cfg(test)]
    pub(in crate::bridge) fn none() -> Self {
        let status = crate::pki::CredentialsStatus::none();
        Self {
            renewed: watch::Sender::new(None).subscribe(),
            noted: std::sync::Arc::new(watch::Sender::new(status)),
        }
    }

    /// Waits for new certificates, which are then for [`Keeper::take_renewed`].
    pub(super) async fn renewed(&mut self) {
        // Without files of certificates there is no sender any more.
        if self.renewed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.renewed.mark_changed();
    }
}

impl Keeper {
    /// From now on connections are made with the newest certificates. True if they are other ones than before.
    pub(super) fn take_renewed(&mut self) -> bool {
        if !self.renewal.renewed.has_changed().unwrap_or_default() {
            return false;
        }
        let Some(side) = self.renewal.renewed.borrow_and_update().clone() else { return false };
        self.target = self.target.with_tls(side.tls);
        self.own = side.own;
        true
    }

    /// Waits for the end of the connection, and replaces it when there are new certificates. Returns the last one.
    pub(super) async fn until_closed(&mut self, mut channel: Channel) -> Channel {
        loop {
            tokio::select! {
                () = channel.closed() => return channel,
                () = self.renewal.renewed() => {}
            }
            let Some(next) = self.replacement(&channel).await else { return channel };
            self.watch_draining(&channel);
            channel = self.replace(next);
        }
    }

    /// A new connection; `None` if the old one ends first.
    async fn replacement(&mut self, old: &Channel) -> Option<Channel> {
        let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
        loop {
            if self.take_renewed() {
                backoff.reset();
            }
            let connected = {
                let mut connecting = pin!(self.connect());
                tokio::select! {
                    connected = &mut connecting => Some(connected),
                    // A server with new certificates of its own sends us away while we connect: that is no reason to begin anew.
                    () = old.closed() => timeout(ALMOST, connecting).await.ok(),
                }
            };
            match connected {
                None => {
                    self.note(None);
                    return None;
                }
                // What keeps the bridge from connecting at all is told by the keeper.
                Some(Err(_)) if old.is_closed() => {
                    self.note(None);
                    return None;
                }
                Some(Ok(channel)) => return Some(channel),
                Some(Err(cause)) => self.note(Some(cause)),
            }
            tokio::select! {
                () = old.closed() => {}
                () = self.renewal.renewed() => {}
                () = sleep(jittered(backoff.advance())) => {}
            }
        }
    }

    /// New calls go to `next` from now on.
    fn replace(&mut self, next: Channel) -> Channel {
        self.note(None);
        let old = std::mem::replace(&mut self.connections, vec![next.cut()]);
        self.board.replaced(&next);
        let (connection, upstream) = (self.board.name(), self.target.address());
        info!(%connection, %upstream, "connected with the new certificates");
        let drain = self.drain;
        // What has ended by then is not cut. When the keeper ends, so do these.
        self.retired.spawn(async move {
            sleep(drain).await;
            old.into_iter().for_each(|connection| connection.because(REPLACED));
        });
        while self.retired.try_join_next().is_some() {}
        next
    }

    /// What the server says about the new certificates.
    fn note(&self, cause: Option<Finding>) {
        let known = self.renewal.noted.borrow().unaccepted.as_ref().map(|known| known.message.clone());
        let finding = cause.map(|cause| {
            let message = format!(
                "no connection with the new certificates, the old one stays: {} ({})",
                cause.message, cause.id
            );
            let finding = Finding::new(FindingId::BridgeReloadUnaccepted, cause.subject, message);
            match cause.hint {
                Some(hint) => finding.with_hint(hint),
                None => finding,
            }
        });
        if finding.as_ref().map(|finding| &finding.message) == known.as_ref() {
            return;
        }
        if let Some(Finding { subject, id, hint, message, .. }) = &finding {
            warn!(upstream = subject, %id, hint, "{message}");
        }
        self.renewal.noted.send_modify(|status| status.unaccepted = finding);
    }
}

/// Why calls on a connection that was replaced are cut.
const REPLACED: &str = "it was made with certificates that have been replaced, and the call did not finish within `--drain-timeout`";

/// How long an attempt may go on when the old connection has ended.
const ALMOST: Duration = Duration::from_secs(1);

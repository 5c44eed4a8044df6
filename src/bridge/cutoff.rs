use std::fmt::{self, Display};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;

use tokio::sync::Notify;

/// Why the bridge ends the connection of a caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GoAwayReason {
    Idle,
    Old,
    /// There are new settings for connections, above all new certificates.
    Replaced,
}

impl Display for GoAwayReason {
    /// Goes on after "the connection".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "was idle",
            Self::Old => "has reached its greatest age",
            Self::Replaced => "was made with certificates that have been replaced",
        })
    }
}

/// Tells the calls of one connection that they are cut, so that each of them can still be answered.
#[derive(Debug, Default)]
pub(super) struct Cutoff {
    reason: OnceLock<GoAwayReason>,
    news: Notify,
}

impl Cutoff {
    /// Cuts the calls. The first reason counts.
    pub(super) fn cut(&self, reason: GoAwayReason) {
        // Fails if they are cut already.
        let _ = self.reason.set(reason);
        self.news.notify_waiters();
    }

    /// Ready when the calls are cut. Wakes no task: [`Cutoff::waking`] does.
    pub(super) fn poll(&self) -> Poll<GoAwayReason> {
        self.reason.get().copied().map_or(Poll::Pending, Poll::Ready)
    }

    /// The same future, which is polled once more when the calls are cut. So a call can look for the reason wherever it
    /// waits, and needs no waker of its own there.
    pub(super) async fn waking<T>(&self, call: impl Future<Output = T>) -> T {
        let (mut news, mut call) = (pin!(self.news.notified()), pin!(call));
        poll_fn(|context| {
            // Wakes the task; the call itself sees the reason.
            let _ = news.as_mut().poll(context);
            call.as_mut().poll(context)
        })
        .await
    }
}

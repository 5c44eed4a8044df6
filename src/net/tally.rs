use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::warn;

/// Events that strangers can cause as often as they like: the first one has a log line, later ones are counted, and
/// one line from time to time has their number.
#[derive(Debug)]
pub(crate) struct Tally {
    what: &'static str,
    hint: Option<&'static str>,
    /// How often it has happened.
    total: AtomicU64,
    counted: Mutex<Counted>,
    opened: Notify,
}

#[derive(Debug, Default)]
struct Counted {
    /// The first one has been logged, and the others are being counted.
    open: bool,
    all: u64,
    /// By reason. There are few, and what is beyond that counts in `all` only.
    reasons: BTreeMap<String, u64>,
}

impl Tally {
    /// `what` is what happens, as a log line says it.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, hint: None, total: AtomicU64::new(0), counted: Mutex::default(), opened: Notify::new() }
    }

    /// The same, with what to do about it.
    pub(crate) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// It has happened once more, for this reason.
    pub(crate) fn note(&self, reason: impl Display) {
        self.total.fetch_add(1, Ordering::Relaxed);
        let mut counted = self.lock();
        if !mem::replace(&mut counted.open, true) {
            self.opened.notify_one();
            return warn!(%reason, hint = self.hint, "{}", self.what);
        }
        counted.all += 1;
        let reason = reason.to_string();
        if counted.reasons.len() < REASONS || counted.reasons.contains_key(&reason) {
            *counted.reasons.entry(reason).or_default() += 1;
        }
    }

    /// How often it has happened.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Writes the lines with numbers, whenever one is due.
    pub(crate) async fn sum_up(&self) -> Infallible {
        loop {
            self.opened.notified().await;
            loop {
                sleep(PERIOD).await;
                if !self.tell() {
                    break;
                }
            }
        }
    }

    /// Logs what has been counted. False if there was nothing; then the next event has a line of its own again.
    pub(crate) fn tell(&self) -> bool {
        let mut counted = self.lock();
        let Counted { all, reasons, .. } = mem::take(&mut *counted);
        let Some((reason, times)) = reasons.into_iter().max_by_key(|(_, times)| *times) else { return false };
        counted.open = true;
        match all {
            1 => warn!(%reason, hint = self.hint, "{}", self.what),
            _ => {
                warn!(
                    times = all,
                    most = reason,
                    most_times = times,
                    hint = self.hint,
                    "{}, several times",
                    self.what
                );
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From one line to the next.
const PERIOD: Duration = Duration::from_secs(10);

/// How many different reasons are counted: peers can influence their words.
const REASONS: usize = 16;

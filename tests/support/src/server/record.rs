use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::watch;

use crate::LIMIT;

/// What a server saw, for the test to ask about.
#[derive(Debug)]
pub(super) struct Record {
    seen: Mutex<Seen>,
    changed: Condvar,
    serving: watch::Sender<bool>,
    /// How often all connections were cut.
    cuts: watch::Sender<usize>,
    /// How often all clients were told to go elsewhere.
    goodbyes: watch::Sender<usize>,
    frozen: Arc<AtomicBool>,
    pub(super) watched: Watched,
}

/// How `Health/Watch` is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Watched {
    /// With each change.
    Always,
    /// With what is no message.
    Badly,
    /// With the health that there is not, and no end.
    Falsely,
    /// It is not.
    Never,
    /// With the health that there is, and the end.
    Once,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) connections: usize,
    pub(super) client_certificates: usize,
    pub(super) server_names: Vec<Option<String>>,
    pub(super) paths: Vec<String>,
    /// Octets of what has no end.
    pub(super) poured: usize,
    pub(super) headers: Vec<http::HeaderMap>,
}

impl Record {
    pub(super) fn new(serving: bool, watched: Watched) -> Self {
        Self {
            seen: Mutex::default(),
            changed: Condvar::new(),
            serving: watch::Sender::new(serving),
            cuts: watch::Sender::new(0),
            goodbyes: watch::Sender::new(0),
            frozen: Arc::default(),
            watched,
        }
    }

    /// Counts a connection: its number.
    pub(super) fn connection(&self) -> usize {
        self.change(|seen| {
            seen.connections += 1;
            seen.connections
        })
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen.lock().expect("no panic while it was held"));
        self.changed.notify_all();
        result
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.seen.lock().expect("no panic while it was held"))
    }

    pub(super) fn wait(&self, what: &str, reached: impl Fn(&Seen) -> bool) {
        let seen = self.seen.lock().expect("no panic while it was held");
        let (seen, waited) = self
            .changed
            .wait_timeout_while(seen, LIMIT, |seen| !reached(seen))
            .expect("no panic while it was held");
        let seen = format!("{:?}", *seen);
        assert!(!waited.timed_out(), "the {what} did not come; the server saw {seen}");
    }

    pub(super) fn set_serving(&self, serving: bool) {
        self.serving.send_replace(serving);
    }

    pub(super) fn serving(&self) -> bool {
        *self.serving.borrow()
    }

    /// Its health, from now on.
    pub(super) fn health(&self) -> watch::Receiver<bool> {
        self.serving.subscribe()
    }

    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Returns when all connections are cut.
    pub(super) async fn is_cut(&self) {
        // An error means that the server has ended.
        let _ = self.cuts.subscribe().changed().await;
    }

    pub(super) fn say_goodbye(&self) {
        self.goodbyes.send_modify(|goodbyes| *goodbyes += 1);
    }

    /// Returns when all clients are told to go elsewhere.
    pub(super) async fn says_goodbye(&self) {
        // An error means that the server has ended.
        let _ = self.goodbyes.subscribe().changed().await;
    }

    pub(super) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// Set when it is frozen.
    pub(super) fn frozen(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.frozen)
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }
}

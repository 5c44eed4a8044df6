//! One timer for the deadlines of all calls.
//!
//! Almost every call ends long before its deadline. With a timer of the runtime for each call, each of them would be the
//! earliest one for a moment, and the runtime would write to its own descriptor and read from it again, to be woken in
//! time: two calls of the kernel for each call of gRPC. Here a task waits for the earliest deadline that it has heard of,
//! also after the call has ended, and only an earlier one wakes it. Usually deadlines come in their order.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Wakes tasks when their time is over. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    clock: Mutex<Clock>,
    /// An alarm is earlier than the one that is waited for.
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Clock {
    set: BTreeMap<(Instant, u64), Arc<Bell>>,
    /// Until when the task waits.
    waits_until: Option<Instant>,
    /// Tells apart alarms of one instant.
    number: u64,
}

#[derive(Debug)]
struct Bell {
    has_rung: AtomicBool,
    waker: Mutex<Waker>,
}

impl Alarms {
    /// An alarm that rings `at` this instant. Nothing is set before it is polled.
    pub(super) fn at(&self, at: Instant) -> Alarm {
        Alarm { alarms: self.clone(), at, set: None }
    }

    /// Rings the alarms.
    pub(super) async fn run(self) -> Infallible {
        loop {
            let next = {
                let mut clock = lock(&self.0.clock);
                clock.ring(Instant::now());
                clock.waits_until = clock.set.keys().next().map(|(at, _)| *at);
                clock.waits_until
            };
            tokio::select! {
                () = async { match next {
                    Some(next) => sleep_until(next).await,
                    None => pending().await,
                } } => {}
                () = self.0.earlier.notified() => {}
            }
        }
    }
}

impl Clock {
    fn ring(&mut self, now: Instant) {
        while let Some(first) = self.set.first_entry().filter(|first| first.key().0 <= now) {
            let bell = first.remove();
            bell.has_rung.store(true, Ordering::Release);
            lock(&bell.waker).wake_by_ref();
        }
    }
}

/// Rings once. Stops when it is dropped.
#[derive(Debug)]
pub(super) struct Alarm {
    alarms: Alarms,
    at: Instant,
    set: Option<(u64, Arc<Bell>)>,
}

impl Alarm {
    /// Ready when the time has come.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let Some((_, bell)) = &self.set else { return self.set(context.waker()) };
        let mut waker = lock(&bell.waker);
        if bell.has_rung.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        waker.clone_from(context.waker());
        Poll::Pending
    }

    fn set(&mut self, waker: &Waker) -> Poll<()> {
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        let bell = Arc::new(Bell { has_rung: AtomicBool::new(false), waker: Mutex::new(waker.clone()) });
        let shared = &self.alarms.0;
        let mut clock = lock(&shared.clock);
        clock.number += 1;
        let number = clock.number;
        clock.set.insert((self.at, number), Arc::clone(&bell));
        self.set = Some((number, bell));
        if clock.waits_until.is_none_or(|until| self.at < until) {
            clock.waits_until = Some(self.at);
            shared.earlier.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some((number, _)) = self.set {
            lock(&self.alarms.0.clock).set.remove(&(self.at, number));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;

    /// When the alarms ring that were set at the same moment, in milliseconds.
    async fn rings(alarms: &Alarms, limits: &[u64]) -> Vec<u128> {
        let begin = Instant::now();
        let mut ringing = JoinSet::new();
        for limit in limits {
            let mut alarm = alarms.at(begin + Duration::from_millis(*limit));
            ringing.spawn(async move {
                poll_fn(|context| alarm.poll(context)).await;
                begin.elapsed().as_millis()
            });
        }
        let mut rung = ringing.join_all().await;
        rung.sort_unstable();
        rung
    }

    #[tokio::test(start_paused = true)]
    async fn each_rings_at_its_time() {
        let alarms = Alarms::default();
        let _running = JoinSet::from_iter([alarms.clone().run()]);
        assert_eq!(rings(&alarms, &[3000, 50, 50, 1000, 0]).await, [0, 50, 50, 1000, 3000]);
        // Also when there was none for a while.
        assert_eq!(rings(&alarms, &[20]).await, [20]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_dropped_is_forgotten() {
        let alarms = Alarms::default();
        let _running = JoinSet::from_iter([alarms.clone().run()]);
        let mut dropped = alarms.at(Instant::now() + Duration::from_secs(1));
        assert!(dropped.poll(&Context::from_waker(Waker::noop())).is_pending());
        drop(dropped);
        assert!(lock(&alarms.0.clock).set.is_empty());
        assert_eq!(rings(&alarms, &[2000]).await, [2000]);
    }
}

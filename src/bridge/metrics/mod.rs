//! What the bridge counts. A call costs some atomic additions and no lock; the path is compared once, when the call
//! begins.
//!
//! Only `call_log` writes here. Readers get copies: [`MethodCalls`] for metrics and the page, [`HookTally`] for code
//! that waits for hook calls.

mod code;
mod histogram;
mod hooks;
mod method;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

pub use code::Code;
use histogram::Histogram;
pub use histogram::Latency;
pub(super) use hooks::HookTally;
pub use method::Method;

/// All that is counted for calls.
#[derive(Debug)]
pub(super) struct Metrics {
    methods: [Counters; Method::ALL.len()],
    hooks: watch::Sender<HookTally>,
}

/// Who ended a call, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The extension server answered, with this status.
    Server(Code),
    /// The bridge itself answered.
    Bridge(Code),
    /// The caller went away before there was an answer.
    CallerGone,
}

impl Outcome {
    /// Who ended the call, in a word.
    pub(super) fn by(self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Bridge(_) => "bridge",
            Self::CallerGone => "caller",
        }
    }

    pub(super) fn code(self) -> Option<Code> {
        match self {
            Self::Server(code) | Self::Bridge(code) => Some(code),
            Self::CallerGone => None,
        }
    }
}

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) method: Method,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
    /// Of messages, as they were passed on.
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self { methods: Default::default(), hooks: watch::Sender::new(HookTally::default()) }
    }

    pub(super) fn began(&self, method: Method) {
        self.methods[method.index()].in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, call: &Ended) {
        let counters = &self.methods[call.method.index()];
        counters.of(call.outcome).fetch_add(1, Ordering::Relaxed);
        counters.request_bytes.fetch_add(call.request_bytes, Ordering::Relaxed);
        counters.response_bytes.fetch_add(call.response_bytes, Ordering::Relaxed);
        counters.latency.observe(call.took);
        counters.in_flight.fetch_sub(1, Ordering::Relaxed);
        // Without a reader this is one atomic load.
        if call.method.is_hook() && self.hooks.receiver_count() > 0 {
            self.hooks.send_if_modified(|tally| tally.note(call.outcome));
        }
    }

    /// What becomes of hook calls from now on.
    pub(super) fn hooks(&self) -> watch::Receiver<HookTally> {
        self.hooks.subscribe()
    }

    /// A copy of all numbers.
    pub(super) fn read(&self) -> Vec<MethodCalls> {
        Method::ALL.iter().zip(&self.methods).map(|(method, counters)| counters.read(*method)).collect()
    }
}

/// The counters of one method.
#[derive(Debug, Default)]
struct Counters {
    in_flight: AtomicU64,
    server: [AtomicU64; Code::ALL.len()],
    bridge: [AtomicU64; Code::ALL.len()],
    caller_gone: AtomicU64,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
    latency: Histogram,
}

impl Counters {
    fn of(&self, outcome: Outcome) -> &AtomicU64 {
        match outcome {
            Outcome::Server(code) => &self.server[code.index()],
            Outcome::Bridge(code) => &self.bridge[code.index()],
            Outcome::CallerGone => &self.caller_gone,
        }
    }

    fn read(&self, method: Method) -> MethodCalls {
        let by_code = |counters: &[AtomicU64]| {
            let numbers = counters.iter().map(|counter| counter.load(Ordering::Relaxed));
            Code::ALL.into_iter().zip(numbers).filter(|(_, number)| *number > 0).collect()
        };
        MethodCalls {
            method,
            in_flight: self.in_flight.load(Ordering::Relaxed),
            server: by_code(&self.server),
            bridge: by_code(&self.bridge),
            caller_gone: self.caller_gone.load(Ordering::Relaxed),
            request_bytes: self.request_bytes.load(Ordering::Relaxed),
            response_bytes: self.response_bytes.load(Ordering::Relaxed),
            latency: self.latency.read(),
        }
    }
}

/// What was counted for the calls of one method.
#[derive(Clone, Debug)]
pub struct MethodCalls {
    /// The method.
    pub method: Method,
    /// How many have begun and not ended.
    pub in_flight: u64,
    /// How many the extension server answered, by code; codes without calls are left out.
    pub server: Vec<(Code, u64)>,
    /// How many the bridge itself answered.
    pub bridge: Vec<(Code, u64)>,
    /// How many ended without an answer, because the caller went away.
    pub caller_gone: u64,
    /// Bytes of messages that were passed on to the upstream.
    pub request_bytes: u64,
    /// Bytes of messages that were passed back.
    pub response_bytes: u64,
    /// How long they took, from the arrival of the header fields to the status.
    pub latency: Latency,
}

impl MethodCalls {
    /// How many have ended.
    pub fn ended(&self) -> u64 {
        let answered = self.server.iter().chain(&self.bridge).map(|(_, number)| number);
        answered.sum::<u64>() + self.caller_gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::Hook;

    fn ended(method: Method, outcome: Outcome) -> Ended {
        Ended { method, outcome, took: Duration::from_millis(3), request_bytes: 5, response_bytes: 7 }
    }

    #[test]
    fn a_call_is_counted_once_under_its_method_and_code() {
        let metrics = Metrics::new();
        let route = Method::Hook(Hook::Route);
        for outcome in [
            Outcome::Server(Code::from_number(0)),
            Outcome::Bridge(Code::from_number(14)),
            Outcome::CallerGone,
        ] {
            metrics.began(route);
            metrics.ended(&ended(route, outcome));
        }
        metrics.began(Method::Other);
        let read = metrics.read();
        let calls = &read[route.index()];
        assert_eq!((calls.in_flight, calls.ended(), calls.caller_gone), (0, 3, 1));
        assert_eq!(calls.server, [(Code::from_number(0), 1)]);
        assert_eq!(calls.bridge, [(Code::from_number(14), 1)]);
        assert_eq!((calls.request_bytes, calls.response_bytes, calls.latency.count()), (15, 21, 3));
        assert_eq!(read[Method::Other.index()].in_flight, 1);
    }

    #[test]
    fn readers_learn_which_hook_calls_the_bridge_had_to_answer() {
        let metrics = Metrics::new();
        let mut hooks = metrics.hooks();
        metrics.began(Method::HealthCheck);
        metrics.ended(&ended(Method::HealthCheck, Outcome::Bridge(Code::from_number(14))));
        assert!(!hooks.has_changed().expect("it lives"), "no hook");
        let route = Method::Hook(Hook::Route);
        metrics.began(route);
        metrics.ended(&ended(route, Outcome::Bridge(Code::from_number(14))));
        assert_eq!(hooks.borrow_and_update().failed, 1);
        metrics.began(route);
        metrics.ended(&ended(route, Outcome::Server(Code::from_number(0))));
        assert_eq!(hooks.borrow_and_update().served, 1);
    }
}

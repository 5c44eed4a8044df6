//! Asks an upstream that is silent during calls whether it is still there.
//!
//! TCP notices within half a minute that a host has gone ([`super::dial()`]). It does not notice a server that stands still, nor
//! that a relay has lost the server behind it: a load balancer, a tunnel, a sidecar. A PING of HTTP/2 goes all the way.
//!
//! But servers count PINGs, and end a connection that has too many of them (ENHANCE_YOUR_CALM, `too_many_pings`). By
//! default, grpc-go and gRPC's C core allow one in two hours without calls, and one in five minutes during calls. They count
//! anew when they have sent a part of an answer. So there is a PING only when calls wait or were given up in vain, and one in
//! five minutes unless a call was answered since the last one. Calls are those of the same connection, because servers count
//! for each: while an old connection comes to its end, its successor may be idle, or may be answered all the time.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Keepalive;
use super::stream::Wire;
use super::traffic::{Activity, Traffic};
use crate::http2::Pings;

/// What became of a PING.
enum PingOutcome {
    Answered,
    /// The connection has ended by now.
    Ended,
    /// Nothing arrived in time.
    NoAnswer,
}

/// Sends PING to a server that is silent during calls, and cuts the connection if it does not answer. Returns when the
/// connection has ended.
pub(super) async fn keep_alive(
    mut pings: Pings,
    wire: Weak<Wire>,
    Keepalive { interval, timeout }: Keepalive,
    traffic: Arc<Traffic>,
) {
    let mut was_silent = false;
    // How many calls had been given up at the look before something was heard. They may be shorter than the interval.
    let mut known = traffic.activity().given_up;
    let mut before = known;
    // When the last PING was sent, and how many calls the server had answered by then.
    let mut last: Option<(Instant, u64)> = None;
    loop {
        sleep(interval / LOOKS).await;
        let Some(heard) = wire.upgrade().map(|wire| wire.has_heard()) else { return };
        let Activity { in_flight, answered, given_up } = traffic.activity();
        if heard {
            known = before;
        }
        before = given_up;
        let is_silent = !heard && (in_flight > 0 || given_up != known);
        // A call that was there at one look only may have begun just now.
        let is_suspect = mem::replace(&mut was_silent, is_silent) && is_silent;
        let is_soon = last.is_some_and(|(at, known)| known == answered && at.elapsed() < LEAST_PAUSE);
        if !is_suspect || is_soon {
            continue;
        }
        match ping(&mut pings, &wire, timeout).await {
            PingOutcome::Answered => last = Some((Instant::now(), traffic.activity().answered)),
            PingOutcome::Ended => return,
            PingOutcome::NoAnswer => {
                let words = format!("no answer to a PING within {timeout:?}");
                wire.upgrade().inspect(|wire| wire.give_up(&io::Error::new(io::ErrorKind::TimedOut, words)));
                return;
            }
        }
    }
}

async fn ping(pings: &mut Pings, wire: &Weak<Wire>, limit: Duration) -> PingOutcome {
    if pings.send().is_err() {
        return PingOutcome::Ended;
    }
    // In two halves: if this process itself stood still, the time may be over before anything could be read.
    let mut silent_halves = 0;
    while silent_halves < 2 {
        match timeout(limit / 2, poll_fn(|context| pings.poll_answer(context))).await {
            Ok(Ok(_)) => return PingOutcome::Answered,
            Ok(Err(_)) => return PingOutcome::Ended,
            // The answer to the PING may be behind a large message.
            Err(_) => match wire.upgrade().map(|wire| wire.has_heard()) {
                None => return PingOutcome::Ended,
                Some(true) => silent_halves = 0,
                Some(false) => silent_halves += 1,
            },
        }
    }
    PingOutcome::NoAnswer
}

/// In each interval.
const LOOKS: u32 = 2;

/// The shortest time between two PINGs, unless a call was answered.
const LEAST_PAUSE: Duration = Duration::from_secs(5 * 60);

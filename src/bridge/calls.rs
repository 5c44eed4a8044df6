use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::alarms::Alarm;
use super::call_log::CallLog;
use super::checked::{Whose, checked};
use super::connection_name::ConnectionName;
use super::cutoff::Cutoff;
use super::deadline::Limits;
use super::exchange::{Exchange, Failure};
use super::metrics::Metrics;
use super::request::{Caller, NextHop};
use super::surroundings::Surroundings;
use crate::http2::server::Call;
use crate::http2::{Judged, RecvStream, RequestHead, SendStream};
use crate::net::deadline;

/// Passes calls on.
#[derive(Debug)]
pub(super) struct Calls {
    bridge: Surroundings,
    route: NextHop,
    call_timeout: Option<Duration>,
    metrics: Arc<Metrics>,
}

impl Calls {
    pub(super) fn new(
        bridge: Surroundings,
        route: NextHop,
        call_timeout: Option<Duration>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self { bridge, route, call_timeout, metrics })
    }

    /// Rings after so long.
    pub(super) fn alarm(&self, after: Duration) -> Alarm {
        self.bridge.alarms.at(deadline(after))
    }

    /// Passes one call on, and its response back, or answers it.
    ///
    /// What is dropped at the end without having come to its own end is reset, on either side.
    pub(super) async fn pass(
        self: Arc<Self>,
        (head, body, mut respond): Call,
        (caller, connection): (Caller, ConnectionName),
        cutoff: Arc<Cutoff>,
    ) {
        let mut log = CallLog::new(&self.metrics, connection, head.message.path.as_ref());
        let outcome = {
            // It is not moved: it is as large as all that a call may wait for.
            let forwarded = pin!(self.forward((head, body), &mut respond, caller, &cutoff, &mut log));
            cutoff.waking(forwarded).await
        };
        match outcome {
            Ok(()) | Err(Failure::CallerGone) => {}
            Err(Failure::Answer(answer)) => {
                log.answered_by_bridge(answer.code());
                self.bridge.unanswered(&log, answer.code());
                // Fails when the caller has gone.
                let _ = respond.send_response(&answer.into_response(), true);
            }
        }
    }

    async fn forward(
        &self,
        (head, body): (Box<Judged<RequestHead>>, RecvStream),
        respond: &mut SendStream,
        caller: Caller,
        cutoff: &Cutoff,
        log: &mut CallLog,
    ) -> Result<(), Failure> {
        let head = checked(*head, Whose::Caller)?;
        let limits = Limits::new(&head.fields, self.call_timeout)?;
        let head = self.route.prepare(head, &caller)?;
        let mut exchange = Exchange::new((&self.bridge, cutoff), limits, body, caller, log);
        let outcome = exchange.run(head, respond).await;
        exchange.count();
        outcome
    }
}

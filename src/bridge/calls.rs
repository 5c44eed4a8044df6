use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;

use super::call_log::CallLog;
use super::connection_name::ConnectionName;
use super::cutoff::Cutoff;
use super::deadline::Limits;
use super::exchange::{Exchange, Failure};
use super::headers_of::HeadersOf;
use super::metrics::Metrics;
use super::request::{Caller, NextHop};
use super::surroundings::Surroundings;
use crate::net::HeaderFaults;

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

    /// Passes one call on, and its response back, or answers it.
    ///
    /// What is dropped at the end without having come to its own end is reset, on either side.
    pub(super) async fn pass(
        self: Arc<Self>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        (caller, connection): (Caller, ConnectionName),
        faults: HeaderFaults,
        cutoff: Arc<Cutoff>,
    ) {
        let mut log = CallLog::new(&self.metrics, connection, request.uri().path_and_query());
        let forwarded = self.forward(request, &mut respond, caller, (faults, &cutoff), &mut log);
        match cutoff.waking(forwarded).await {
            Ok(()) | Err(Failure::CallerGone) => {}
            Err(Failure::Answer(answer)) => {
                log.answered_by_bridge(answer.code());
                self.bridge.unanswered(&log, answer.code());
                // Fails when the caller has gone.
                let _ = respond.send_response(answer.into_response(), true);
            }
        }
    }

    async fn forward(
        &self,
        request: Request<RecvStream>,
        respond: &mut SendResponse<Bytes>,
        caller: Caller,
        (faults, cutoff): (HeaderFaults, &Cutoff),
        log: &mut CallLog,
    ) -> Result<(), Failure> {
        let asked = HeadersOf::new(faults, respond.stream_id(), "the call's header fields");
        asked.check()?;
        let (head, body) = request.into_parts();
        let limits = Limits::new(&head.headers, self.call_timeout)?;
        let head = self.route.prepare(head, &caller)?;
        let mut exchange = Exchange::new((&self.bridge, cutoff), limits, body, caller, asked, log);
        let outcome = exchange.run(head, respond).await;
        exchange.count();
        outcome
    }
}

//! From what the bridge publishes to what is shown.

use std::fmt::{self, Debug};

use time::OffsetDateTime;

use super::credentials;
use super::process::Process;
use super::readiness;
use super::status::{self, Bucket, Calls, Cause, Connections, Event, Phase, Resync, SCHEMA, State, Status};
use crate::bridge::{
    Latency, MethodCalls, Observer, Overview, Pulse, ResyncOutcome, ResyncStatus, UpstreamState,
    UpstreamStatus,
};
use crate::net::Crowd;
use crate::pki::when;

/// What the admin server shows, read anew for each request.
pub struct View {
    observer: Observer,
    pulse: Pulse,
    clock: fn() -> OffsetDateTime,
    version: &'static str,
    lost_lines: Box<dyn Fn() -> u64 + Send + Sync>,
    process: Process,
}

impl Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("observer", &self.observer).finish_non_exhaustive()
    }
}

impl View {
    /// Of the bridge behind `observer`. `lost_lines` is how many log lines were lost. Opens the files of this process,
    /// so it is made before a sandbox forbids that.
    pub fn new(
        observer: Observer,
        pulse: Pulse,
        clock: fn() -> OffsetDateTime,
        version: &'static str,
        lost_lines: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { observer, pulse, clock, version, lost_lines: Box::new(lost_lines), process: Process::open() }
    }

    /// Whether the parts of the bridge work.
    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// All of it at this moment.
    pub(super) fn status(&self) -> Status {
        let now = (self.clock)();
        let overview = self.observer.overview();
        let mut status = Status {
            schema: SCHEMA,
            version: self.version,
            now: when::timestamp(now),
            started: when::timestamp(overview.started),
            // A clock that was set back gives none.
            uptime_seconds: u64::try_from((now - overview.started).whole_seconds()).unwrap_or_default(),
            started_unix: overview.started.unix_timestamp(),
            listen: overview.listen.to_string(),
            phase: if overview.is_stopping { Phase::Draining } else { Phase::Serving },
            ready: false,
            reasons: Vec::new(),
            warnings: Vec::new(),
            upstream: upstream(&overview, now),
            certificates: credentials::certificates(&overview.credentials, now),
            reloads: credentials::reloads(&overview.credentials),
            unaccepted: overview.credentials.unaccepted.clone(),
            resync: resync(&overview.resync),
            calls: calls(&overview.calls),
            connections: connections(&overview.callers),
            log_lines_dropped: (self.lost_lines)(),
            process: self.process.usage(),
        };
        readiness::judge(&mut status);
        status
    }
}

fn upstream(overview: &Overview, now: OffsetDateTime) -> status::Upstream {
    let UpstreamStatus { state, since, held, connects, failures, ends, causes, .. } = &overview.upstream;
    let (state, cause) = match state {
        UpstreamState::Connected => (State::Connected, None),
        UpstreamState::Connecting => {
            // Of this time without a connection, not of an earlier one.
            let last = causes.last().filter(|past| past.last >= *since);
            (State::Connecting, last.map(|past| past.cause.clone()))
        }
        UpstreamState::Failing { cause } => (State::Failing, Some(cause.clone())),
    };
    let causes = causes.iter().map(|past| Cause {
        first: when::timestamp(past.first),
        last: when::timestamp(past.last),
        times: past.times,
        finding: past.cause.clone(),
    });
    status::Upstream {
        address: overview.upstream_address.to_string(),
        state,
        since: when::timestamp(*since),
        since_unix: since.unix_timestamp(),
        age: when::distance(*since, now),
        cause,
        held: held.map_or(0, |held| held.calls as u64),
        held_since: held.map(|held| when::timestamp(held.since)),
        held_since_unix: held.map(|held| held.since.unix_timestamp()),
        connects: *connects,
        failures: failures.iter().map(|(id, times)| (id.name(), *times)).collect(),
        ends: ends.iter().map(|(end, times)| (end.name(), *times)).collect(),
        causes: causes.collect(),
    }
}

/// Methods without calls are left out.
fn calls(methods: &[MethodCalls]) -> Vec<Calls> {
    let used = methods.iter().filter(|calls| calls.in_flight > 0 || calls.ended() > 0);
    used.map(|calls| Calls {
        method: calls.method.name(),
        in_flight: calls.in_flight,
        answered_by_server: calls.server.iter().map(|(code, number)| (code.name(), *number)).collect(),
        answered_by_bridge: calls.bridge.iter().map(|(code, number)| (code.name(), *number)).collect(),
        caller_gone: calls.caller_gone,
        request_bytes: calls.request_bytes,
        response_bytes: calls.response_bytes,
        duration: duration(&calls.latency),
    })
    .collect()
}

fn resync(status: &ResyncStatus) -> Resync {
    let attempts = status.attempts.iter().map(|attempt| {
        let (outcome, finding) = match &attempt.outcome {
            ResyncOutcome::Done => ("done", None),
            ResyncOutcome::Interrupted => ("interrupted", None),
            ResyncOutcome::Failed(finding) => ("failed", Some(finding.clone())),
        };
        let directory = Some(attempt.directory.display().to_string());
        Event { at: when::timestamp(attempt.at), outcome, directory, finding }
    });
    Resync {
        directories: status.directories.iter().map(|directory| directory.display().to_string()).collect(),
        needed_since: status.needed_since.map(when::timestamp),
        done: status.done,
        failed: status.failed,
        attempts: attempts.collect(),
    }
}

fn connections(crowd: &Crowd) -> Connections {
    Connections {
        open: crowd.open as u64,
        accepted: crowd.accepted,
        refused: crowd.refused.iter().copied().collect(),
    }
}

fn duration(latency: &Latency) -> status::Duration {
    let quantile = |share| latency.quantile(share).and_then(Result::ok).map(|bound| bound.as_secs_f64());
    let bounds = Latency::BOUNDS.iter().map(|bound| Some(bound.as_secs_f64())).chain([None]);
    let buckets = bounds.zip(latency.buckets).map(|(up_to_seconds, calls)| Bucket { up_to_seconds, calls });
    status::Duration {
        sum_seconds: latency.sum.as_secs_f64(),
        p50_seconds: quantile(0.5),
        p99_seconds: quantile(0.99),
        buckets: buckets.collect(),
    }
}

use std::sync::Arc;

use http::header::HeaderName;
use http::uri::PathAndQuery;
use tokio::time::Instant;
use tracing::{debug, error};

use super::connection_name::ConnectionName;
use super::metrics::{Code, Ended, Method, Metrics, Outcome};
use crate::http2::Fields;

/// The one place that observes a call: its log line and its metrics, both when it is dropped.
#[derive(Debug)]
pub(super) struct CallLog {
    metrics: Arc<Metrics>,
    connection: ConnectionName,
    method: Method,
    path: Option<PathAndQuery>,
    begin: Instant,
    /// The first answer, and when there was one.
    answer: Option<(Outcome, Instant)>,
    request_bytes: u64,
    response_bytes: u64,
}

impl CallLog {
    pub(super) fn new(
        metrics: &Arc<Metrics>,
        connection: ConnectionName,
        path: Option<&PathAndQuery>,
    ) -> Self {
        let method = Method::from_path(path.map_or("", PathAndQuery::path));
        metrics.began(method);
        Self {
            metrics: Arc::clone(metrics),
            connection,
            method,
            path: path.cloned(),
            begin: Instant::now(),
            answer: None,
            request_bytes: 0,
            response_bytes: 0,
        }
    }

    /// The path of the method.
    pub(super) fn path(&self) -> &str {
        self.path.as_ref().map_or("", PathAndQuery::path)
    }

    /// Whether it is a hook of Envoy Gateway.
    pub(super) fn is_hook(&self) -> bool {
        self.method.is_hook()
    }

    /// The server has answered. `code` is the number of the gRPC status, if it sent one.
    pub(super) fn answered_by_server(&mut self, code: Option<i32>) {
        self.answered(Outcome::Server(code.map_or(Code::NONE, Code::from_number)));
    }

    /// The bridge has answered.
    pub(super) fn answered_by_bridge(&mut self, code: i32) {
        self.answered(Outcome::Bridge(Code::from_number(code)));
    }

    /// Bytes of the request's messages that were passed on.
    pub(super) fn passed_on(&mut self, bytes: u64) {
        self.request_bytes = bytes;
    }

    /// Bytes of the response's messages that were passed back.
    pub(super) fn passed_back(&mut self, bytes: u64) {
        self.response_bytes = bytes;
    }

    /// Only the first answer counts: a failure that follows it belongs to the same call.
    fn answered(&mut self, outcome: Outcome) {
        if self.answer.is_none() {
            self.answer = Some((outcome, Instant::now()));
        }
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!(connection = %self.connection, path = self.path(), "a fault of the bridge ended this call");
        }
        let (outcome, end) = self.answer.unwrap_or_else(|| (Outcome::CallerGone, Instant::now()));
        let Self { connection, method, begin, request_bytes, response_bytes, .. } = *self;
        let took = end - begin;
        self.metrics.ended(&Ended { method, outcome, took, request_bytes, response_bytes });
        let code = outcome.code().and_then(Code::number);
        let milliseconds = took.as_secs_f64() * 1000.0;
        let by = outcome.by();
        debug!(%connection, path = self.path(), code, by, milliseconds, request_bytes, response_bytes, "call");
    }
}

/// The gRPC status in headers or trailers.
pub(super) fn status(fields: &Fields) -> Option<i32> {
    fields.get(&GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

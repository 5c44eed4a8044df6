use http::HeaderMap;
use http::header::HeaderName;
use http::uri::PathAndQuery;
use tokio::time::Instant;
use tracing::{debug, error};

/// The one log line of a call.
#[derive(Debug)]
pub(super) struct CallLog {
    path: Option<PathAndQuery>,
    begin: Instant,
    ended: bool,
}

impl CallLog {
    pub(super) fn new(path: Option<&PathAndQuery>) -> Self {
        Self { path: path.cloned(), begin: Instant::now(), ended: false }
    }

    /// The path of the method.
    pub(super) fn path(&self) -> &str {
        self.path.as_ref().map_or("", PathAndQuery::path)
    }

    /// Writes the line, once. `code` is the number of the gRPC status, if there was one.
    pub(super) fn end(&mut self, code: Option<i32>) {
        if !std::mem::replace(&mut self.ended, true) {
            let milliseconds = self.begin.elapsed().as_secs_f64() * 1000.0;
            debug!(path = self.path(), code, milliseconds, "call");
        }
    }
}

impl Drop for CallLog {
    // The caller went away before the end.
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!(path = self.path(), "a fault of the bridge ended this call");
        }
        self.end(None);
    }
}

/// The gRPC status in headers or trailers.
pub(super) fn status(headers: &HeaderMap) -> Option<i32> {
    headers.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

//! A gRPC-aware proxy for one pair of addresses: HTTP/2 in, HTTP/2 out, TLS where the address says so.
//!
//! Envoy Gateway calls its extension server without a deadline and waits without a limit while it cannot connect.
//! The bridge always answers: within the connect-wait it returns a gRPC status with the words of `egext probe`,
//! `UNAVAILABLE` if trying again may help and `FAILED_PRECONDITION` if the operator has to change something.
//!
//! One connection to the upstream serves all calls (`upstream`). Messages are never decoded: bodies,
//! trailers and resets pass through as they come, under HTTP/2's own flow control (`calls`, `pipe`).
//!
//! Both sides have an HTTP/2 of their own (`http2`): on a shared connection each limit of a library affects the calls of
//! others, and most of a call's time was spent there. One task for each call watches the caller, the upstream, the
//! deadline and both directions in every state.

mod alarms;
mod answer;
mod buffer;
mod call_log;
mod calls;
mod checked;
mod clock;
mod connection;
mod connection_name;
mod credentials;
mod cutoff;
mod deadline;
mod died;
mod exchange;
mod forwarded;
mod front;
mod hooks;
mod metrics;
mod overview;
mod phase;
mod pipe;
mod pulse;
mod request;
mod resync;
mod server;
mod surroundings;
mod upstream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

pub use credentials::{Credentials, Reload};
pub use died::Died;
pub use metrics::{Code, Latency, Method, MethodCalls};
pub use overview::{Observer, Overview};
pub use pulse::{Pulse, Stuck};
pub use resync::{ResyncAttempt, ResyncOutcome, ResyncPlan, ResyncStatus};
pub use server::{Bridge, Drained, Shortage};
pub use upstream::{DEFAULT_CONNECT_WAIT, HeldCalls, PastCause, UpstreamEnd, UpstreamState, UpstreamStatus};

use crate::net::{Address, CallerLimits, Keepalive, ServerTls, SocketAccess, Target};
use crate::pki::Certificate;

/// What to connect with what.
#[derive(Clone, Debug)]
pub struct BridgePlan {
    /// Where to listen.
    pub listen: Address,
    /// How to speak TLS there; `None` for plaintext addresses.
    pub server: Option<Arc<ServerTls>>,
    /// Where calls go.
    pub upstream: Target,
    /// The certificate that we present to the upstream.
    pub own: Option<Certificate>,
    /// Where all of that came from, if it is to be loaded again when it changes.
    pub credentials: Option<Credentials>,
    /// The directory of our certificates, for commands in hints.
    pub directory: PathBuf,
    /// Was our certificate looked for in that directory?
    pub searched: bool,
    /// How long calls wait for a connection before they get an answer; `None` holds them until there is one.
    pub connect_wait: Option<Duration>,
    /// Limit of every call, without the time for which it waits for a connection; `None` leaves it to the caller's
    /// `grpc-timeout`.
    pub call_timeout: Option<Duration>,
    /// How long calls in progress may go on after the signal to stop.
    pub drain_timeout: Duration,
    /// Where Envoy Gateway is made to translate again.
    pub resync: ResyncPlan,
    /// Who may connect, if `listen` is a unix socket.
    pub socket: SocketAccess,
    /// How much callers may use, and how much time they have.
    pub callers: CallerLimits,
    /// When the upstream is asked whether it is still there; `None` for never.
    pub keepalive: Option<Keepalive>,
    /// Reads the clock, for verdicts about certificates.
    pub clock: fn() -> OffsetDateTime,
}

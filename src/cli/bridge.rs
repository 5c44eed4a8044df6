use clap::Args;
use tracing::Level;

use super::{Material, values};
use crate::host::Host;
use crate::net::Address;
use crate::report::log::LogFormat;
use crate::units::Span;

/// Connect a plaintext caller with a server that speaks mutual TLS, or the reverse.
#[derive(Args, Debug)]
#[command(after_help = BRIDGE_HELP)]
pub struct Bridge {
    /// Where to listen: `unix:/path`, `tcp://` on loopback, or `tls://host:port`
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_LISTEN")]
    pub listen: Address,
    /// Where calls go: `host:port` (TLS), `tcp://host:port` or `unix:/path`
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_UPSTREAM")]
    pub upstream: Address,
    /// Name that the upstream's certificate must have; the address's host without it
    #[arg(long, value_name = "NAME", env = "EGEXT_SERVER_NAME")]
    pub server_name: Option<Host>,
    /// How long calls wait for a connection before they are answered with the cause
    #[arg(long, value_name = "DURATION", default_value = "4s", env = "EGEXT_CONNECT_WAIT")]
    pub connect_wait: Span,
    /// Limit of every call; the caller's `grpc-timeout` can only shorten it; `0s` for none
    #[arg(long, value_name = "DURATION", default_value = "30s", env = "EGEXT_CALL_TIMEOUT")]
    pub call_timeout: Span,
    /// How long calls under way may go on after SIGTERM or SIGINT; a second signal cuts them
    #[arg(long, value_name = "DURATION", default_value = "30s", env = "EGEXT_DRAIN_TIMEOUT")]
    pub drain_timeout: Span,
    /// One line of text or one JSON object for each event, on stderr
    #[arg(long, value_parser = values::log_format(), value_name = "FORMAT", default_value = "text", env = "EGEXT_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// What to log: error, warn, info, debug (every call) or trace
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "EGEXT_LOG_LEVEL")]
    pub log_level: Level,
    /// What we trust and what we show.
    #[command(flatten)]
    pub material: Material,
}

const BRIDGE_HELP: &str = "\
Examples:
  egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005
      Envoy Gateway speaks plaintext to the socket, the bridge mutual TLS to the server.
  egext bridge --listen tls://0.0.0.0:5005 --upstream unix:/run/server.sock
      The reverse: mutual TLS in front of a server that has none.

Plaintext is served on unix sockets (0600, same user or root) and on loopback only.
With TLS on both sides the files come from `--dir`: server.crt for callers, client.crt for the upstream.
Exit codes: 0 stopped by a signal, 2 could not run.";

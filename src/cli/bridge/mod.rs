mod admin;
mod callers;
mod calls;
mod limits;
mod operation;
mod resync;

use std::path::PathBuf;

use clap::Args;

pub(super) use admin::admin_address;
pub use admin::{AdminAddressError, AdminArgs};
pub use callers::Callers;
pub use operation::Operation;
pub use resync::Resync;

use self::calls::Calls;
use self::limits::Limits;
use crate::cli::Material;
use crate::host::Host;
use crate::net::Address;

/// Proxy gRPC calls between plaintext and mutual TLS.
#[derive(Args, Debug)]
#[command(after_help = BRIDGE_HELP)]
pub struct Bridge {
    /// Address to listen on: `unix:/path`, `tcp://host:port` or `tls://host:port`
    ///
    /// `unix:` and `tcp://` are plaintext; `tcp://` must be a loopback address.
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_LISTEN")]
    pub listen: Address,
    /// Server to forward calls to: `host:port`, `tcp://host:port` or `unix:/path`
    ///
    /// `host:port` uses TLS, the other two are plaintext.
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_UPSTREAM", value_parser = Address::of_upstream)]
    pub upstream: Address,
    /// Name expected in the upstream's certificate [default: host of `--upstream`]
    #[arg(long, value_name = "NAME", env = "EGEXT_SERVER_NAME")]
    pub server_name: Option<Host>,
    /// Where people and monitoring see what it does.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// Which callers are served.
    #[command(flatten)]
    pub callers: Callers,
    /// How long calls wait and last.
    #[command(flatten)]
    pub calls: Calls,
    /// What callers may use, and how long connections last.
    #[command(flatten)]
    pub limits: Limits,
    /// How it runs as a service.
    #[command(flatten)]
    pub operation: Operation,
    /// After an outage.
    #[command(flatten)]
    pub resync: Resync,
    /// What we trust and what we show.
    #[command(flatten)]
    pub material: Material,
    /// Certificate revocation lists to check peers against (PEM or DER)
    ///
    /// May be given more than once. Every certificate in a peer's chain must then be covered by a list of its CA that has
    /// not expired; otherwise the peer is rejected.
    #[arg(long, value_name = "FILE", env = "EGEXT_CRL", help_heading = "Certificates")]
    pub crl: Vec<PathBuf>,
}

const BRIDGE_HELP: &str = "\
Examples:
  egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005
      Envoy Gateway speaks plaintext to the socket, the bridge speaks mutual TLS to the server.
  egext bridge --listen tls://0.0.0.0:5005 --upstream unix:/run/server.sock
      The reverse: mutual TLS in front of a plaintext server.

Plaintext is served on unix sockets (0600, same user or root) and on loopback only.
With TLS on both sides the files come from `--dir`: server.crt for callers, client.crt for the upstream.
Exit codes: 0 stopped by a signal, 1 calls were cut at the end, 2 could not run.";

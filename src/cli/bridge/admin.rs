use clap::Args;

use crate::net::{Address, AddressError};

/// Where people and monitoring can see what the bridge does.
#[derive(Args, Debug)]
#[command(next_help_heading = "Status and metrics")]
pub struct AdminArgs {
    /// Serve status page, readiness and metrics: `unix:/path` or `127.0.0.1:PORT`
    ///
    /// It is read-only, and it is served to this machine only: on a unix socket (0600) or on a loopback address.
    /// `/` is a page for people, `/readyz` says whether calls reach the upstream, `/metrics` is for Prometheus.
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_ADMIN", value_parser = plaintext)]
    pub admin: Option<Address>,
}

/// Without a scheme it is plaintext here: the admin server has no TLS.
fn plaintext(text: &str) -> Result<Address, AddressError> {
    match text.contains("://") || text.starts_with("unix:") || text.starts_with(['/', '.', '@']) {
        true => text.parse(),
        false => format!("tcp://{text}").parse(),
    }
}

use std::net::IpAddr;

use clap::Args;

use crate::net::{Address, AddressError};
use crate::report::Hint;

/// Where people and monitoring can see what the bridge does.
#[derive(Args, Debug)]
#[command(next_help_heading = "Status and metrics")]
pub struct AdminArgs {
    /// Serve status page, readiness and metrics: `unix:/path` or `127.0.0.1:PORT`
    ///
    /// It is read-only, and it is served to this machine only: on a unix socket (0600) or on a loopback address.
    /// `/` is a page for people, `/readyz` says whether calls reach the upstream, `/metrics` is for Prometheus.
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_ADMIN", value_parser = admin_address)]
    pub admin: Option<Address>,
}

/// Without a scheme it is plaintext here: the admin server has no TLS.
pub(in crate::cli) fn admin_address(text: &str) -> Result<Address, AdminAddressError> {
    let has_scheme =
        text.contains("://") || ["unix:", "unix-abstract:"].iter().any(|scheme| text.starts_with(scheme));
    let parsed = match has_scheme || text.starts_with(['/', '.', '@']) {
        true => text.parse(),
        false => format!("tcp://{text}").parse(),
    };
    parsed.map_err(|source| match source {
        AddressError::Malformed { .. } => AdminAddressError::Malformed { text: text.to_owned() },
        AddressError::Scheme { .. } => AdminAddressError::Url { text: text.to_owned(), meant: meant(text) },
        error @ (AddressError::Port { .. } | AddressError::UserInfo { .. }) => {
            AdminAddressError::Other { error, meant: meant(text) }
        }
        source => AdminAddressError::Address(source),
    })
}

/// The user named no address where the admin server could listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminAddressError {
    /// As with every address.
    #[error(transparent)]
    Address(AddressError),
    /// No port, no host, or parts that an address cannot have.
    #[error("`{text}` is not an address to listen on; expected `127.0.0.1:PORT` or `unix:/path`")]
    Malformed {
        /// As typed.
        text: String,
    },
    /// An address with a part that belongs elsewhere.
    #[error("{error}")]
    Other {
        /// As with every address.
        error: AddressError,
        /// What was probably meant.
        meant: String,
    },
    /// A URL, as a browser takes it.
    #[error("`{text}` is a URL; expected `127.0.0.1:PORT` or `unix:/path`")]
    Url {
        /// As typed. It has no password, which would be another error.
        text: String,
        /// What was probably meant.
        meant: String,
    },
}

impl Hint for AdminAddressError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Address(error) => error.hint(),
            Self::Malformed { text } => Some(format!("write `{}`", meant(text))),
            Self::Other { meant, .. } | Self::Url { meant, .. } => Some(format!("write `{meant}`")),
        }
    }
}

/// What was probably meant.
fn meant(text: &str) -> String {
    if text.starts_with(['/', '.']) {
        return format!("unix:{text}");
    }
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => (host, port),
        None if rest.parse::<u16>().is_ok() => ("", rest),
        _ => (rest, ""),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_ours = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let host = if is_ours { host } else { "127.0.0.1" };
    let port = port.parse::<u16>().unwrap_or(PORT);
    format!("{host}:{port}")
}

/// As in the examples.
const PORT: u16 = 9464;

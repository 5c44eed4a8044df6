use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::host::Host;
use crate::net::{Address, Transport};
use crate::printable::printable;

/// The text is not the address of a Workload API.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not the address of a Workload API: {reason}")]
pub struct EndpointError {
    text: String,
    reason: &'static str,
}

/// Reads the address of a Workload API: `unix:///PATH` or `tcp://IP:PORT` (SPIFFE Workload Endpoint, section 4).
///
/// # Errors
/// When it is neither.
pub fn parse_endpoint(text: &str) -> Result<Address, EndpointError> {
    let refused = |reason| EndpointError { text: printable(text), reason };
    let (scheme, rest) = text.split_once(':').ok_or_else(|| refused(NO_SCHEME))?;
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !fragment.is_empty() || !query.is_empty() {
        return Err(refused("it must not have a query or a fragment"));
    }
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    match scheme.to_ascii_lowercase().as_str() {
        "unix" => socket(authority, path).map_err(refused),
        "tcp" => port(authority, path).map_err(refused),
        _ => Err(refused(NO_SCHEME)),
    }
}

fn socket(authority: &str, path: &str) -> Result<Address, &'static str> {
    if !authority.is_empty() || !path.starts_with('/') {
        return Err("it needs the absolute path of a socket, as in `unix:///run/spire/agent.sock`");
    }
    Ok(Address::Unix(PathBuf::from(std::ffi::OsString::from_vec(percent_decode_str(path).collect()))))
}

fn port(authority: &str, path: &str) -> Result<Address, &'static str> {
    let wrong = "it needs an IP address and a port, as in `tcp://127.0.0.1:8000`";
    let (host, port) = authority.rsplit_once(':').filter(|_| path.is_empty()).ok_or(wrong)?;
    let host = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']').and_then(|host| host.parse().ok()).map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    };
    let port = Some(port).filter(|port| port.bytes().all(|octet| octet.is_ascii_digit()));
    match (host, port.and_then(|port| port.parse().ok())) {
        (Some(host), Some(port)) => {
            Ok(Address::Tcp { host: Host::Ip(host), port, transport: Transport::Plaintext })
        }
        _ => Err(wrong),
    }
}

const NO_SCHEME: &str = "it must begin with `unix:` or `tcp:`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_ports_are_addresses() {
        for (text, address) in [
            ("unix:///run/spire/agent.sock", "unix:/run/spire/agent.sock"),
            ("unix:/run/agent.sock", "unix:/run/agent.sock"),
            ("UNIX:///a?#", "unix:/a"),
            ("unix:///a%20b", "unix:/a b"),
            ("tcp://127.0.0.1:8000", "tcp://127.0.0.1:8000"),
            ("tcp://[::1]:1", "tcp://[::1]:1"),
        ] {
            assert_eq!(parse_endpoint(text).expect(text).to_string(), address);
        }
    }

    #[test]
    fn everything_else_is_none() {
        for text in [
            "",
            "/run/agent.sock",
            "http://127.0.0.1:1",
            "unix:",
            "unix:agent.sock",
            "unix://agent.sock",
            "unix://host/agent.sock",
            "unix:///a?b",
            "unix:///a#b",
            "tcp:127.0.0.1:1",
            "tcp://localhost:1",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:",
            "tcp://127.0.0.1:+1",
            "tcp://127.0.0.1:99999",
            "tcp://127.0.0.1:1/",
            "tcp://user@127.0.0.1:1",
            "tcp://::1:1",
            "tcp://[127.0.0.1]:1",
        ] {
            parse_endpoint(text).expect_err(text);
        }
    }
}

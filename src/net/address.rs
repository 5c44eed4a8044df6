use std::fmt::{self, Display};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::address_error::{AddressError, is_abstract, is_number, is_path, looks_like_ipv6, meant};
use super::naming::{GRPC_PORT, address_of_target, behind_dns_server};
use crate::host::Host;

/// Where a server listens, and whether TLS is spoken there.
///
/// Forms: `host:port` and `tls://host:port` (TLS), `tcp://host:port` (plaintext), `unix:/path` and
/// `unix:///path` (plaintext; the gRPC naming document's forms). IPv6 addresses stand in brackets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// Name or IP address.
        host: Host,
        /// 0 only where a port is to be chosen.
        port: u16,
        /// What is spoken on it.
        transport: Transport,
    },
    /// A unix socket, plaintext.
    Unix(PathBuf),
}

/// What is spoken on a connection below HTTP/2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// Nothing: HTTP/2 with prior knowledge.
    Plaintext,
    /// TLS 1.2 or 1.3.
    Tls,
}

impl Address {
    /// The port that Envoy Gateway's examples use for extension servers.
    pub const DEFAULT_PORT: u16 = 5005;

    /// Parses the address of a server to connect to, whose port may be left out: `host`, `tls://host`, `tcp://host`.
    /// It is [`Self::DEFAULT_PORT`] then.
    ///
    /// Also in the forms of gRPC: `dns:host:port`, `dns:///host:port`, `ipv4:address:port`, `ipv6:[address]:port`.
    ///
    /// # Errors
    /// When it is no address.
    pub fn of_server(text: &str) -> Result<Self, AddressError> {
        // A password is hidden by the errors of `parse`.
        if let Some(rest) = behind_dns_server(text).filter(|_| !text.contains('@')) {
            let meant = Self::parse(rest, Some(GRPC_PORT)).ok();
            return Err(AddressError::DnsServer { text: text.to_owned(), meant });
        }
        match address_of_target(text) {
            Some(rest) => Self::parse(rest, Some(GRPC_PORT)),
            None => Self::parse(text, Some(Self::DEFAULT_PORT)),
        }
    }

    /// Parses the address of a server to connect to, with its port.
    ///
    /// # Errors
    /// When it is no address, or one that no server can have: port 0 is for those that listen.
    pub fn of_upstream(text: &str) -> Result<Self, AddressError> {
        match text.parse()? {
            Self::Tcp { host, port: 0, .. } => Err(AddressError::port(&host.to_string(), "0", text)),
            address => Ok(address),
        }
    }

    /// What is spoken there.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Tcp { transport, .. } => *transport,
            Self::Unix(_) => Transport::Plaintext,
        }
    }

    /// `host:port`, or what gRPC uses for unix sockets: `localhost`
    /// (grpc-go v1.83.0:internal/resolver/unix/unix.go).
    pub fn authority(&self) -> String {
        match self {
            Self::Tcp { host, port, .. } => host_port(host, *port),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    fn parse(text: &str, default_port: Option<u16>) -> Result<Self, AddressError> {
        if is_abstract(text) {
            return Err(AddressError::Abstract { text: text.to_owned() });
        }
        if let Some(rest) = text.strip_prefix("unix:") {
            return unix(text, rest);
        }
        if is_path(text) {
            return Err(AddressError::Malformed { text: text.to_owned(), meant: meant(text) });
        }
        if text.contains('@') {
            return Err(AddressError::user_info(text));
        }
        let (transport, rest) = match text.split_once("://") {
            None => (Transport::Tls, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tls") => (Transport::Tls, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tcp") => (Transport::Plaintext, rest),
            Some((scheme, _)) => {
                return Err(AddressError::Scheme { scheme: scheme.to_owned(), meant: meant(text) });
            }
        };
        let malformed = || AddressError::Malformed { text: text.to_owned(), meant: meant(text) };
        let (host, port) = split_port(rest).ok_or_else(malformed)?;
        if is_number(rest) {
            return Err(malformed());
        }
        if rest.split_once('%').is_some_and(|(before, _)| before.starts_with('[') || looks_like_ipv6(before))
        {
            return Err(AddressError::Zone { text: text.to_owned() });
        }
        if host.contains(':') && !rest.starts_with('[') {
            return Err(match looks_like_ipv6(rest) {
                true => AddressError::Brackets { text: text.to_owned(), meant: meant(text) },
                false => malformed(),
            });
        }
        if host.is_empty() {
            return Err(malformed());
        }
        let port = match (port, default_port) {
            (Some(typed), _) => {
                let wrong = || AddressError::port(host, typed, text);
                // A server that can be called has no port 0, and `+5` is a number to Rust only.
                let port = typed
                    .parse()
                    .ok()
                    .filter(|port| is_number(typed) && (default_port.is_none() || *port > 0));
                port.ok_or_else(wrong)?
            }
            (None, Some(port)) => port,
            (None, None) => return Err(malformed()),
        };
        Ok(Self::Tcp { host: host.parse()?, port, transport })
    }

    /// The path, where it is a unix socket.
    pub fn socket_path(&self) -> Option<&Path> {
        match self {
            Self::Tcp { .. } => None,
            Self::Unix(path) => Some(path),
        }
    }
}

impl Display for Address {
    /// As it would be typed; TLS is what a bare `host:port` means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, transport } => {
                if *transport == Transport::Plaintext {
                    f.write_str("tcp://")?;
                }
                f.write_str(&host_port(host, *port))
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text, None)
    }
}

/// Host, without brackets, and port, if there is one: `None` where brackets do not close, or something else than a
/// port follows them.
pub(super) fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once(']')? {
            (host, "") => Some((host, None)),
            (host, rest) => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    Some(match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

fn unix(text: &str, rest: &str) -> Result<Address, AddressError> {
    let path = match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) if text.contains('@') => return Err(AddressError::user_info(text)),
        Some(_) => return Err(AddressError::Malformed { text: text.to_owned(), meant: meant(text) }),
        None => rest,
    };
    if path.is_empty() || path.len() > SOCKET_PATH_LIMIT {
        return Err(AddressError::SocketPath { path: path.into() });
    }
    if is_directory(path) {
        return Err(AddressError::SocketDirectory { path: path.into() });
    }
    if path.contains('\0') {
        return Err(AddressError::Malformed { text: text.to_owned(), meant: meant(text) });
    }
    Ok(Address::Unix(path.into()))
}

/// Can this path only be that of a directory?
pub(crate) fn is_directory(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("" | "." | ".."))
}

fn host_port(host: &Host, port: u16) -> String {
    match host {
        Host::Ip(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        host => format!("{host}:{port}"),
    }
}

/// `sun_path` has 108 bytes on Linux, the last one is NUL.
pub(crate) const SOCKET_PATH_LIMIT: usize = 107;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_parses_and_prints_back() {
        for (text, printed) in [
            ("localhost:5005", "localhost:5005"),
            ("tls://Example.COM:443", "example.com:443"),
            ("tcp://127.0.0.1:80", "tcp://127.0.0.1:80"),
            ("[::1]:5005", "[::1]:5005"),
            ("tcp://[::1]:5005", "tcp://[::1]:5005"),
            ("my_service:1", "my_service:1"),
            ("unix:/run/eg.sock", "unix:/run/eg.sock"),
            ("unix:///run/eg.sock", "unix:/run/eg.sock"),
            ("unix:eg.sock", "unix:eg.sock"),
            ("unix:./@x", "unix:./@x"),
        ] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), printed);
        }
    }

    #[test]
    fn the_port_of_a_server_may_be_left_out() {
        for (text, printed) in [
            ("localhost", "localhost:5005"),
            ("tls://extension.internal", "extension.internal:5005"),
            ("tcp://127.0.0.1", "tcp://127.0.0.1:5005"),
            ("[::1]", "[::1]:5005"),
            ("tcp://[::1]", "tcp://[::1]:5005"),
            ("localhost:1", "localhost:1"),
            ("unix:/run/eg.sock", "unix:/run/eg.sock"),
        ] {
            assert_eq!(Address::of_server(text).expect(text).to_string(), printed);
        }
        for text in
            ["", "localhost:", ":5005", "::1", "::1:5005", "[::1", "[::1]x", "[]", "tls://", "5005", "1.2.3"]
        {
            Address::of_server(text).expect_err(text);
        }
    }

    #[test]
    fn garbage_is_refused() {
        let long = format!("unix:/{}", "x".repeat(SOCKET_PATH_LIMIT));
        for text in [
            "",
            "localhost",
            "localhost:",
            ":5005",
            "localhost:65536",
            "localhost:-1",
            "localhost:+1",
            "::1:5005",
            "[::1]",
            "http://x:1",
            "unix:",
            "unix:@x",
            "unix:@",
            "unix:/",
            "unix:/run/",
            "unix:/run/.",
            "unix:..",
            "unix://x/y",
            "a b:1",
            "-a:1",
            "300.1.1.1:1",
            "1.2.3:4",
            &long,
        ] {
            text.parse::<Address>().expect_err(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_parses_parses_again(text in "(unix:|tcp://|tls://)?[\\[\\]:a-z0-9/._-]{0,24}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>().expect("printed form"), address);
            }
        }
    }
}

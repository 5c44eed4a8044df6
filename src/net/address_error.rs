//! Why a text is not an address, and what was probably meant.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use super::address::{Address, SOCKET_PATH_LIMIT, Transport, split_port};
use crate::host::{HostError, without_user};
use crate::report::Hint;

/// The user typed something that is not an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A socket of Linux without a file, as Envoy and Go (`@name`) or gRPC (`unix-abstract:name`) write it.
    #[error("`{text}` is an abstract socket, which has no owner and no mode; expected `unix:/path`")]
    Abstract {
        /// As typed.
        text: String,
    },
    /// An IPv6 address without brackets.
    #[error("the IPv6 address in `{text}` needs brackets")]
    Brackets {
        /// As typed.
        text: String,
        /// What was probably meant.
        meant: Option<Address>,
    },
    /// A target of gRPC that names the DNS server to ask.
    #[error("`{text}` names the DNS server to ask, but names are resolved by the system's resolver only")]
    DnsServer {
        /// As typed.
        text: String,
        /// The same without that server, if it is an address.
        meant: Option<Address>,
    },
    /// Neither a host name nor an IP address.
    #[error(transparent)]
    Host(#[from] HostError),
    /// No port, no host, or parts that an address cannot have.
    #[error(
        "`{text}` is not an address; expected `host:port`, `tls://host:port`, `tcp://host:port` or `unix:/path`"
    )]
    Malformed {
        /// As typed.
        text: String,
        /// What was probably meant.
        meant: Option<Address>,
    },
    /// Not a number from 0 to 65535.
    #[error("{shown} is not a port number")]
    Port {
        /// As typed, unless it may be a password.
        shown: String,
        /// What was probably meant.
        meant: Option<Address>,
    },
    /// A scheme that we do not know.
    #[error("unknown scheme `{scheme}://`; expected `tls://`, `tcp://` or `unix:`")]
    Scheme {
        /// As typed.
        scheme: String,
        /// What was probably meant.
        meant: Option<Address>,
    },
    /// A directory in place of a socket.
    #[error("`{}` is the path of a directory, not of a socket", path.display())]
    SocketDirectory {
        /// As typed.
        path: PathBuf,
    },
    /// Longer than the kernel allows, or empty.
    #[error("the path of a unix socket has 1 to {SOCKET_PATH_LIMIT} bytes, `{}` has {}", path.display(), path.as_os_str().len())]
    SocketPath {
        /// As typed.
        path: PathBuf,
    },
    /// A user name, perhaps with a password, which is neither kept nor printed.
    #[error("`{hidden}` has a user name or a password, which an address cannot have")]
    UserInfo {
        /// As typed, with `***` in place of both.
        hidden: String,
        /// What was probably meant.
        meant: Option<Address>,
    },
    /// An address that is valid on one network interface only.
    #[error("`{text}` has a zone, the part behind `%`, which is not supported")]
    Zone {
        /// As typed.
        text: String,
    },
}

impl AddressError {
    /// `host:port` may be a user and a password whose host is missing.
    pub(super) fn port(host: &str, port: &str, text: &str) -> Self {
        let number = port.split(['/', '?', '#']).next().unwrap_or_default();
        let shown = match is_number(number) {
            true => format!("`{port}`"),
            false => format!("what stands behind `{host}:`"),
        };
        Self::Port { shown, meant: meant(text) }
    }

    pub(super) fn user_info(text: &str) -> Self {
        Self::UserInfo { hidden: without_user(text), meant: meant(text) }
    }
}

impl Hint for AddressError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Host(error) => return error.hint(),
            Self::Abstract { text } => {
                let name =
                    text.trim_start_matches(ABSTRACT).trim_start_matches("unix:").trim_start_matches('@');
                let is_name = !name.is_empty() && !name.contains(|c: char| c == '/' || c.is_control());
                let name = if is_name { name } else { "eg" };
                format!(
                    "write `unix:/run/egext/{name}.sock`; `unix:./@{name}` is a file whose name begins with `@`"
                )
            }
            Self::SocketPath { path } if path.as_os_str().is_empty() => {
                "name a path, such as `unix:/run/egext/eg.sock`".to_owned()
            }
            Self::SocketDirectory { path } => {
                format!("name the socket in it: `unix:{}`", path.join("eg.sock").display())
            }
            Self::SocketPath { .. } => "choose a shorter path, such as `/run/egext/eg.sock`".to_owned(),
            Self::Port { meant: None, .. } => {
                "a port is a number from 1 to 65535, as in `localhost:5005`".to_owned()
            }
            Self::UserInfo { meant: Some(meant), .. } => {
                format!("write `{meant}`; a client certificate proves who you are")
            }
            Self::Brackets { meant: Some(meant), .. }
            | Self::DnsServer { meant: Some(meant), .. }
            | Self::Malformed { meant: Some(meant), .. }
            | Self::Port { meant: Some(meant), .. }
            | Self::Scheme { meant: Some(meant), .. } => format!("write `{meant}`"),
            Self::Brackets { meant: None, .. } => "write it as in `[::1]:5005`".to_owned(),
            Self::Zone { .. } => {
                "use an address without a zone, or a name: a link-local address can be put into `/etc/hosts`"
                    .to_owned()
            }
            Self::DnsServer { meant: None, .. }
            | Self::Malformed { meant: None, .. }
            | Self::Scheme { meant: None, .. }
            | Self::UserInfo { meant: None, .. } => {
                "for example `localhost:5005`, or `tcp://localhost:5005` without TLS".to_owned()
            }
        })
    }
}

/// The address that was probably meant by a URL, or by an address with a missing part.
pub(super) fn meant(text: &str) -> Option<Address> {
    if is_path(text) {
        return (text.len() <= SOCKET_PATH_LIMIT).then(|| Address::Unix(text.into()));
    }
    if let Some(path) = text.strip_prefix("unix://") {
        return (!path.contains('@')).then(|| Address::Unix(format!("/{path}").into()));
    }
    let anonymous = |rest| str::rsplit_once(rest, '@').map_or(rest, |(_, rest)| rest);
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme, anonymous(rest)),
        // `tcp:localhost:1`, but not `tcp:1`: the port of a host with that name.
        None => {
            let rest = anonymous(text);
            let parts = rest.split_once(':').filter(|(_, more)| more.contains(':') && !looks_like_ipv6(rest));
            parts.unwrap_or(("", rest))
        }
    };
    let (transport, rest) = match &*scheme.to_ascii_lowercase() {
        "" | "dns" | "grpcs" | "https" | "ssl" | "tls" => (Transport::Tls, rest),
        "grpc" | "h2c" | "http" | "tcp" => (Transport::Plaintext, rest),
        _ => return None,
    };
    let rest = rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match rest.rsplit_once(':') {
        _ if rest.starts_with('[') => split_port(rest)?,
        // `::1:5005` is meant with a port, although it is an address as a whole, too.
        Some((host, port)) if !host.contains(':') || host.parse::<Ipv6Addr>().is_ok() => (host, Some(port)),
        _ => (rest, None),
    };
    // A port alone, as `:5005` or without the colon.
    let (host, port) = if port.is_none() && is_number(host) { ("", Some(host)) } else { (host, port) };
    let host = if host.is_empty() && port.is_some() { "localhost" } else { host };
    let port = port.map_or(Some(Address::DEFAULT_PORT), |port| port.parse().ok().filter(|port| *port > 0))?;
    Some(Address::Tcp { host: host.parse().ok()?, port, transport })
}

/// An abstract socket. What has `@` and a port is a user and a host.
pub(super) fn is_abstract(text: &str) -> bool {
    text.starts_with("unix:@") || text.starts_with(ABSTRACT) || (text.starts_with('@') && !text.contains(':'))
}

/// The path of a socket without `unix:`.
pub(super) fn is_path(text: &str) -> bool {
    ["/", "./", "../"].iter().any(|begin| text.starts_with(begin)) && !text.starts_with("//")
}

/// gRPC's scheme for them (its document on naming).
const ABSTRACT: &str = "unix-abstract:";

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn looks_like_ipv6(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || b":.".contains(&byte);
    text.bytes().all(is_part) && text.bytes().filter(|byte| *byte == b':').count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_was_meant() {
        for (text, message, hint) in [
            ("tcp:localhost:1", "`tcp:localhost:1` is not an address; expected", "write `tcp://localhost:1`"),
            (
                "tls://user:pw@h:1",
                "`tls://***@h:1` has a user name or a password",
                "write `h:1`; a client certificate proves who you are",
            ),
            ("user:pw@h:1", "`***@h:1` has a user name", "write `h:1`; a client certificate"),
            ("http://u:p@w@h:1/x", "`http://***@h:1/x` has", "write `tcp://h:1`; a client"),
            ("unix://u:pw@h/x", "`unix://***@h/x` has", "for example `localhost:5005`"),
            ("u:pw@", "`***@` has", "for example `localhost:5005`"),
            ("https://h/x?y", "unknown scheme `https://`", "write `h:5005`"),
            ("dns:///h:1", "unknown scheme `dns://`", "write `h:1`"),
            ("ftp://h", "unknown scheme `ftp://`", "for example `localhost:5005`"),
            ("::1:5005", "the IPv6 address in `::1:5005` needs brackets", "write `[::1]:5005`"),
            (
                "tcp://fe80::1",
                "the IPv6 address in `tcp://fe80::1` needs brackets",
                "write `tcp://[fe80::1]:5005`",
            ),
            ("1::2:", "the IPv6 address in `1::2:` needs brackets", "write it as in `[::1]:5005`"),
            ("h", "`h` is not an address", "write `h:5005`"),
            (":5005", "`:5005` is not an address", "write `localhost:5005`"),
            ("h:+5", "what stands behind `h:` is", "write `h:5`"),
            ("5005", "`5005` is not an address", "write `localhost:5005`"),
            ("tcp://:80", "`tcp://:80` is not an address", "write `tcp://localhost:80`"),
            ("70000", "`70000` is not an address", "for example `localhost:5005`"),
            ("/run/eg.sock", "`/run/eg.sock` is not an address", "write `unix:/run/eg.sock`"),
            ("./eg.sock", "`./eg.sock` is not an address", "write `unix:./eg.sock`"),
            ("[fe80::1%lo]:1", "`[fe80::1%lo]:1` has a zone", "use an address without a zone"),
            ("fe80::1%lo", "`fe80::1%lo` has a zone", "use an address without a zone"),
            ("tcp://fe80::1%25lo:1", "`tcp://fe80::1%25lo:1` has a zone", "use an address without a zone"),
            ("user:pw", "what stands behind `user:` is not a port number", "a port is a number"),
            ("tcp://user:7pw", "what stands behind `user:` is not a port number", "a port is a number"),
            ("h:1/x", "`1/x` is not a port number", "write `h:1`"),
            ("h:70000", "`70000` is not a port number", "a port is a number from 1 to 65535"),
            ("a b:1", "`a b` is neither a host name", "a host name has letters"),
            (
                "unix:",
                "the path of a unix socket has 1 to 107 bytes",
                "name a path, such as `unix:/run/egext/eg.sock`",
            ),
            ("unix://run/x", "`unix://run/x` is not an address", "write `unix:/run/x`"),
            (
                "unix:/run/egext/",
                "`/run/egext/` is the path of a directory, not of a socket",
                "name the socket in it: `unix:/run/egext/eg.sock`",
            ),
            ("unix:@x", "`unix:@x` is an abstract socket", "write `unix:/run/egext/x.sock`"),
            ("@x", "`@x` is an abstract socket", "write `unix:/run/egext/x.sock`"),
            ("@", "`@` is an abstract socket", "write `unix:/run/egext/eg.sock`"),
            ("unix-abstract:x", "`unix-abstract:x` is an abstract socket", "write `unix:/run/egext/x.sock`"),
            ("unix-abstract:a/b", "`unix-abstract:a/b` is an", "write `unix:/run/egext/eg.sock`"),
            ("@h:1", "`***@h:1` has a user name", "write `h:1`"),
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(error.to_string().starts_with(message), "{text}: {error}");
            let given = error.hint().expect(text);
            assert!(given.starts_with(hint), "{text}: {given}");
            assert!(!format!("{error} {given} {error:?}").contains("pw"), "{text}: {error:?}");
        }
    }
}

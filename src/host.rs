//! A host, as it is typed and as certificates name it: one grammar for both.

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::str::FromStr;

use crate::printable::without_user_of_url;
use crate::report::Hint;

/// A host as typed: an IP address or a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// A DNS name (syntax of host names, underscores tolerated as Go tolerates them).
    Name(String),
}

impl Host {
    /// True for what is this machine by its looks (RFC 6761 section 6.3): nothing is resolved.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(address) => address.to_canonical().is_loopback(),
            Self::Name(name) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
        }
    }
}

impl Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        if !is_dns_name(text.strip_suffix('.').unwrap_or(text)) {
            return Err(HostError { host: without_user(text) });
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

/// Neither a host name nor an IP address.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` is neither a host name nor an IP address")]
pub struct HostError {
    /// As typed, with `***` in place of a user's name and password.
    host: String,
}

impl Hint for HostError {
    fn hint(&self) -> Option<String> {
        if let Some((address, _)) = self.host.split_once('%')
            && address.parse::<IpAddr>().is_ok()
        {
            return Some(
                "a certificate has no zones: use a name, or an address without the part behind `%`"
                    .to_owned(),
            );
        }
        Some(
            "a host name has letters, digits, hyphens, underscores and dots, such as `extension.internal`"
                .to_owned(),
        )
    }
}

/// Is `name` a host name by RFC 1123 section 2.1, without a final dot? Underscores pass.
pub(crate) fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // An all-numeric last label is a mistyped IPv4 address, never a name (RFC 3696 section 2).
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= 253 && !numeric && name.split('.').all(label)
}

/// `text` with `***` in place of a user's name and password: what stands before the last `@`, except for a scheme.
pub(crate) fn without_user(text: &str) -> String {
    let of_host = || text.rsplit_once('@').map(|(_, behind)| format!("***@{behind}"));
    without_user_of_url(text).or_else(of_host).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_a_password_is_hidden() {
        let error = "user:pw@h".parse::<Host>().expect_err("no host");
        assert!(!format!("{error} {error:?}").contains("pw"), "{error:?}");
    }
}

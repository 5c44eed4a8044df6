//! Host names, IP addresses, and what a CA may sign for.

use std::fmt::{self, Display};
use std::net::IpAddr;

use x509_parser::extensions::GeneralName;

use super::Refusal;
use super::parsed::Parsed;
use crate::net::Host;
use crate::pki::printable;

/// `VerifyHostname`.
pub(super) fn verify_host(leaf: &Parsed<'_>, host: &Host) -> Result<(), Refusal> {
    let accepted = match host {
        Host::Ip(address) => leaf.addresses.contains(address),
        Host::Name(name) => leaf.dns_names.iter().any(|pattern| matches_name(pattern, name)),
    };
    if accepted {
        return Ok(());
    }
    let common_name = leaf.certificate.subject().iter_common_name().last();
    let legacy = common_name.and_then(|name| name.as_str().ok()).is_some_and(|pattern| match host {
        Host::Ip(_) => false,
        Host::Name(name) => matches_name(pattern, name),
    });
    let valid = match host {
        Host::Ip(_) => leaf.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Host::Name(_) => leaf.dns_names.iter().map(|name| printable(name)).collect(),
    };
    Err(Refusal::HostName(match host {
        _ if !leaf.has_alternative_names && legacy => {
            "certificate relies on legacy Common Name field, use SANs instead".to_owned()
        }
        Host::Ip(_) if valid.is_empty() => {
            format!("cannot validate certificate for {host} because it doesn't contain any IP SANs")
        }
        _ if valid.is_empty() => {
            format!("certificate is not valid for any names, but wanted to match {host}")
        }
        _ => format!("certificate is valid for {}, not {host}", valid.join(", ")),
    }))
}

/// Names and addresses that a CA may, or may not, sign for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Constraint {
    /// This name and everything below it; with a leading dot only what is below.
    Dns(String),
    /// Address and mask.
    Net(IpAddr, IpAddr),
}

impl Constraint {
    pub(super) fn of(name: &GeneralName<'_>) -> Option<Self> {
        match name {
            GeneralName::DNSName(name) => Some(Self::Dns((*name).to_owned())),
            GeneralName::IPAddress(octets) => {
                let (network, mask) = octets.split_at(octets.len() / 2);
                Some(Self::Net(address(network)?, address(mask)?))
            }
            _ => None,
        }
    }

    fn contains_name(&self, name: &str) -> bool {
        let Self::Dns(constraint) = self else { return false };
        let (name, constraint) = (name.to_ascii_lowercase(), constraint.to_ascii_lowercase());
        match constraint.strip_prefix('.') {
            _ if constraint.is_empty() => true,
            Some(_) => name.ends_with(&constraint),
            None => name == constraint || name.ends_with(&format!(".{constraint}")),
        }
    }

    fn contains_address(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Net(IpAddr::V4(network), IpAddr::V4(mask)), IpAddr::V4(address)) => {
                network.to_bits() & mask.to_bits() == address.to_bits() & mask.to_bits()
            }
            (Self::Net(IpAddr::V6(network), IpAddr::V6(mask)), IpAddr::V6(address)) => {
                network.to_bits() & mask.to_bits() == address.to_bits() & mask.to_bits()
            }
            _ => false,
        }
    }
}

impl Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(&printable(name)),
            Self::Net(network, IpAddr::V4(mask)) => write!(f, "{network}/{}", mask.to_bits().count_ones()),
            Self::Net(network, IpAddr::V6(mask)) => write!(f, "{network}/{}", mask.to_bits().count_ones()),
        }
    }
}

/// May `ca` stand above `below` with the names that it has?
pub(super) fn verify_constraints(ca: &Parsed<'_>, below: &Parsed<'_>) -> Result<(), Refusal> {
    for name in &below.dns_names {
        let quoted = format!("DNS name \"{}\"", printable(name));
        verify(ca, &quoted, |c| matches!(c, Constraint::Dns(_)), |c| c.contains_name(name))?;
    }
    for address in &below.addresses {
        let quoted = format!("IP address \"{address}\"");
        verify(ca, &quoted, |c| matches!(c, Constraint::Net(..)), |c| c.contains_address(*address))?;
    }
    Ok(())
}

fn verify(
    ca: &Parsed<'_>,
    name: &str,
    is_of_kind: impl Fn(&Constraint) -> bool,
    contains: impl Fn(&Constraint) -> bool,
) -> Result<(), Refusal> {
    if let Some(excluded) = ca.excluded.iter().find(|constraint| contains(constraint)) {
        return Err(Refusal::ConstrainedName(format!("{name} is excluded by constraint \"{excluded}\"")));
    }
    // A kind of name that nothing is said about is permitted.
    let mut permitted = ca.permitted.iter().filter(|constraint| is_of_kind(constraint)).peekable();
    if permitted.peek().is_some() && !permitted.any(contains) {
        return Err(Refusal::ConstrainedName(format!("{name} is not permitted by any constraint")));
    }
    Ok(())
}

/// `matchHostnames` for names that can be host names, and `matchExactly` for others.
fn matches_name(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    if !is_host_name(&pattern, true) || !is_host_name(&host, false) {
        return !host.is_empty() && host != "." && pattern == host;
    }
    // The dot at the end is taken from the host alone: a pattern that has one matches nothing.
    let host = host.trim_end_matches('.');
    let (pattern, host) = (pattern.split('.').collect::<Vec<_>>(), host.split('.').collect::<Vec<_>>());
    pattern.len() == host.len()
        && pattern
            .iter()
            .zip(&host)
            .enumerate()
            .all(|(index, (pattern, host))| index == 0 && *pattern == "*" || pattern == host)
}

/// `validHostname`: underscores are taken, dots at the end of a pattern are not.
fn is_host_name(name: &str, is_pattern: bool) -> bool {
    let name = if is_pattern { name } else { name.strip_suffix('.').unwrap_or(name) };
    let is_label = |(index, label): (usize, &str)| {
        let wildcard = is_pattern && index == 0 && label == "*";
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_' || octet == b'-';
        wildcard || !label.is_empty() && !label.starts_with('-') && label.bytes().all(plain)
    };
    !name.is_empty() && name != "*" && name.split('.').enumerate().all(is_label)
}

pub(super) fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = || <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(octets).map(IpAddr::from);
    four().or_else(|_| sixteen()).ok()
}

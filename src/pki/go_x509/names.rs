//! Host names and IP addresses: is a certificate for this host, and may its CAs sign for its names?

use std::net::IpAddr;

use super::Refusal;
use super::constraint::{Constrained, is_domain, mailbox};
use super::parsed::Parsed;
use crate::host::Host;
use crate::printable::printable;

/// `VerifyHostname`.
pub(super) fn verify_host(leaf: &Parsed<'_>, host: &Host) -> Result<(), Refusal> {
    let names = &leaf.extensions;
    let accepted = match host {
        Host::Ip(address) => names.addresses.iter().any(|own| own.to_canonical() == address.to_canonical()),
        Host::Name(name) => names.dns_names.iter().any(|pattern| matches_name(pattern, name)),
    };
    if accepted {
        return Ok(());
    }
    let legacy = match host {
        Host::Ip(_) => false,
        Host::Name(name) => matches_name(&leaf.subject_name.common_name, name),
    };
    let valid = match host {
        Host::Ip(_) => names.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Host::Name(_) => names.dns_names.iter().map(|name| printable(name)).collect(),
    };
    Err(Refusal::HostName(match host {
        _ if names.alternative_names.is_none() && legacy => {
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

/// `checkChainConstraints`: may each certificate stand below those above it, with the names that it has?
pub(super) fn verify_constraints(chain: &[&Parsed<'_>]) -> Result<(), String> {
    for (index, below) in chain.iter().enumerate() {
        let above = chain[index + 1..].iter().filter(|ca| ca.extensions.has_name_constraints);
        let mut above = above.peekable();
        if below.extensions.alternative_names.is_none() || above.peek().is_none() {
            continue;
        }
        let names = constrained(below)?;
        for ca in above {
            for name in &names {
                permitted(ca, name)?;
            }
        }
    }
    Ok(())
}

/// Names in the order in which Go looks at them.
fn constrained<'a>(below: &'a Parsed<'_>) -> Result<Vec<Constrained<'a>>, String> {
    let own = &below.extensions;
    let mut names = own.addresses.iter().copied().map(Constrained::Ip).collect::<Vec<_>>();
    for name in &own.dns_names {
        if !is_domain(name, false) {
            return Err(format!("x509: cannot parse dnsName {name:?}"));
        }
        names.push(Constrained::Dns(name));
    }
    for (text, host) in &own.uris {
        if host.is_empty() {
            return Err(format!("URI with empty host ({text:?}) cannot be matched against constraints"));
        }
        let host = match host.rsplit_once(':') {
            Some((host, _)) if !host.contains(':') => host,
            Some(_) if !host.ends_with(']') && !host.starts_with('[') => {
                return Err(format!("cannot parse URI host {host:?}: too many colons in address"));
            }
            _ => host,
        };
        if host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
            return Err(format!("URI with IP ({text:?}) cannot be matched against constraints"));
        }
        names.push(Constrained::Uri(text, host.to_owned()));
    }
    for text in &own.emails {
        let parts = mailbox(text).ok_or_else(|| format!("cannot parse rfc822Name {text:?}"))?;
        names.push(Constrained::Email(text, parts));
    }
    Ok(names)
}

fn permitted(ca: &Parsed<'_>, name: &Constrained<'_>) -> Result<(), String> {
    // A kind of name that nothing is said about is permitted.
    let mut permitted = ca.extensions.permitted.iter().filter(|own| own.is_of_kind(name)).peekable();
    if permitted.peek().is_some() && !permitted.any(|own| own.contains(name, false)) {
        return Err(format!("{name} is not permitted by any constraint"));
    }
    match ca.extensions.excluded.iter().find(|own| own.contains(name, true)) {
        Some(excluded) => Err(format!("{name} is excluded by constraint \"{excluded}\"")),
        None => Ok(()),
    }
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

//! Host names and IP addresses: is a certificate for this host, and may its CAs sign for its names?

use std::net::IpAddr;

use super::Refusal;
use super::constraint::{Prepared, is_domain, mailbox};
use super::extensions::Extensions;
use super::net;
use super::parsed::Parsed;
use super::quote::quote;
use super::uri::Uri;
use crate::host::Host;
use crate::printable::printable;

/// `VerifyHostname`.
pub(super) fn verify_host(leaf: &Parsed<'_>, host: &Host) -> Result<(), Refusal> {
    let names = &leaf.extensions;
    let accepted = match host {
        Host::Ip(address) => names.addresses.iter().any(|own| net::is(own, *address)),
        Host::Name(name) => names.dns_names.iter().any(|pattern| matches_name(pattern, name)),
    };
    if accepted { Ok(()) } else { Err(Refusal::HostName(misses(leaf, host))) }
}

/// `HostnameError`
fn misses(leaf: &Parsed<'_>, host: &Host) -> String {
    let names = &leaf.extensions;
    if let Host::Name(name) = host
        && names.alternative_names.is_none()
        && matches_name(&leaf.subject_name.common_name, name)
    {
        return "certificate relies on legacy Common Name field, use SANs instead".to_owned();
    }
    let (kind, own) = match host {
        Host::Ip(_) => ("IP SANs", names.addresses.iter().map(|own| net::text(own)).collect::<Vec<_>>()),
        Host::Name(_) => ("names", names.dns_names.iter().map(|name| printable(name)).collect()),
    };
    if own.is_empty() && matches!(host, Host::Ip(_)) {
        return format!("cannot validate certificate for {host} because it doesn't contain any IP SANs");
    }
    if own.len() >= NAMES_LISTED {
        return format!("certificate is valid for {} {kind}, but none matched {host}", own.len());
    }
    match own.join(", ") {
        list if list.is_empty() => {
            format!("certificate is not valid for any names, but wanted to match {host}")
        }
        list => format!("certificate is valid for {list}, not {host}"),
    }
}

/// `checkChainConstraints`: may each certificate stand below those above it, with the names that it has?
pub(super) fn verify_constraints(chain: &[&Parsed<'_>]) -> Result<(), String> {
    for (index, below) in chain.iter().enumerate() {
        let above = chain[index + 1..].iter().filter_map(|ca| ca.extensions.constraints_on_names.as_ref());
        let above = above.map(|constraints| constraints.prepare()).collect::<Vec<_>>();
        if below.extensions.alternative_names.is_none() || above.is_empty() {
            continue;
        }
        let own = &below.extensions;
        let uris = own.uris.iter().map(host_of).collect::<Result<Vec<_>, _>>()?;
        let parsed = own
            .emails
            .iter()
            .map(|text| mailbox(text).ok_or_else(|| format!("cannot parse rfc822Name {}", quote(text))));
        let emails = parsed.collect::<Result<Vec<_>, _>>()?;
        for ca in &above {
            permitted(ca, own, &uris, &emails)?;
        }
    }
    Ok(())
}

/// The URI in words, and its host without the port.
fn host_of(uri: &Uri) -> Result<(String, String), String> {
    let (text, host) = (uri.written(), &uri.host);
    if host.is_empty() {
        return Err(format!("URI with empty host ({}) cannot be matched against constraints", quote(&text)));
    }
    let without_port = match host.rsplit_once(':') {
        Some(_) if host.ends_with(']') => host.to_ascii_lowercase(),
        Some((before, _)) => split_port(host, before)
            .map_err(|why| format!("cannot parse URI host {}: address {host}: {why}", quote(host)))?
            .to_owned(),
        None => host.to_ascii_lowercase(),
    };
    let bracketed = without_port.starts_with('[') && without_port.ends_with(']');
    if bracketed || without_port.parse::<IpAddr>().is_ok() {
        return Err(format!("URI with IP ({}) cannot be matched against constraints", quote(&text)));
    }
    Ok((text, without_port))
}

/// `net.SplitHostPort`, where `before` stands before the last colon.
fn split_port<'a>(host: &'a str, before: &'a str) -> Result<&'a str, &'static str> {
    if let Some(inside) = before.strip_prefix('[') {
        return inside.strip_suffix(']').ok_or("missing port in address");
    }
    if before.contains(':') {
        return Err("too many colons in address");
    }
    if host.contains('[') {
        return Err("unexpected '[' in address");
    }
    if host.contains(']') { Err("unexpected ']' in address") } else { Ok(before) }
}

/// Names in the order in which Go looks at them.
fn permitted(
    ca: &Prepared<'_>,
    own: &Extensions<'_>,
    uris: &[(String, String)],
    emails: &[(String, String)],
) -> Result<(), String> {
    own.addresses.iter().try_for_each(|address| ca.check_ip(address))?;
    for name in &own.dns_names {
        if !is_domain(name, false) {
            return Err(format!("x509: cannot parse dnsName {}", quote(name)));
        }
        ca.check_dns(name)?;
    }
    for (text, host) in uris {
        if !is_domain(host, false) {
            return Err(format!("x509: internal error: URI SAN {} failed to parse", quote(text)));
        }
        ca.check_uri(text, host)?;
    }
    for (local, domain) in emails {
        if !is_domain(domain, false) {
            return Err(format!("x509: cannot parse rfc822Name {}", quote(format!("{local}@{domain}"))));
        }
        ca.check_email(local, domain)?;
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

/// So many names are counted, and no longer listed.
const NAMES_LISTED: usize = 100;

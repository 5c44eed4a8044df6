//! Host names, IP addresses, and what a CA may sign for.

use std::fmt::{self, Display};
use std::net::IpAddr;

use super::Refusal;
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

/// Names and addresses that a CA may, or may not, sign for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Constraint {
    /// This name and everything below it; with a leading dot only what is below.
    Dns(String),
    /// One mailbox, or those of such a domain.
    Email(String),
    /// Address and mask.
    Net(IpAddr, IpAddr),
    /// Those whose host is in such a domain.
    Uri(String),
}

/// One name of a certificate, as constraints see it.
enum Constrained<'a> {
    Dns(&'a str),
    Email(&'a str, (String, String)),
    Ip(IpAddr),
    Uri(&'a str, String),
}

impl Constraint {
    fn is_of_kind(&self, name: &Constrained<'_>) -> bool {
        matches!(
            (self, name),
            (Self::Dns(_), Constrained::Dns(_))
                | (Self::Email(_), Constrained::Email(..))
                | (Self::Net(..), Constrained::Ip(_))
                | (Self::Uri(_), Constrained::Uri(..))
        )
    }

    fn contains(&self, name: &Constrained<'_>, excluded: bool) -> bool {
        match (self, name) {
            (Self::Dns(domain), Constrained::Dns(name)) => {
                is_below(name, domain) || excluded && wildcard_meets(name, domain)
            }
            (Self::Uri(domain), Constrained::Uri(_, host)) => is_below(host, domain),
            (Self::Email(own), Constrained::Email(_, (local, domain))) => match mailbox(own) {
                Some((own_local, own_domain)) if own.contains('@') => {
                    own_local == *local && own_domain.eq_ignore_ascii_case(domain)
                }
                _ => is_below(domain, own),
            },
            (Self::Net(IpAddr::V4(network), IpAddr::V4(mask)), Constrained::Ip(IpAddr::V4(address))) => {
                network.to_bits() & mask.to_bits() == address.to_bits() & mask.to_bits()
            }
            (Self::Net(IpAddr::V6(network), IpAddr::V6(mask)), Constrained::Ip(IpAddr::V6(address))) => {
                network.to_bits() & mask.to_bits() == address.to_bits() & mask.to_bits()
            }
            _ => false,
        }
    }
}

/// `dnsHasSuffix`; an empty domain contains all.
fn is_below(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    match domain.strip_prefix('.') {
        _ if domain.is_empty() => true,
        Some(_) => name.ends_with(&domain),
        None => name == domain || name.ends_with(&format!(".{domain}")),
    }
}

/// A wildcard stands for the excluded name, too.
fn wildcard_meets(name: &str, domain: &str) -> bool {
    let behind = |text: &str| text.find('.').map(|dot| text[dot..].to_ascii_lowercase());
    name.starts_with('*') && behind(domain).is_some_and(|domain| behind(name) == Some(domain))
}

impl Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) | Self::Email(name) | Self::Uri(name) => f.write_str(&printable(name)),
            Self::Net(network, IpAddr::V4(mask)) => write!(f, "{network}/{}", mask.to_bits().count_ones()),
            Self::Net(network, IpAddr::V6(mask)) => write!(f, "{network}/{}", mask.to_bits().count_ones()),
        }
    }
}

impl Display for Constrained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS name \"{}\"", printable(name)),
            Self::Email(name, _) => write!(f, "email address \"{}\"", printable(name)),
            Self::Ip(address) => write!(f, "IP address \"{address}\""),
            Self::Uri(name, _) => write!(f, "URI \"{}\"", printable(name)),
        }
    }
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

/// `domainNameValid`
pub(super) fn is_domain(name: &str, constraint: bool) -> bool {
    if name.is_empty() {
        return true;
    }
    let name = if constraint { name.strip_prefix('.').unwrap_or(name) } else { name };
    !name.ends_with('.')
        && name.bytes().all(|octet| (33..=126).contains(&octet))
        && name.split('.').all(|label| !label.is_empty())
}

/// `parseRFC2821Mailbox`: the local part without its quotes, and the domain.
pub(super) fn mailbox(text: &str) -> Option<(String, String)> {
    let mut rest = text.chars().peekable();
    let mut local = String::new();
    if rest.next_if_eq(&'"').is_some() {
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => local.push(rest.next().filter(|c| c.is_ascii() && !matches!(c, '\0' | '\n' | '\r'))?),
                c if c.is_ascii() && !matches!(c, '\0' | '\t' | '\n' | '\r') => local.push(c),
                _ => return None,
            }
        }
    } else {
        let atom = |c: &char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(*c);
        loop {
            if rest.next_if_eq(&'\\').is_some() {
                local.push(rest.next()?);
            } else if let Some(c) = rest.next_if(atom) {
                local.push(c);
            } else {
                break;
            }
        }
        if local.is_empty() || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return None;
        }
    }
    rest.next_if_eq(&'@')?;
    let domain = rest.collect::<String>();
    let valid = domain
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|octet| (33..=126).contains(&octet)));
    (valid || domain.is_empty()).then(|| (local, domain.to_ascii_lowercase()))
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

//! Names and addresses that a CA may, or may not, sign for.

use std::fmt::{self, Display};
use std::net::IpAddr;

use data_encoding::HEXLOWER;

use crate::printable::printable;

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
pub(super) enum Constrained<'a> {
    Dns(&'a str),
    Email(&'a str, (String, String)),
    Ip(IpAddr),
    Uri(&'a str, String),
}

impl Constraint {
    /// None for a kind that Go does not handle.
    pub(super) fn read(tag: u8, contents: &[u8]) -> Result<Option<Self>, String> {
        let text = || match contents.is_ascii() {
            true => Ok(contents.iter().copied().map(char::from).collect::<String>()),
            false => Err("invalid constraint value: x509: cannot be encoded as an IA5String".to_owned()),
        };
        let kind = tag ^ 0x80;
        Ok(Some(match kind {
            1 => {
                let text = text()?;
                let valid = match text.contains('@') {
                    true => mailbox(&text).is_some(),
                    false => is_domain(&text, true),
                };
                valid
                    .then_some(Self::Email(text.clone()))
                    .ok_or_else(|| format!("failed to parse rfc822Name constraint {text:?}"))?
            }
            2 => {
                let text = text()?;
                let valid = is_domain(&text, true);
                valid
                    .then_some(Self::Dns(text.clone()))
                    .ok_or_else(|| format!("failed to parse dnsName constraint {text:?}"))?
            }
            6 => {
                let text = text()?;
                let valid = text.parse::<IpAddr>().is_err() && is_domain(&text, true);
                valid
                    .then_some(Self::Uri(text.clone()))
                    .ok_or_else(|| format!("failed to parse URI constraint {text:?}"))?
            }
            7 => network(contents)?,
            _ => return Ok(None),
        }))
    }

    pub(super) fn is_of_kind(&self, name: &Constrained<'_>) -> bool {
        matches!(
            (self, name),
            (Self::Dns(_), Constrained::Dns(_))
                | (Self::Email(_), Constrained::Email(..))
                | (Self::Net(..), Constrained::Ip(_))
                | (Self::Uri(_), Constrained::Uri(..))
        )
    }

    pub(super) fn contains(&self, name: &Constrained<'_>, excluded: bool) -> bool {
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

fn network(contents: &[u8]) -> Result<Constraint, String> {
    let (network, mask) = contents.split_at(contents.len() / 2);
    let (Some(network), Some(masked)) = (address(network), address(mask)) else {
        return Err(format!("IP constraint contained value of length {}", contents.len()));
    };
    let bits = mask.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
    if !bits.is_sorted_by(|one, other| one >= other) {
        return Err(format!("IP constraint contained invalid mask {}", HEXLOWER.encode(mask)));
    }
    Ok(Constraint::Net(network, masked))
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

pub(super) fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = || <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(octets).map(IpAddr::from);
    four().or_else(|_| sixteen()).ok()
}

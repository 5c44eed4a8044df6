//! URIs in names, as far as Go's parser of certificates looks at them (`net/url.Parse`).

use std::net::Ipv6Addr;

use super::constraint::is_domain;

/// The host of a URI; empty where it has none.
pub(super) fn host(text: &str) -> Result<String, String> {
    let malformed = || format!("cannot parse URI {text:?}: it is malformed");
    let host = parse(text).ok_or_else(malformed)?;
    if host.is_empty() || is_domain(&host, false) {
        Ok(host)
    } else {
        Err(format!("cannot parse URI {text:?}: invalid domain"))
    }
}

fn parse(text: &str) -> Option<String> {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    if rest.bytes().any(|octet| octet < b' ' || octet == 0x7f) || !is_escaped_well(fragment) {
        return None;
    }
    if rest == "*" {
        return Some(String::new());
    }
    let (scheme, rest) = scheme(rest)?;
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    if !rest.starts_with('/') {
        let segment = rest.split('/').next().unwrap_or_default();
        let valid = !scheme.is_empty() || !segment.contains(':') && is_escaped_well(rest);
        return valid.then(String::new);
    }
    let authority = rest.strip_prefix("//").filter(|_| !scheme.is_empty() || !rest.starts_with("///"));
    let Some(authority) = authority else { return is_escaped_well(rest).then(String::new) };
    let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    let valid = user.chars().all(plain) && is_escaped_well(user) && is_escaped_well(path);
    if valid { parse_host(scheme, host) } else { None }
}

/// The scheme and what follows; an empty one where there is none.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let other = |c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c));
    match text.find(other) {
        Some(0) if text.starts_with(':') => None,
        Some(end) if text[end..].starts_with(':') && text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Some((&text[..end], &text[end + 1..]))
        }
        _ => Some(("", text)),
    }
}

fn parse_host(scheme: &str, host: &str) -> Option<String> {
    match host.rfind('[') {
        Some(0) => {
            let (address, port) = host[1..].rsplit_once(']')?;
            let (address, _zone) = address.split_once("%25").unwrap_or((address, ""));
            address.parse::<Ipv6Addr>().ok().filter(|_| is_port(port))?;
            return Some(host.replace("%25", "%"));
        }
        Some(_) => return None,
        None => {}
    }
    if let Some(first) = host.find(':') {
        let strict = ["http", "https"].iter().any(|strict| scheme.eq_ignore_ascii_case(strict));
        let colon = if strict { first } else { host.rfind(':')? };
        if !is_port(&host[colon..]) {
            return None;
        }
    }
    // An escape stands for an octet beyond ASCII, or for the sign itself.
    if !is_escaped_well(host) || host.split('%').skip(1).any(|rest| rest < "8" && !rest.starts_with("25")) {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c);
    let beyond = host.split('%').skip(1).any(|rest| !rest.starts_with("25"));
    let host = host.replace("%25", "%");
    // What is beyond ASCII is no domain.
    host.chars().all(plain).then(|| if beyond { "\u{80}".to_owned() } else { host })
}

fn is_port(text: &str) -> bool {
    let digits = |port: &str| port.bytes().all(|octet| octet.is_ascii_digit());
    text.is_empty() || text.strip_prefix(':').is_some_and(digits)
}

fn is_escaped_well(text: &str) -> bool {
    let two = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|octet| octet.is_ascii_hexdigit());
    text.split('%').skip(1).all(two)
}

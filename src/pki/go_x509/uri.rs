//! URIs in names: `net/url.Parse`, with its reasons, and `URL.String`, which writes them into messages.

use std::net::Ipv6Addr;

use super::constraint::is_domain;
use super::quote::quote;

/// A URI, as Go keeps it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Uri {
    scheme: String,
    /// What follows the scheme where that is not a slash.
    opaque: String,
    /// Name and password as they were escaped.
    user: Option<String>,
    /// With its port.
    pub(super) host: String,
    /// It has a scheme, and not even an empty host.
    omits_host: bool,
    path: Escaped,
    query: Option<String>,
    fragment: Escaped,
}

/// A part of a URI without its escapes, and as it was written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Escaped {
    plain: Vec<u8>,
    written: String,
}

impl Uri {
    /// A URI of a certificate; of an absolute one the host has to be a domain.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let malformed = |reason: String| format!("cannot parse URI {}: {reason}", quote(text));
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut uri = Self::without_fragment(before)
            .map_err(|reason| malformed(format!("parse {}: {reason}", quote(before))))?;
        uri.fragment = Escaped::read(fragment, Mode::Fragment)
            .map_err(|reason| malformed(format!("parse {}: {reason}", quote(text))))?;
        if is_domain(&uri.host, false) { Ok(uri) } else { Err(malformed("invalid domain".to_owned())) }
    }

    /// `parse`
    fn without_fragment(text: &str) -> Result<Self, String> {
        if text.bytes().any(|octet| octet < b' ' || octet == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut uri = Self::default();
        if text == "*" {
            uri.path = Escaped { plain: b"*".to_vec(), written: text.to_owned() };
            return Ok(uri);
        }
        let (scheme, mut rest) = scheme(text)?;
        uri.scheme = scheme.to_ascii_lowercase();
        if let Some((before, query)) = rest.split_once('?') {
            (rest, uri.query) = (before, Some(query.to_owned()));
        }
        if !rest.starts_with('/') {
            if !uri.scheme.is_empty() {
                uri.opaque = rest.to_owned();
                return Ok(uri);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(behind) = rest.strip_prefix("//")
            && (!uri.scheme.is_empty() || !rest.starts_with("///"))
        {
            let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
            (uri.user, uri.host) = authority_of(&uri.scheme, authority)?;
            rest = path;
        } else {
            uri.omits_host = !uri.scheme.is_empty() && rest.starts_with('/');
        }
        uri.path = Escaped::read(rest, Mode::Path)?;
        Ok(uri)
    }

    /// `URL.String`
    pub(super) fn written(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text = format!("{}:", self.scheme);
        }
        if self.opaque.is_empty() {
            self.write_hierarchy(&mut text);
        } else {
            text.push_str(&self.opaque);
        }
        if let Some(query) = &self.query {
            text.push('?');
            text.push_str(query);
        }
        if !self.fragment.plain.is_empty() {
            text.push('#');
            text.push_str(&self.fragment.rewritten(Mode::Fragment));
        }
        text
    }

    fn write_hierarchy(&self, text: &mut String) {
        let has_authority = !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some();
        let omitted = self.omits_host && self.host.is_empty() && self.user.is_none();
        if has_authority && !omitted {
            if !self.host.is_empty() || !self.path.plain.is_empty() || self.user.is_some() {
                text.push_str("//");
            }
            if let Some(user) = &self.user {
                text.push_str(user);
                text.push('@');
            }
            text.push_str(&escape(self.host.as_bytes(), Mode::Host));
        }
        let path = if self.path.plain == b"*" { "*".to_owned() } else { self.path.rewritten(Mode::Path) };
        if text.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            text.push_str("./");
        }
        text.push_str(&path);
    }
}

impl Escaped {
    fn read(text: &str, mode: Mode) -> Result<Self, String> {
        Ok(Self { plain: unescape(text, mode)?, written: text.to_owned() })
    }

    /// As it was written, where nothing in it has to be escaped.
    fn rewritten(&self, mode: Mode) -> String {
        let fine = |octet: u8| b"!$&'()*+,;=:@[]%".contains(&octet) || mode.takes(octet);
        if self.written.bytes().all(fine) { self.written.clone() } else { escape(&self.plain, mode) }
    }
}

/// The scheme and what follows; an empty one where there is none.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    let other = |c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c));
    match text.find(other) {
        Some(0) if text.starts_with(':') => Err("missing protocol scheme".to_owned()),
        Some(end) if text[end..].starts_with(':') && text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Ok((&text[..end], &text[end + 1..]))
        }
        _ => Ok(("", text)),
    }
}

/// `parseAuthority`: user and host.
fn authority_of(scheme: &str, authority: &str) -> Result<(Option<String>, String), String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let host = parse_host(scheme, host)?;
    let Some(user) = user else { return Ok((None, host)) };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(plain) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let parts = user.splitn(2, ':').map(|part| Ok(escape(&unescape(part, Mode::User)?, Mode::User)));
    Ok((Some(parts.collect::<Result<Vec<_>, String>>()?.join(":")), host))
}

fn parse_host(scheme: &str, host: &str) -> Result<String, String> {
    match host.rfind('[') {
        Some(0) => return bracketed(host),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    if let (Some(first), Some(last)) = (host.find(':'), host.rfind(':')) {
        let port = &host[if ["http", "https"].contains(&scheme) { first } else { last }..];
        check_port(port)?;
    }
    Ok(text(unescape(host, Mode::Host)?))
}

/// An address in brackets, with the port that may follow.
fn bracketed(host: &str) -> Result<String, String> {
    let end = host.rfind(']').ok_or("missing ']' in host")?;
    let (inside, port) = (&host[1..end], &host[end + 1..]);
    check_port(port)?;
    let (address, zone) = inside.split_at(inside.find("%25").unwrap_or(inside.len()));
    let address = [unescape(address, Mode::Host)?, unescape(zone, Mode::Zone)?].concat();
    let address = text(address);
    let (number, zone) =
        address.split_once('%').map_or((&*address, None), |(number, zone)| (number, Some(zone)));
    if number.parse::<std::net::Ipv4Addr>().is_ok() && zone.is_none() {
        return Err("invalid IP-literal".to_owned());
    }
    if number.parse::<Ipv6Addr>().is_err() || zone == Some("") {
        // What Go says about the address itself is not told here.
        return Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(&address)));
    }
    Ok(format!("[{address}]{port}"))
}

fn check_port(port: &str) -> Result<(), String> {
    let digits = |port: &str| port.bytes().all(|octet| octet.is_ascii_digit());
    match port.is_empty() || port.strip_prefix(':').is_some_and(digits) {
        true => Ok(()),
        false => Err(format!("invalid port {} after host", quote(port))),
    }
}

/// What is beyond ASCII is no domain, whatever it is.
fn text(octets: Vec<u8>) -> String {
    octets.into_iter().map(char::from).collect()
}

/// Which part of a URI it is, since each has its own characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    Fragment,
    Host,
    Path,
    User,
    Zone,
}

impl Mode {
    /// May it stand there as it is?
    fn takes(self, octet: u8) -> bool {
        let others: &[u8] = match self {
            Self::Fragment => b"-._~!$&()*+,/:;=?@",
            Self::Host | Self::Zone => b"-._~!\"$&'()*+,:;<=>[]",
            Self::Path => b"-._~$&+,/:;=@",
            Self::User => b"-._~$&+,;=",
        };
        octet.is_ascii_alphanumeric() || others.contains(&octet)
    }
}

fn unescape(text: &str, mode: Mode) -> Result<Vec<u8>, String> {
    let invalid = |at: usize| {
        let end = text.len().min(at + 3);
        format!("invalid URL escape {}", quote(&text.as_bytes()[at..end]))
    };
    let (octets, mut plain, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(&octet) = octets.get(at) {
        if octet == b'%' {
            let digit = |index: usize| octets.get(index).and_then(|digit| char::from(*digit).to_digit(16));
            let value = digit(at + 1).zip(digit(at + 2)).map(|(high, low)| high << 4 | low);
            let value = value.and_then(|value| u8::try_from(value).ok()).ok_or_else(|| invalid(at))?;
            let is_percent = value == b'%';
            let allowed = match mode {
                Mode::Host => value >= 0x80 || is_percent,
                Mode::Zone => is_percent || value == b' ' || Mode::Host.takes(value),
                Mode::Fragment | Mode::Path | Mode::User => true,
            };
            if !allowed {
                return Err(invalid(at));
            }
            plain.push(value);
            at += 3;
        } else {
            if matches!(mode, Mode::Host | Mode::Zone) && octet < 0x80 && !mode.takes(octet) {
                return Err(format!("invalid character {} in host name", quote([octet])));
            }
            plain.push(octet);
            at += 1;
        }
    }
    Ok(plain)
}

fn escape(octets: &[u8], mode: Mode) -> String {
    let one = |octet: &u8| match mode.takes(*octet) {
        true => char::from(*octet).to_string(),
        false => format!("%{octet:02X}"),
    };
    octets.iter().map(one).collect()
}

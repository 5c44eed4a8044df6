//! Names that a peer is verified by: as a certificate has them, and as they are typed.

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::str::FromStr;

use x509_parser::extensions::GeneralName;

use crate::host::{Host, is_dns_name, without_user};
use crate::pki::x509::spiffe_id::SPIFFE_SCHEME;
use crate::pki::{DistinguishedName, NameError, SpiffeId};
use crate::printable::printable;

/// A name that the holder of a certificate may be called by (subjectAltName).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum SubjectName {
    /// A host name, possibly with `*` as its first label.
    Dns(String),
    /// A mailbox.
    Email(String),
    /// An IP address.
    Ip(IpAddr),
    /// A kind that TLS never verifies, in words.
    Other(String),
    /// Such as a SPIFFE id.
    Uri(String),
}

impl SubjectName {
    /// Is it the id of a workload, or of a trust domain, by the rules of SPIFFE?
    pub fn is_spiffe(&self) -> bool {
        matches!(self, Self::Uri(uri) if uri.starts_with(SPIFFE_SCHEME))
    }

    /// What kind of name it is, and the name.
    pub fn with_kind(&self) -> String {
        let kind = match self {
            Self::Dns(_) => "DNS name ",
            Self::Email(_) => "e-mail address ",
            Self::Ip(_) => "IP address ",
            Self::Other(_) => "",
            Self::Uri(_) => "URI ",
        };
        format!("{kind}{self}")
    }

    /// Is it one by which TLS clients call a server?
    pub fn is_host(&self) -> bool {
        matches!(self, Self::Dns(_) | Self::Ip(_))
    }

    /// Does an IP address stand here as a host name, where no verifier looks for it?
    pub fn is_misplaced_address(&self) -> bool {
        matches!(self, Self::Dns(name) if name.parse::<IpAddr>().is_ok())
    }

    pub(in crate::pki) fn of(name: &GeneralName<'_>) -> Self {
        match name {
            GeneralName::DNSName(name) => Self::Dns(printable(name)),
            GeneralName::RFC822Name(mailbox) => Self::Email(printable(mailbox)),
            GeneralName::URI(uri) => Self::Uri(printable(uri)),
            GeneralName::IPAddress(octets) => ip(octets)
                .map_or_else(|| Self::Other(format!("an IP address of {} octets", octets.len())), Self::Ip),
            GeneralName::OtherName(kind, _) => Self::Other(format!("other name {kind}")),
            GeneralName::DirectoryName(name) => {
                Self::Other(format!("directory name {}", DistinguishedName::of(name)))
            }
            GeneralName::RegisteredID(id) => Self::Other(format!("registered ID {id}")),
            GeneralName::X400Address(_) => Self::Other("X.400 address".to_owned()),
            GeneralName::EDIPartyName(_) => Self::Other("EDI party name".to_owned()),
            GeneralName::Invalid(..) => Self::Other("malformed name".to_owned()),
        }
    }
}

impl From<&Host> for SubjectName {
    /// As a client looks for it in a certificate.
    fn from(host: &Host) -> Self {
        match host {
            Host::Ip(address) => Self::Ip(*address),
            Host::Name(name) => Self::Dns(name.trim_end_matches('.').to_owned()),
        }
    }
}

impl Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Dns(name) | Self::Email(name) | Self::Other(name) | Self::Uri(name) => f.write_str(name),
        }
    }
}

impl FromStr for SubjectName {
    type Err = NameError;

    /// A host name, possibly with `*` as its first label, an IP address, or a URI.
    ///
    /// What looks like one thing is never read as another: a mistyped IP address does not become a host name
    /// that no client can ask for.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = || text.to_owned();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return if address.is_unspecified() {
                Err(NameError::Unspecified { name: name() })
            } else {
                Ok(Self::Ip(address))
            };
        }
        if !text.is_ascii() {
            return Err(NameError::International { name: name() });
        }
        if text.starts_with(SPIFFE_SCHEME) {
            return Err(NameError::SpiffeAsName { name: name() });
        }
        if is_uri(text) {
            return Ok(Self::Uri(name()));
        }
        if is_network(text) {
            return Err(NameError::Network { name: name() });
        }
        if let Some(rest) = without_kind(text) {
            return Err(NameError::Kind { name: name(), rest: rest.to_owned() });
        }
        if text.contains('/') {
            return Err(NameError::Url { name: without_user(text), host: host_of_url(text) });
        }
        if text.contains('@') {
            return Err(NameError::Email { name: name() });
        }
        if let Some(host) = without_brackets(text) {
            return Err(NameError::Brackets { name: name(), host: host.to_owned() });
        }
        if let Some(host) = without_port(text) {
            return Err(NameError::Port { name: name(), host: host.to_owned() });
        }
        host_name(&text.to_ascii_lowercase()).map(Self::Dns)
    }
}

impl SubjectName {
    /// The id of a workload, as [`SpiffeId::of_workload`] reads it.
    ///
    /// # Errors
    /// When it is none.
    pub fn spiffe(text: &str) -> Result<Self, NameError> {
        match SpiffeId::of_workload(text) {
            Ok(id) => Ok(Self::Uri(id.to_string())),
            Err(reason) => Err(NameError::Spiffe { name: text.to_owned(), reason }),
        }
    }
}

/// The common name of a leaf: for people, and without dots, because OpenSSL takes one with dots for a host name
/// and holds the CA's name constraints against it.
///
/// # Errors
/// When it is empty, longer than the 64 characters that X.520 allows, or has dots or control characters.
pub fn parse_common_name(text: &str) -> Result<String, NameError> {
    let refused = |reason| NameError::CommonName { name: printable(text), reason };
    if text.trim().is_empty() {
        Err(refused("it is empty"))
    } else if text.chars().count() > 64 {
        Err(refused("it has more than 64 characters"))
    } else if text.contains('.') {
        Err(refused("OpenSSL would take it for a host name, because of the dots"))
    } else if text != printable(text) {
        Err(refused("it has control characters"))
    } else {
        Ok(text.to_owned())
    }
}

fn ip(octets: &[u8]) -> Option<IpAddr> {
    let four = || <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(octets).map(IpAddr::from);
    four().or_else(|_| sixteen()).ok()
}

/// CIDR: an address and the length of a prefix.
pub fn is_network(text: &str) -> bool {
    let parts = text.split_once('/');
    parts.is_some_and(|(address, length)| address.parse::<IpAddr>().is_ok() && length.parse::<u8>().is_ok())
}

/// What stands behind `DNS:` or `IP:`.
fn without_kind(text: &str) -> Option<&str> {
    let (kind, rest) = text.split_once(':')?;
    let is_known = ["DNS", "IP", "URI"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    // `dns:53` is a host with a port.
    (is_known && !rest.is_empty() && !rest.starts_with('/') && rest.parse::<u16>().is_err()).then_some(rest)
}

/// An IP address in brackets, with nothing behind them.
fn without_brackets(text: &str) -> Option<&str> {
    let host = text.strip_prefix('[')?.strip_suffix(']')?;
    host.parse::<IpAddr>().is_ok().then_some(host)
}

/// What stands before a port, also inside brackets.
fn without_port(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, _) = rest.split_once(']')?;
        return host.parse::<IpAddr>().is_ok().then_some(host);
    }
    let (host, port) = text.split_once(':')?;
    (!host.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit())).then_some(host)
}

/// The host that a URL leads to, if it is one.
fn host_of_url(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (_, host) = rest[..end].rsplit_once('@').unwrap_or(("", &rest[..end]));
    let host = without_port(host).unwrap_or(host);
    host.parse::<SubjectName>().ok().filter(SubjectName::is_host).map(|name| name.to_string())
}

/// RFC 3986, as RFC 5280 section 4.2.1.6 takes it: absolute. A URL leads to a host, and is a mistake: no client verifies a
/// server by a URI.
fn is_uri(text: &str) -> bool {
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&octet);
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let known = scheme == "urn" || IDS.contains(&scheme) && rest.starts_with("//");
    let named =
        rest.trim_start_matches('/').bytes().next().is_some_and(|octet| octet.is_ascii_alphanumeric());
    let mut letters = scheme.bytes();
    known
        && named
        && letters.next().is_some_and(|octet| octet.is_ascii_lowercase())
        && letters
            .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"+-.".contains(&octet))
        && rest.bytes().all(legal)
}

/// RFC 1123 section 2.1, as a certificate has it (RFC 5280 section 4.2.1.6).
fn host_name(name: &str) -> Result<String, NameError> {
    let owned = || name.to_owned();
    if name.contains('_') {
        return Err(NameError::Underscore { name: owned() });
    }
    if name.len() > 1 && name.ends_with('.') {
        return Err(NameError::TrailingDot { name: owned() });
    }
    let parent = name.strip_prefix("*.");
    if name.contains('*') && !parent.is_some_and(|parent| parent.contains('.') && !parent.contains('*')) {
        return Err(NameError::Wildcard { name: owned() });
    }
    // An IPv4 address as programs print it for other programs: no verifier treats it as a name.
    let is_number = name.rsplit('.').next().is_some_and(|last| last.starts_with("0x"));
    if name.len() > 253 || is_number || !is_dns_name(parent.unwrap_or(name)) {
        return Err(NameError::Malformed { name: owned() });
    }
    Ok(owned())
}

/// Schemes whose URIs look like URLs and lead nowhere: ids of workloads. Those of SPIFFE have a flag of their own.
const IDS: [&str; 1] = ["wimse"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_what_they_look_like() {
        let dns = |name: &str| SubjectName::Dns(name.to_owned());
        for (text, name) in [
            ("localhost", dns("localhost")),
            ("Extension.Example.COM", dns("extension.example.com")),
            ("*.example.com", dns("*.example.com")),
            ("xn--bcher-kva.example", dns("xn--bcher-kva.example")),
            ("7.example", dns("7.example")),
            ("10.0.0.7", SubjectName::Ip([10, 0, 0, 7].into())),
            ("::1", SubjectName::Ip(std::net::Ipv6Addr::LOCALHOST.into())),
            ("urn:uuid:6e8bc430", SubjectName::Uri("urn:uuid:6e8bc430".to_owned())),
            ("wimse://example.org/a", SubjectName::Uri("wimse://example.org/a".to_owned())),
        ] {
            assert_eq!(text.parse::<SubjectName>().expect(text), name);
        }
    }

    #[test]
    fn spiffe_ids_have_a_trust_domain_and_a_path() {
        for id in ["spiffe://example.org/extension", "spiffe://td/ns/default/sa/Envoy_Gateway-1"] {
            assert!(SubjectName::spiffe(id).expect(id).is_spiffe());
        }
        for id in [
            "",
            "https://example.org/a",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///a",
            "spiffe://Example.org/a",
            "spiffe://example.org:1/a",
            "spiffe://example.org/a//b",
            "spiffe://example.org/../a",
            "spiffe://example.org/a?b",
        ] {
            SubjectName::spiffe(id).expect_err(id);
        }
    }

    #[test]
    fn common_names_are_for_people() {
        for name in ["egext server", "Prüfstand 7", "a"] {
            assert_eq!(parse_common_name(name).expect(name), name);
        }
        for name in ["", " ", "a.example", "a\nb", "\u{202e}a"] {
            parse_common_name(name).expect_err(name);
        }
        parse_common_name(&"a".repeat(65)).expect_err("too long");
    }

    #[test]
    fn nothing_else_becomes_a_host_name() {
        for text in [
            "",
            ".",
            "a..b",
            "-a",
            "a-",
            "300.1.1.1",
            "0x7f000001",
            "ssh://a.example",
            "1.2.3",
            "https://a.example",
            "10.0.0.0/8",
            "a b",
            "a@b.example",
            "a:b",
            "fe80::1%eth0",
            "spiffe://a/b",
            "*",
        ] {
            text.parse::<SubjectName>().expect_err(text);
        }
        format!("{}.example", "a".repeat(64)).parse::<SubjectName>().expect_err("a label of 64 octets");
        "a.".repeat(126).parse::<SubjectName>().expect_err("a trailing dot");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,24}") {
            if let Ok(name) = text.parse::<SubjectName>() {
                prop_assert_eq!(name.to_string().parse::<SubjectName>().expect("a name"), name);
            }
        }
    }
}

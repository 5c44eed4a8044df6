use std::fmt::{self, Display};
use std::net::IpAddr;
use std::str::FromStr;

use crate::host::is_dns_name;
use crate::pki::{SubjectName, is_network, is_path_segment};
use crate::printable::{is_printable, printable};
use crate::report::Hint;

/// A name, or a pattern of names, that a client's certificate may have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PermittedName {
    /// A DNS name in lower case. If its first label is `*`, this label may be any.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI. If one segment of its path is `*`, this segment may be any.
    Uri(String),
}

impl PermittedName {
    /// Is a certificate's name one of these?
    ///
    /// Names with `*` in certificates are for servers, and stand for nothing but themselves here.
    pub fn matches(&self, name: &SubjectName) -> bool {
        match (self, name) {
            (Self::Dns(permitted), SubjectName::Dns(name)) => matches_dns(permitted, name),
            (Self::Ip(permitted), SubjectName::Ip(address)) => permitted == &address.to_canonical(),
            (Self::Uri(permitted), SubjectName::Uri(uri)) => matches_uri(permitted, uri),
            (_, _) => false,
        }
    }
}

impl Display for PermittedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
        }
    }
}

impl FromStr for PermittedName {
    type Err = PermittedNameError;

    /// `dns:NAME`, `ip:ADDRESS` or `uri:URI`.
    fn from_str(text: &str) -> Result<Self, PermittedNameError> {
        let no_kind = || PermittedNameError::NoKind { text: printable(text), meant: meant(text) };
        let (kind, name) = text.split_once(':').ok_or_else(no_kind)?;
        match kind.to_ascii_lowercase().as_str() {
            "dns" => dns(name),
            "ip" => ip(name),
            "uri" => uri(name),
            _ => Err(no_kind()),
        }
    }
}

fn dns(name: &str) -> Result<PermittedName, PermittedNameError> {
    let lower = name.to_ascii_lowercase();
    let parent = lower.strip_prefix("*.");
    // `*.com` would be anybody who can have a name.
    if lower.contains('*') && !parent.is_some_and(|parent| parent.contains('.') && !parent.contains('*')) {
        return Err(PermittedNameError::Wildcard { name: printable(name) });
    }
    match is_dns_name(parent.unwrap_or(&lower)) {
        true => Ok(PermittedName::Dns(lower)),
        false => Err(PermittedNameError::Dns { name: printable(name), meant: meant(name) }),
    }
}

fn ip(text: &str) -> Result<PermittedName, PermittedNameError> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(PermittedName::Ip(address.to_canonical())),
        Err(_) => Err(PermittedNameError::Ip { text: printable(text), network: is_network(text) }),
    }
}

fn uri(text: &str) -> Result<PermittedName, PermittedNameError> {
    let refused = |reason| PermittedNameError::Uri { uri: printable(text), reason };
    let is_plain = |character: char| character.is_ascii() && is_printable(character) && character != ' ';
    let (scheme, rest) = text.split_once(':').unwrap_or_default();
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    if !is_scheme || rest.trim_start_matches('/').is_empty() {
        return Err(refused("it is not a URI with a scheme"));
    }
    if !text.chars().all(is_plain) {
        return Err(refused("a URI has printable ASCII characters only"));
    }
    if text.contains('*') && !(wild(text).is_some() && text.matches('*').count() == 1) {
        return Err(refused("`*` may stand for one whole segment of its path only"));
    }
    Ok(PermittedName::Uri(text.to_owned()))
}

/// What comes before and behind the segment `*` of a URI's path.
fn wild(uri: &str) -> Option<(&str, &str)> {
    let (before, behind) = uri.split_once("/*")?;
    let is_path = before.split_once("://").is_some_and(|(_, authority)| !authority.is_empty());
    (is_path && (behind.is_empty() || behind.starts_with('/'))).then_some((before, behind))
}

fn matches_dns(permitted: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let label = |parent| name.split_once('.').filter(|(label, rest)| *rest == parent && is_dns_name(label));
    permitted == name || permitted.strip_prefix("*.").is_some_and(|parent| label(parent).is_some())
}

fn matches_uri(permitted: &str, uri: &str) -> bool {
    let segment = || {
        let (before, behind) = wild(permitted)?;
        uri.strip_prefix(before)?.strip_prefix('/')?.strip_suffix(behind)
    };
    permitted == uri || segment().is_some_and(is_path_segment)
}

/// What was meant, if a name was given without its kind, or with another one.
fn meant(text: &str) -> Option<String> {
    let host = text.parse::<IpAddr>().map(|address| format!("ip:{address}")).ok();
    // Not by `dns`, which asks here what was meant by a text that is no name.
    let name =
        || (text.contains('.') && is_dns_name(text)).then(|| format!("dns:{}", text.to_ascii_lowercase()));
    let id = || uri(text).ok().filter(|_| text.contains("://")).map(|uri| uri.to_string());
    host.or_else(id).or_else(name)
}

/// The caller gave something that is not a name of a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PermittedNameError {
    /// Not a DNS name.
    #[error("`{name}` is not a DNS name")]
    Dns {
        /// As given.
        name: String,
        /// A name of another kind.
        meant: Option<String>,
    },
    /// Not an IP address.
    #[error("`{text}` is {}", if *.network { "a network, and a certificate has single addresses" } else { "not an IP address" })]
    Ip {
        /// As given.
        text: String,
        /// It is CIDR.
        network: bool,
    },
    /// Which kind of name it is is not said.
    #[error("`{text}` does not begin with `dns:`, `uri:` or `ip:`")]
    NoKind {
        /// As given.
        text: String,
        /// With its kind.
        meant: Option<String>,
    },
    /// Not a URI.
    #[error("{reason}")]
    Uri {
        /// As given.
        uri: String,
        /// Why.
        reason: &'static str,
    },
    /// `*` where it would stand for more than one label, or for a part of one.
    #[error("`{name}` has `*` where it is not the first label of at least three")]
    Wildcard {
        /// As given.
        name: String,
    },
}

impl Hint for PermittedNameError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Dns { meant: Some(meant), .. } | Self::NoKind { meant: Some(meant), .. } => {
                format!("write `{meant}`")
            }
            Self::Ip { network: true, .. } => "name each address, such as `ip:10.0.0.7`".to_owned(),
            Self::Uri { .. } => "for example `uri:spiffe://example.org/ns/gateway/sa/*`".to_owned(),
            Self::Wildcard { .. } => "for example `dns:*.gateway.example`".to_owned(),
            Self::Dns { .. } | Self::Ip { .. } | Self::NoKind { .. } => {
                "for example `dns:gateway.example`, `uri:spiffe://example.org/gateway` or `ip:10.0.0.7`"
                    .to_owned()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(permitted: &str, name: &SubjectName) -> bool {
        permitted.parse::<PermittedName>().expect(permitted).matches(name)
    }

    #[test]
    fn a_wildcard_is_one_label() {
        for (permitted, name, expected) in [
            ("dns:gateway.example", "gateway.example", true),
            ("DNS:Gateway.Example", "GATEWAY.example", true),
            ("dns:gateway.example", "gateway.example.org", false),
            ("dns:gateway.example", "a.gateway.example", false),
            ("dns:gateway.example", "*.example", false),
            ("dns:*.gateway.example", "a.gateway.example", true),
            ("dns:*.gateway.example", "*.gateway.example", true),
            ("dns:*.gateway.example", "gateway.example", false),
            ("dns:*.gateway.example", ".gateway.example", false),
            ("dns:*.gateway.example", "a.b.gateway.example", false),
            ("dns:*.gateway.example", "agateway.example", false),
            ("dns:localhost", "localhost", true),
        ] {
            assert_eq!(
                matches(permitted, &SubjectName::Dns(name.to_owned())),
                expected,
                "{permitted} {name}"
            );
            assert!(!matches(permitted, &SubjectName::Uri(name.to_owned())), "a URI is no DNS name");
        }
    }

    #[test]
    fn a_wildcard_is_one_segment() {
        for (permitted, uri, expected) in [
            ("uri:spiffe://td/gateway", "spiffe://td/gateway", true),
            ("uri:spiffe://td/gateway", "spiffe://td/gateway/", false),
            ("uri:spiffe://td/gateway", "spiffe://TD/gateway", false),
            ("uri:spiffe://td/ns/*/sa/eg", "spiffe://td/ns/a/sa/eg", true),
            ("uri:spiffe://td/ns/*/sa/eg", "spiffe://td/ns/a/b/sa/eg", false),
            ("uri:spiffe://td/ns/*/sa/eg", "spiffe://td/ns//sa/eg", false),
            ("uri:spiffe://td/ns/*/sa/eg", "spiffe://td/ns/../sa/eg", false),
            ("uri:spiffe://td/ns/*/sa/eg", "spiffe://td/ns/sa/eg", false),
            ("uri:spiffe://td/ns/*", "spiffe://td/ns/a", true),
            ("uri:spiffe://td/ns/*", "spiffe://td/ns/a?b", false),
            ("uri:spiffe://td/ns/*", "spiffe://td/ns/a%2fb", false),
            ("uri:spiffe://td/ns/*", "spiffe://td/ns", false),
            ("uri:urn:uuid:1", "urn:uuid:1", true),
        ] {
            assert_eq!(matches(permitted, &SubjectName::Uri(uri.to_owned())), expected, "{permitted} {uri}");
        }
    }

    #[test]
    fn an_address_is_the_same_in_both_notations() {
        let mapped = "::ffff:10.0.0.7".parse().expect("an address");
        assert!(matches("ip:10.0.0.7", &SubjectName::Ip(mapped)));
        assert!(matches("ip:::ffff:10.0.0.7", &SubjectName::Ip([10, 0, 0, 7].into())));
        assert!(!matches("ip:10.0.0.7", &SubjectName::Ip([10, 0, 0, 8].into())));
        assert!(!matches("ip:10.0.0.7", &SubjectName::Dns("10.0.0.7".to_owned())));
    }

    #[test]
    fn what_is_no_name_is_refused_with_what_was_meant() {
        for (wrong, hint) in [
            ("gateway.example", "`dns:gateway.example`"),
            ("10.0.0.7", "`ip:10.0.0.7`"),
            ("::1", "`ip:::1`"),
            ("spiffe://td/a", "`uri:spiffe://td/a`"),
            ("dns:spiffe://td/a", "`uri:spiffe://td/a`"),
            ("dns:10.0.0.7", "`ip:10.0.0.7`"),
            ("dns:*", "dns:*.gateway.example"),
            ("dns:*.com", "dns:*.gateway.example"),
            ("dns:a.*.example", "dns:*.gateway.example"),
            ("dns:a*.gateway.example", "dns:*.gateway.example"),
            ("ip:10.0.0.0/8", "each address"),
            ("uri:gateway", "uri:spiffe://"),
            ("uri:spiffe://td/a*", "uri:spiffe://"),
            ("uri:spiffe://*/a", "uri:spiffe://"),
            ("uri:spiffe://td/*/*", "uri:spiffe://"),
            ("uri:spiffe://td/a b", "uri:spiffe://"),
            ("", "for example"),
            ("dns:", "for example"),
            ("email:a@b", "for example"),
        ] {
            let error = wrong.parse::<PermittedName>().expect_err(wrong);
            assert!(error.hint().is_some_and(|said| said.contains(hint)), "{wrong}: {:?}", error.hint());
        }
    }
}

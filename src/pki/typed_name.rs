use std::net::IpAddr;
use std::str::FromStr;

use super::SubjectName;
use crate::report::Hint;

impl FromStr for SubjectName {
    type Err = NameError;

    /// A host name, possibly with `*` as its first label, or an IP address.
    ///
    /// What looks like one thing is never read as another: a mistyped IP address does not become a host name
    /// that nobody can ever ask for.
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
        if text.contains("://") || text.contains('/') {
            return Err(NameError::Url { name: name() });
        }
        if text.contains('@') {
            return Err(NameError::Email { name: name() });
        }
        if let Some(host) = without_port(text) {
            return Err(NameError::Port { name: name(), host: host.to_owned() });
        }
        host_name(&text.to_ascii_lowercase()).map(Self::Dns)
    }
}

/// The user typed something that cannot stand in a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A mailbox.
    #[error("`{name}` is an e-mail address, which TLS does not verify")]
    Email {
        /// As typed.
        name: String,
    },
    /// Nothing.
    #[error("a name is empty")]
    Empty,
    /// Letters beyond ASCII.
    #[error("`{name}` has letters beyond ASCII")]
    International {
        /// As typed.
        name: String,
    },
    /// Nothing that a host can be called.
    #[error("`{name}` is neither a host name nor an IP address")]
    Malformed {
        /// As typed.
        name: String,
    },
    /// With the port that is meant to be reached.
    #[error("`{name}` has a port; certificates know hosts only")]
    Port {
        /// As typed.
        name: String,
        /// Without the port.
        host: String,
    },
    /// The root label, which certificates leave out.
    #[error("`{name}` ends with a dot, which verifiers do not understand")]
    TrailingDot {
        /// As typed.
        name: String,
    },
    /// As in the service names of Docker Compose.
    #[error("`{name}` has an underscore, which host names cannot have")]
    Underscore {
        /// As typed.
        name: String,
    },
    /// `0.0.0.0` or `::`.
    #[error("`{name}` is an address to listen on, not one to connect to")]
    Unspecified {
        /// As typed.
        name: String,
    },
    /// A URL, a path or a network.
    #[error("`{name}` is not a name: it has a `/`")]
    Url {
        /// As typed.
        name: String,
    },
    /// A wildcard that verifiers refuse.
    #[error("`{name}`: a wildcard stands for the whole first label of a name with at least three")]
    Wildcard {
        /// As typed.
        name: String,
    },
}

impl Hint for NameError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Email { .. } | Self::Empty | Self::Malformed { .. } | Self::Url { .. } => {
                "names look like `extension.example.com`, `*.example.com`, `10.0.0.7` or `fd00::7`".to_owned()
            }
            Self::International { .. } => "type its ASCII form, which begins with `xn--`".to_owned(),
            Self::Port { host, .. } => format!("type `{host}`"),
            Self::TrailingDot { name } => format!("type `{}`", name.trim_end_matches('.')),
            Self::Underscore { name } => format!(
                "give the host another name, such as `{}` (a network alias, in Docker Compose)",
                name.replace('_', "-")
            ),
            Self::Unspecified { .. } => "type the address that clients connect to".to_owned(),
            Self::Wildcard { .. } => "type `*.example.com`, or the names themselves".to_owned(),
        })
    }
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
    let labels = || parent.unwrap_or(name).split('.');
    // An all-numeric last label is a mistyped IPv4 address, never a name (RFC 3696 section 2).
    let numeric = labels().next_back().is_some_and(|last| last.bytes().all(|octet| octet.is_ascii_digit()));
    if numeric || name.len() > 253 || !labels().all(is_label) {
        return Err(NameError::Malformed { name: owned() });
    }
    Ok(owned())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

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
        ] {
            assert_eq!(text.parse::<SubjectName>().expect(text), name);
        }
    }

    #[test]
    fn each_mistake_gets_its_advice() {
        for (text, hint) in [
            ("localhost:5005", "type `localhost`"),
            ("[::1]:5005", "type `::1`"),
            ("[::1]", "type `::1`"),
            ("example.com.", "type `example.com`"),
            (
                "my_service",
                "give the host another name, such as `my-service` (a network alias, in Docker Compose)",
            ),
            ("bücher.example", "type its ASCII form, which begins with `xn--`"),
            ("0.0.0.0", "type the address that clients connect to"),
            ("*.com", "type `*.example.com`, or the names themselves"),
            ("a.*.example.com", "type `*.example.com`, or the names themselves"),
            ("f*.example.com", "type `*.example.com`, or the names themselves"),
        ] {
            assert_eq!(text.parse::<SubjectName>().expect_err(text).hint().expect(text), hint, "{text}");
        }
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

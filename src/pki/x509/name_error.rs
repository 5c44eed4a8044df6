use crate::report::Hint;

/// The user typed something that cannot stand in a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not for a subject.
    #[error("`{name}` cannot be a common name: {reason}")]
    CommonName {
        /// As typed.
        name: String,
        /// In words.
        reason: &'static str,
    },
    /// As in a URL, where a port may follow.
    #[error("`{name}` has brackets, which an IP address has in URLs only")]
    Brackets {
        /// As typed.
        name: String,
        /// Without them.
        host: String,
    },
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
    /// As OpenSSL writes it in a configuration: `DNS:foo.example`.
    #[error("`{name}` begins with the kind of a name, as in a configuration of OpenSSL")]
    Kind {
        /// As typed.
        name: String,
        /// Without it.
        rest: String,
    },
    /// Nothing that a host can be called.
    #[error("`{name}` is neither a host name nor an IP address")]
    Malformed {
        /// As typed.
        name: String,
    },
    /// A range of addresses.
    #[error("`{name}` is a network, and certificates are for single addresses")]
    Network {
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
    /// An id for a workload that is none.
    #[error("`{name}` is not a SPIFFE id: {reason}")]
    Spiffe {
        /// As typed.
        name: String,
        /// In words.
        reason: &'static str,
    },
    /// It changes more than the names, and so has a flag of its own.
    #[error("`{name}` is a SPIFFE id")]
    SpiffeAsName {
        /// As typed.
        name: String,
    },
    /// Neither side.
    #[error("`{name}` does not begin with `server=` or `client=`")]
    SpiffeSide {
        /// As typed.
        name: String,
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
    /// A URL of something that is reached by a host name, a path or a network.
    #[error("`{name}` is not a name: it has a `/`")]
    Url {
        /// As typed.
        name: String,
        /// The host that it leads to.
        host: Option<String>,
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
            Self::CommonName { name, .. } if name.contains('.') => {
                "host names belong to `--san` and `--client-san`".to_owned()
            }
            Self::CommonName { .. } => "choose a short one for people, such as `egext server`".to_owned(),
            Self::Spiffe { .. } | Self::SpiffeSide { .. } => {
                "type `server=spiffe://example.org/extension`, and the client's likewise".to_owned()
            }
            Self::SpiffeAsName { name } => format!("type `--spiffe-id server={name}`, or `client=`"),
            Self::Url { host: Some(host), .. } => format!("type `{host}`"),
            Self::Email { .. } | Self::Empty | Self::Malformed { .. } | Self::Url { .. } => {
                "names look like `extension.example.com`, `*.example.com`, `10.0.0.7` or `fd00::7`".to_owned()
            }
            Self::Network { .. } => "type the addresses that clients connect to, or a host name".to_owned(),
            Self::Kind { rest, .. } => format!("type `{rest}`"),
            Self::International { .. } => "type its ASCII form, which begins with `xn--`".to_owned(),
            Self::Brackets { host, .. } | Self::Port { host, .. } => format!("type `{host}`"),
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

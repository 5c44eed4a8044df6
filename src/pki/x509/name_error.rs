use crate::pki::SpiffeIdError;

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
        /// The rule that it breaks.
        reason: SpiffeIdError,
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

use super::{ImportError, Refusal, Role};
use crate::pki::InspectError;
use crate::pki::ca::profile::ProfileError;
use crate::pki::go_x509;
use crate::report::Hint;
use crate::units::Span;

/// Why a certificate was not made.
///
/// Names, lifetimes and imported CAs are the caller's; everything else is a fault of this program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A leaf of one side that would pass for the other side too.
    #[error("the new {role} certificate would also pass for the other side")]
    BothRoles {
        /// Its side.
        role: Role,
    },
    /// The CA, or one above it, has an extended key usage without that of this side. Go and OpenSSL hold that
    /// against everything below it.
    #[error(
        "the CA may not issue {role} certificates: its extended key usage, or that of a CA above it, says so"
    )]
    ExcludesRole {
        /// The side.
        role: Role,
    },
    /// webpki accepts what was made, and Go would not: Envoy Gateway is written in Go.
    #[error("{} would reject the new {role} certificate: {refusal}", judge(*role))]
    GoRefuses {
        /// Its side.
        role: Role,
        /// In Go's words.
        refusal: go_x509::Refusal,
    },
    /// The CA cannot be used.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// No key could be made.
    #[error("cannot make a key")]
    Key(#[from] crate::crypto::error::Unspecified),
    /// The caller wants a certificate that is never valid.
    #[error("a lifetime of {lifetime} is too short for a certificate")]
    Lifetime {
        /// As typed.
        lifetime: Span,
    },
    /// The caller names a server by what no client asks for.
    #[error("a server certificate without a host name or an IP address is rejected by every client")]
    NoHost,
    /// The caller names nobody.
    #[error("a {role} certificate without a name is refused by every peer")]
    NoNames {
        /// Its side.
        role: Role,
    },
    /// The name constraints of the CA, or of one above it, exclude names.
    #[error("the CA permits no {role} certificate for {}", names.join(", "))]
    NotPermitted {
        /// The side.
        role: Role,
        /// In words.
        names: Vec<String>,
    },
    /// The operating system has no random numbers.
    #[error("cannot make a serial number: the operating system gave no random numbers")]
    NoRandomness,
    /// The caller's public key is none, or of a kind that signs nothing.
    #[error("the public key is malformed, or of an unsupported kind")]
    PublicKey,
    /// What was made would be refused by a peer.
    #[error("the new certificate would be refused")]
    Refused(#[from] Refusal),
    /// A key that cannot sign.
    #[error("the key cannot sign certificates")]
    Sign,
    /// X509-SVID section 2 wants one.
    #[error("a certificate with a SPIFFE id has exactly one URI")]
    SpiffeUris,
    /// What was made cannot be read.
    #[error("the new certificate cannot be read")]
    Unreadable(#[from] InspectError),
    /// A name of a kind that we do not write into certificates.
    #[error("`{name}` cannot be written into a certificate")]
    UnsupportedName {
        /// In words.
        name: String,
    },
}

impl Hint for AuthorityError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::ExcludesRole { .. } => {
                Some("use a CA without extended key usage, or with both serverAuth and clientAuth".to_owned())
            }
            Self::Import(error) => error.hint(),
            Self::Lifetime { .. } => Some("name at least one second, such as `90d`".to_owned()),
            Self::NoHost => Some("name a host, too: `--san extension.internal`".to_owned()),
            Self::NoNames { .. } => Some("name it with `--san`".to_owned()),
            Self::Key(_) | Self::NoRandomness => Some("look at `dmesg` for `random`, and try again".to_owned()),
            Self::GoRefuses { refusal: go_x509::Refusal::ConstrainedName(_), .. } => Some(
                "below a CA with name constraints a URI needs a host name in it, such as `spiffe://example.org/extension`: leave the others out, or use a CA without constraints"
                    .to_owned(),
            ),
            Self::GoRefuses { .. } => Some("use another CA: `--ca-cert FILE --ca-key FILE`".to_owned()),
            Self::NotPermitted { .. } => Some(
                "choose names that the CA's name constraints permit (`certs init` takes the server's from `--san`, the client's from `--client-san`); `egext certs rotate-ca prepare --permit NAME --dir DIR` begins to replace a CA of `egext` by one that permits more"
                    .to_owned(),
            ),
            Self::SpiffeUris => Some("leave out the other URIs".to_owned()),
            Self::UnsupportedName { .. } => Some("use host names, IP addresses and URIs".to_owned()),
            Self::PublicKey => Some("ask the requester for a new CSR".to_owned()),
            Self::Refused(_) => Some(
                "an extension of an imported CA can be the cause: `openssl x509 -noout -text -in FILE` prints them; otherwise this is a fault of `egext`: please report it"
                    .to_owned(),
            ),
            Self::Sign => Some("use a CA with a P-256, P-384 or RSA key".to_owned()),
            Self::BothRoles { .. } | Self::Unreadable(_) => {
                Some("this is a fault of `egext`: please report it with this output".to_owned())
            }
        }
    }
}

/// Whose verifier a certificate of this side meets.
fn judge(role: Role) -> &'static str {
    match role {
        Role::Client => "a server that is written in Go",
        Role::Server => "Envoy Gateway, which is written in Go,",
    }
}

impl From<ProfileError> for AuthorityError {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::NoRandomness => Self::NoRandomness,
            ProfileError::PublicKey => Self::PublicKey,
            ProfileError::UnsupportedName(name) => Self::UnsupportedName { name },
        }
    }
}

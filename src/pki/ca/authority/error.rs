use super::{ImportError, Refusal, Role};
use crate::pki::ca::profile::ProfileError;
use crate::pki::go_x509;
use crate::pki::{IdentityError, InspectError};
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
    /// The caller gives no name.
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

/// Whose verifier a certificate of this side meets.
fn judge(role: Role) -> &'static str {
    match role {
        Role::Client => "a server that is written in Go",
        Role::Server => "Envoy Gateway, which is written in Go,",
    }
}

impl From<IdentityError> for AuthorityError {
    fn from(error: IdentityError) -> Self {
        Self::Import(error.into())
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

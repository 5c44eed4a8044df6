//! Go's verifier, as Envoy Gateway sets it up.
//!
//! Envoy Gateway 1.4 and later dials extension servers with grpc-go `security/advancedtls` v1.0.0: roots from a
//! Secret and from nowhere else, intermediates from the peer, extended key usage of the side, and no revocation.
//! Its verdicts differ from those of webpki in both directions, and a refusal never reaches a log at the default
//! level: the gateway waits for ever. So what Go would say is worth saying beforehand, in Go's words.
//!
//! This is `crypto/x509` of Go 1.26 as far as those options reach: structure, dates, usages, path length, names
//! and constraints on DNS names and IP addresses. Certificate policies are not looked at, and constraints on
//! other kinds of names refuse nothing.

mod names;
mod parsed;
mod path;

use std::fmt::{self, Display};

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::net::Host;
use crate::pki::{Role, when};
use parsed::Parsed;

/// Would Go accept `chain` from the side `role` at `now`, a server under the name `host`?
///
/// `chain` is leaf first, DER, as the peer sends it; `anchors` is every certificate of the Secret's `tls.crt`.
/// Without a `host` no name is verified, as a server does with its clients.
///
/// # Errors
/// The refusal that Go would report, worded as Go words it.
pub fn verify(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    role: Role,
    host: Option<&Host>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    // advancedtls takes no certificate for an error of its own.
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(Refusal::NoCertificate) };
    let leaf = Parsed::of(leaf)?;
    let intermediates = intermediates.iter().map(Parsed::of).collect::<Result<Vec<_>, _>>()?;
    // What cannot be parsed is left out of a pool without a word (`AppendCertsFromPEM`).
    let roots = anchors.iter().filter_map(|anchor| Parsed::of(anchor).ok()).collect::<Vec<_>>();
    leaf.is_valid(parsed::Position::Leaf, &[], now)?;
    if let Some(host) = host {
        names::verify_host(&leaf, host)?;
    }
    let chains = path::Search { roots: &roots, intermediates: &intermediates, now }.chains(&leaf)?;
    if chains.iter().any(|chain| chain.iter().all(|certificate| certificate.allows(role))) {
        return Ok(());
    }
    Err(Refusal::IncompatibleUsage)
}

/// What Go holds against a certificate. Displays as Go prints it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// A CA must not sign for this name; how Go says so.
    ConstrainedName(String),
    /// Its life is over.
    Expired {
        /// The moment of the verification.
        now: OffsetDateTime,
        /// The last second of its life.
        not_after: OffsetDateTime,
    },
    /// It is not for the name that it was asked by; how Go says so.
    HostName(String),
    /// The extended key usage of a certificate in the chain leaves this side out. A root's counts as well.
    IncompatibleUsage,
    /// Go's parser does not take it.
    Malformed(&'static str),
    /// The peer sent none.
    NoCertificate,
    /// An intermediate that is no CA.
    NotAuthorizedToSign,
    /// Its life has not begun.
    NotYetValid {
        /// The moment of the verification.
        now: OffsetDateTime,
        /// The first second of its life.
        not_before: OffsetDateTime,
    },
    /// More CAs between it and the leaf than its path length allows.
    TooManyIntermediates,
    /// So many candidates that Go gives up.
    TooManySignatures,
    /// A critical extension that Go does not know.
    UnhandledCriticalExtension,
    /// It leads to none of the anchors.
    UnknownAuthority {
        /// Why a candidate that has the right name was not it, and whose certificate that is.
        hint: Option<(String, String)>,
    },
}

impl std::error::Error for Refusal {}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TIME: &str = "x509: certificate has expired or is not yet valid: current time";
        match self {
            Self::ConstrainedName(detail) => write!(
                f,
                "x509: a root or intermediate certificate is not authorized to sign for this name: {detail}"
            ),
            Self::Expired { now, not_after } => {
                write!(f, "{TIME} {} is after {}", when::timestamp(*now), when::timestamp(*not_after))
            }
            Self::HostName(detail) => write!(f, "x509: {detail}"),
            Self::IncompatibleUsage => f.write_str("x509: certificate specifies an incompatible key usage"),
            Self::Malformed(reason) => write!(f, "tls: failed to parse certificate: x509: {reason}"),
            Self::NoCertificate => f.write_str("no certificate was presented"),
            Self::NotAuthorizedToSign => {
                f.write_str("x509: certificate is not authorized to sign other certificates")
            }
            Self::NotYetValid { now, not_before } => {
                write!(f, "{TIME} {} is before {}", when::timestamp(*now), when::timestamp(*not_before))
            }
            Self::TooManyIntermediates => {
                f.write_str("x509: too many intermediates for path length constraint")
            }
            Self::TooManySignatures => {
                f.write_str("x509: signature check attempts limit reached while verifying certificate chain")
            }
            Self::UnhandledCriticalExtension => f.write_str("x509: unhandled critical extension"),
            Self::UnknownAuthority { hint } => {
                f.write_str("x509: certificate signed by unknown authority")?;
                let Some((reason, name)) = hint else { return Ok(()) };
                write!(
                    f,
                    " (possibly because of \"{reason}\" while trying to verify candidate authority certificate \"{name}\")"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;

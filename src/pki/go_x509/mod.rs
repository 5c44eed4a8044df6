//! Go's verifier, with the options that Envoy Gateway uses.
//!
//! Envoy Gateway 1.4 and later dials extension servers with grpc-go `security/advancedtls` v1.0.0: roots only from a
//! Secret, intermediates from the peer, extended key usage of the side, and no revocation.
//! Its verdicts differ from those of webpki in both directions, and a refusal is not logged at the default
//! level: the gateway waits without a limit. So `egext` says in advance what Go would say, in Go's words.
//!
//! This is `crypto/x509` of Go 1.26 as far as those options reach: its parser, signatures, dates, usages, path
//! length, names and their constraints, policies. Where this code supports less than Go (a signature by a key on P-224 or of an
//! unusual size), it rejects the chain and says so, because it cannot know Go's verdict.

mod constraint;
mod der;
mod extensions;
mod facts;
mod keys;
mod names;
mod net;
mod parsed;
mod path;
mod point;
mod policy;
mod quote;
mod text;
mod uri;

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use time::OffsetDateTime;

use crate::host::Host;
use crate::pki::Role;
use crate::pki::x509::when;
pub(in crate::pki) use facts::{Facts, facts};
use parsed::Parsed;

/// Would Go accept `chain` from the side `role` at `now`, a server under the name `host`?
///
/// `chain` is leaf first, DER, as the peer sends it; `anchors` is every certificate of the Secret's `tls.crt`.
/// Without a `host` no name is verified, as a server does with its clients.
///
/// # Errors
/// The refusal that Go would report, worded as Go words it.
pub fn verify(
    chain: &[impl AsRef<[u8]>],
    anchors: &[impl AsRef<[u8]>],
    role: Role,
    host: Option<&Host>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    judge_chain((chain, anchors), (role, Some(role), host), Signature::Unproven, now)
}

/// The same if no name and no extended key usage counts, as with the certificates of SPIFFE.
///
/// # Errors
/// As [`verify`].
pub(in crate::pki) fn verify_for_any_purpose(
    chain: &[impl AsRef<[u8]>],
    anchors: &[impl AsRef<[u8]>],
    role: Role,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    judge_chain((chain, anchors), (role, None, None), Signature::Unproven, now)
}

/// The same for a chain whose leaf the caller has just signed, so that its signature is not verified once more. No name
/// is verified.
///
/// # Errors
/// As [`verify`].
pub(in crate::pki) fn verify_signed(
    chain: &[impl AsRef<[u8]>],
    anchors: &[impl AsRef<[u8]>],
    role: Role,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    judge_chain((chain, anchors), (role, Some(role), None), Signature::Proven, now)
}

/// Is the signature of the leaf known to be that of its issuer?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Signature {
    Proven,
    Unproven,
}

fn judge_chain(
    (chain, anchors): (&[impl AsRef<[u8]>], &[impl AsRef<[u8]>]),
    (role, purpose, host): (Role, Option<Role>, Option<&Host>),
    signature: Signature,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(Refusal::NoCertificate) };
    let leaf = parse(leaf.as_ref(), role)?;
    let intermediates =
        distinct(intermediates).map(|sent| parse(sent, role)).collect::<Result<Vec<_>, _>>()?;
    // What cannot be parsed is left out of a pool without a word (`AppendCertsFromPEM`).
    let roots = distinct(anchors).filter_map(|anchor| Parsed::of(anchor).ok()).collect::<Vec<_>>();
    let kind = leaf.key.foreign_to_tls().map(|kind| Refusal::UnsupportedKey { role, kind });
    // A client of advancedtls verifies after this question, a server before it.
    if let Some(refusal) = kind.clone().filter(|_| role == Role::Server) {
        return Err(refusal);
    }
    leaf.is_valid(parsed::Position::Leaf, 0, now)?;
    if let Some(host) = host {
        names::verify_host(&leaf, host)?;
    }
    let search = path::Search { roots: &roots, intermediates: &intermediates, signature, now };
    judge(&search.chains(&leaf)?, purpose)?;
    match (kind, leaf.key.usable_in_tls()) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(keys::Unverified::Beyond(what))) => Err(Refusal::Unverifiable(what)),
        (None, Err(keys::Unverified::Go(words))) => Err(Refusal::Key { role, words }),
        (None, Ok(())) => Ok(()),
    }
}

/// One certificate of the handshake.
fn parse(der: &[u8], role: Role) -> Result<Parsed<'_>, Refusal> {
    let parsed = Parsed::of(der).map_err(|malformed| Refusal::Malformed { role, words: malformed.0 })?;
    match &parsed.key {
        keys::Key::Rsa { modulus, .. } if keys::bits(modulus) > RSA_LIMIT => {
            Err(Refusal::KeyTooLarge { role })
        }
        _ => Ok(parsed),
    }
}

/// Is there a chain in which nothing is wrong with the whole? Go prefers the reason that it has words for. Without a
/// `purpose`, any will do.
fn judge(chains: &[Vec<&Parsed<'_>>], purpose: Option<Role>) -> Result<(), Refusal> {
    let (mut usages, mut policies, mut constrained) = (0, 0, None);
    for chain in chains {
        if !policy::are_valid(chain) {
            policies += 1;
        } else if !purpose.is_none_or(|role| chain.iter().all(|certificate| certificate.allows(role))) {
            usages += 1;
        } else {
            match names::verify_constraints(chain) {
                Ok(()) => return Ok(()),
                Err(detail) => constrained = constrained.or(Some(detail)),
            }
        }
    }
    Err(match constrained {
        Some(detail) => Refusal::ConstrainedName(detail),
        None if policies == 0 => Refusal::IncompatibleUsage,
        None => Refusal::InvalidPolicies { policies, usages },
    })
}

/// A pool has each certificate once.
fn distinct(certificates: &[impl AsRef<[u8]>]) -> impl Iterator<Item = &[u8]> {
    let mut seen = BTreeSet::new();
    certificates.iter().map(AsRef::as_ref).filter(move |certificate| seen.insert(*certificate))
}

/// `defaultMaxRSAKeySize` of `crypto/tls`, in bits.
const RSA_LIMIT: usize = 8192;

/// Why Go rejects a certificate. Displays as Go prints it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// A CA must not sign for this name; how Go says so.
    ConstrainedName(String),
    /// It has expired.
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
    /// No chain is valid for a policy that one of its certificates requires.
    InvalidPolicies {
        /// So many chains.
        policies: usize,
        /// In so many others an extended key usage leaves this side out.
        usages: usize,
    },
    /// The key is not sound.
    Key {
        /// The side that has it.
        role: Role,
        /// How Go says so.
        words: String,
    },
    /// An RSA key of more than 8192 bits was sent.
    KeyTooLarge {
        /// By this side.
        role: Role,
    },
    /// Go's parser does not take it.
    Malformed {
        /// The side that sent it.
        role: Role,
        /// How Go says so.
        words: String,
    },
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
    /// Go's TLS has no signatures by a key of this kind.
    UnsupportedKey {
        /// The side that has it.
        role: Role,
        /// What Go has for it.
        kind: &'static str,
    },
    /// Something that this code cannot judge, so that Go may accept it or not.
    Unverifiable(&'static str),
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
            Self::InvalidPolicies { policies, usages } => {
                f.write_str("x509: no valid chains built: ")?;
                if *usages > 0 {
                    write!(f, "{usages} candidate chains with incompatible key usage, ")?;
                }
                write!(f, "{policies} candidate chains with invalid policies")
            }
            Self::Key { role, words } => {
                write!(f, "tls: invalid signature by the {role} certificate: {words}")
            }
            Self::KeyTooLarge { role } => {
                write!(f, "tls: {role} sent certificate containing RSA key larger than {RSA_LIMIT} bits")
            }
            Self::UnsupportedKey { role: Role::Client, kind } => {
                write!(f, "tls: client certificate contains an unsupported public key of type {kind}")
            }
            Self::UnsupportedKey { role: Role::Server, kind } => {
                write!(f, "tls: server's certificate contains an unsupported type of public key: {kind}")
            }
            Self::Unverifiable(what) => write!(f, "egext has no verdict on {what}"),
            Self::Malformed { role: Role::Client, words } => {
                write!(f, "tls: failed to parse client certificate: {words}")
            }
            Self::Malformed { role: Role::Server, words } => {
                write!(f, "tls: failed to parse certificate from server: {words}")
            }
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
                    " (possibly because of {} while trying to verify candidate authority certificate {})",
                    quote::quote(reason),
                    quote::quote(name)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;

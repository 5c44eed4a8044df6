//! Go's verifier, with the options that Envoy Gateway uses.
//!
//! Envoy Gateway 1.4 and later dials extension servers with grpc-go `security/advancedtls` v1.0.0: roots only from a
//! Secret, intermediates from the peer, extended key usage of the side, and no revocation.
//! Its verdicts differ from those of webpki in both directions, and a refusal is not logged at the default
//! level: the gateway waits without a limit. So `egext` says in advance what Go would say, in Go's words.
//!
//! This is `crypto/x509` of Go 1.26 as far as those options reach: its parser, signatures, dates, usages, path
//! length, names and their constraints. Where this code supports less than Go (a signature by a key on P-224 or of an unusual
//! size, a chain that restricts its certificate policies), it rejects the chain and says so, because it cannot know Go's verdict.

mod constraint;
mod der;
mod extensions;
mod keys;
mod names;
mod parsed;
mod path;
mod text;
mod uri;

use std::fmt::{self, Display};

use time::OffsetDateTime;

use crate::host::Host;
use crate::pki::Role;
use crate::pki::x509::when;
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
    judge_chain((chain, anchors), (role, host), Signature::Unproven, now)
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
    judge_chain((chain, anchors), (role, None), Signature::Proven, now)
}

/// Is the signature of the leaf known to be that of its issuer?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Signature {
    Proven,
    Unproven,
}

fn judge_chain(
    (chain, anchors): (&[impl AsRef<[u8]>], &[impl AsRef<[u8]>]),
    (role, host): (Role, Option<&Host>),
    signature: Signature,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    // advancedtls takes no certificate for an error of its own.
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(Refusal::NoCertificate) };
    let leaf = Parsed::of(leaf.as_ref())?;
    let intermediates = distinct(intermediates).map(Parsed::of).collect::<Result<Vec<_>, _>>()?;
    for sent in intermediates.iter().chain([&leaf]) {
        if let keys::Key::Rsa { modulus, .. } = &sent.key
            && keys::bits(modulus) > RSA_LIMIT
        {
            return Err(Refusal::KeyTooLarge { role });
        }
    }
    // What cannot be parsed is left out of a pool without a word (`AppendCertsFromPEM`).
    let roots = distinct(anchors).filter_map(|anchor| Parsed::of(anchor).ok()).collect::<Vec<_>>();
    leaf.is_valid(parsed::Position::Leaf, 0, now)?;
    if let Some(host) = host {
        names::verify_host(&leaf, host)?;
    }
    let chains =
        path::Search { roots: &roots, intermediates: &intermediates, signature, now }.chains(&leaf)?;
    let mut refusal = None;
    let accepted = chains.iter().any(|chain| match judge(chain, role) {
        Ok(()) => true,
        Err(reason) => {
            refusal.get_or_insert(reason);
            false
        }
    });
    if !accepted {
        return Err(refusal.unwrap_or(Refusal::IncompatibleUsage));
    }
    // The handshake, which comes after the verification.
    leaf.key.usable_in_tls().map_err(|reason| match reason {
        keys::Unverified::Beyond(what) => Refusal::Unverifiable(what),
        keys::Unverified::Go(words) => Refusal::Key(words),
        keys::Unverified::Unknown => Refusal::UnsupportedKey { role },
    })
}

/// What Go asks of a chain as a whole.
fn judge(chain: &[&Parsed<'_>], role: Role) -> Result<(), Refusal> {
    if chain.len() > 1 && !policies_are_valid(&chain[..chain.len() - 1]) {
        return Err(Refusal::Unverifiable("a chain that restricts its certificate policies"));
    }
    if !chain.iter().all(|certificate| certificate.allows(role)) {
        return Err(Refusal::IncompatibleUsage);
    }
    names::verify_constraints(chain).map_err(Refusal::ConstrainedName)
}

/// `policiesValid`, which is RFC 9618, as far as no certificate maps policies that count. `chain` is without its root,
/// whose policies do not count.
fn policies_are_valid(chain: &[&Parsed<'_>]) -> bool {
    let Some((leaf, above)) = chain.split_first() else { return true };
    if above.iter().any(|ca| ca.extensions.maps_any_policy && !ca.extensions.policies.is_empty()) {
        return false;
    }
    if !requires_policy(leaf, above) {
        return true;
    }
    let shared = |policy: &&[u8]| above.iter().all(|ca| ca.extensions.policies.contains(policy));
    !above.iter().any(|ca| ca.extensions.maps_policies)
        && leaf.extensions.policies.iter().any(|policy| *policy != extensions::ANY_POLICY && shared(policy))
}

/// Does a certificate of the chain require that all share a policy? The leaf can do so only at once.
fn requires_policy(leaf: &Parsed<'_>, above: &[&Parsed<'_>]) -> bool {
    let mut left = i64::try_from(above.len()).unwrap_or(i64::MAX).saturating_add(2);
    for ca in above.iter().rev() {
        left -= i64::from(!ca.is_self_issued() && left > 0);
        left = ca.extensions.explicit_policy.unwrap_or(left).min(left);
    }
    left <= 1 || leaf.extensions.explicit_policy == Some(0)
}

/// A pool has each certificate once.
fn distinct(certificates: &[impl AsRef<[u8]>]) -> impl Iterator<Item = &[u8]> {
    let is_first =
        |(index, one): &(usize, &[u8])| !certificates[..*index].iter().any(|other| other.as_ref() == *one);
    certificates.iter().map(AsRef::as_ref).enumerate().filter(is_first).map(|(_, one)| one)
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
    /// The key is not sound; how Go says so.
    Key(String),
    /// An RSA key of more than 8192 bits was sent.
    KeyTooLarge {
        /// By this side.
        role: Role,
    },
    /// Go's parser does not take it; how Go says so.
    Malformed(std::borrow::Cow<'static, str>),
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
            Self::Key(words) => f.write_str(words),
            Self::KeyTooLarge { role } => {
                write!(f, "tls: {role} sent certificate containing RSA key larger than {RSA_LIMIT} bits")
            }
            Self::UnsupportedKey { role } => {
                write!(f, "tls: {role}'s certificate contains an unsupported type of public key")
            }
            Self::Unverifiable(what) => write!(f, "egext has no verdict on {what}"),
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

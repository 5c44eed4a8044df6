//! The search for a chain from the leaf to an anchor.

use time::OffsetDateTime;

use super::Refusal;
use super::parsed::{Parsed, Position};
use crate::pki::signature::{Signature, signed_by, weak_hash};

/// Where to search.
pub(super) struct Search<'a> {
    pub(super) roots: &'a [Parsed<'a>],
    pub(super) intermediates: &'a [Parsed<'a>],
    pub(super) now: OffsetDateTime,
}

/// The first reason why a candidate was not it, and what that one is called.
type Hint = Option<(String, String)>;

impl<'a> Search<'a> {
    /// All chains, leaf first.
    pub(super) fn chains(&self, leaf: &'a Parsed<'a>) -> Result<Vec<Vec<&'a Parsed<'a>>>, Refusal> {
        // A leaf that is an anchor itself is trusted as it is.
        if self.roots.iter().any(|root| root.der == leaf.der) {
            return Ok(vec![vec![leaf]]);
        }
        self.above(&[leaf], &mut 0)
    }

    /// All ways from the end of `chain` to an anchor.
    fn above(
        &self,
        chain: &[&'a Parsed<'a>],
        signatures: &mut usize,
    ) -> Result<Vec<Vec<&'a Parsed<'a>>>, Refusal> {
        let Some(child) = chain.last() else { return Ok(Vec::new()) };
        let (mut chains, mut hint, mut last_error) = (Vec::new(), None, None);
        let roots = self.roots.iter().map(|root| (Position::Root, root));
        let intermediates = self.intermediates.iter().map(|other| (Position::Intermediate, other));
        let by_name = roots.chain(intermediates).filter(|(_, candidate)| {
            candidate.certificate.subject().as_raw() == child.certificate.issuer().as_raw()
                && !chain.iter().any(|used| is_same(used, candidate))
        });
        for (position, candidate) in by_name {
            *signatures += 1;
            if *signatures > SIGNATURE_LIMIT {
                return Err(Refusal::TooManySignatures);
            }
            if let Err(reason) = signature(child, candidate) {
                remember(&mut hint, reason, candidate);
                continue;
            }
            match self.beyond(chain, position, candidate, signatures) {
                Ok(found) => {
                    last_error = None;
                    chains.extend(found);
                }
                Err(refusal) => {
                    remember(&mut hint, refusal.to_string(), candidate);
                    last_error = Some(refusal);
                }
            }
        }
        match (chains.is_empty(), last_error) {
            (false, _) => Ok(chains),
            (true, Some(refusal)) => Err(refusal),
            (true, None) => Err(Refusal::UnknownAuthority { hint }),
        }
    }

    fn beyond(
        &self,
        chain: &[&'a Parsed<'a>],
        position: Position,
        candidate: &'a Parsed<'a>,
        signatures: &mut usize,
    ) -> Result<Vec<Vec<&'a Parsed<'a>>>, Refusal> {
        candidate.is_valid(position, chain, self.now)?;
        let longer = chain.iter().copied().chain([candidate]).collect::<Vec<_>>();
        if position == Position::Root { Ok(vec![longer]) } else { self.above(&longer, signatures) }
    }
}

/// The same CA, possibly certified twice: Go compares names and key (`alreadyInChain`).
fn is_same(one: &Parsed<'_>, other: &Parsed<'_>) -> bool {
    one.certificate.subject().as_raw() == other.certificate.subject().as_raw()
        && one.certificate.public_key().raw == other.certificate.public_key().raw
        && (&one.dns_names, &one.addresses) == (&other.dns_names, &other.addresses)
}

/// `CheckSignatureFrom`, and what it says where it fails.
fn signature(child: &Parsed<'_>, parent: &Parsed<'_>) -> Result<(), String> {
    if !parent.may_sign() {
        return Err(
            "x509: invalid signature: parent certificate cannot sign this kind of certificate".to_owned()
        );
    }
    if weak_hash(&child.certificate).is_some() {
        let algorithm = match child.certificate.signature_algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.4" => "MD5-RSA",
            "1.2.840.10045.4.1" => "ECDSA-SHA1",
            _ => "SHA1-RSA",
        };
        return Err(format!("x509: cannot verify signature: insecure algorithm {algorithm}"));
    }
    match signed_by(&child.certificate, &parent.certificate) {
        // What nobody here can check is given the benefit of the doubt; it has a finding of its own.
        Signature::Own | Signature::Unsupported => Ok(()),
        Signature::Foreign => {
            Err(match child.certificate.signature_algorithm.algorithm.to_id_string().as_str() {
                "1.3.101.112" => "x509: Ed25519 verification failure",
                ecdsa if ecdsa.starts_with("1.2.840.10045.") => "x509: ECDSA verification failure",
                _ => "crypto/rsa: verification error",
            }
            .to_owned())
        }
    }
}

fn remember(hint: &mut Hint, reason: String, candidate: &Parsed<'_>) {
    hint.get_or_insert_with(|| (reason, candidate.name_in_hints()));
}

/// `maxChainSignatureChecks` of Go.
const SIGNATURE_LIMIT: usize = 100;

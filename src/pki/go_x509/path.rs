//! The search for a chain from the leaf certificate to an anchor.

use time::OffsetDateTime;

use super::keys::{Key, Unverified};
use super::parsed::{Parsed, Position};
use super::{Refusal, Signature};

/// Where to search.
pub(super) struct Search<'a> {
    pub(super) roots: &'a [Parsed<'a>],
    pub(super) intermediates: &'a [Parsed<'a>],
    /// Of the leaf.
    pub(super) signature: Signature,
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
        let roots = parents(self.roots, child).map(|root| (Position::Root, root));
        let intermediates = parents(self.intermediates, child).map(|other| (Position::Intermediate, other));
        for (position, candidate) in roots.chain(intermediates) {
            *signatures += 1;
            if *signatures > SIGNATURE_LIMIT {
                // The chains that were found before count all the same.
                last_error = Some(Refusal::TooManySignatures);
                break;
            }
            if matches!(candidate.key, Key::Unknown) || is_in(candidate, chain) {
                continue;
            }
            let is_proven = self.signature == Signature::Proven && chain.len() == 1;
            match if is_proven { Ok(()) } else { child.check_signature(candidate) } {
                Ok(()) => {}
                Err(Unverified::Beyond(what)) => {
                    last_error = Some(Refusal::Unverifiable(what));
                    continue;
                }
                Err(Unverified::Go(reason)) => {
                    remember(&mut hint, reason, candidate);
                    continue;
                }
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
        candidate.is_valid(position, chain.len(), self.now)?;
        let longer = chain.iter().copied().chain([candidate]).collect::<Vec<_>>();
        if position == Position::Root { Ok(vec![longer]) } else { self.above(&longer, signatures) }
    }
}

/// Certificates with the name of the issuer of `child`, in the order of Go's `findPotentialParents`: those whose key
/// identifiers agree come first.
fn parents<'a>(pool: &'a [Parsed<'a>], child: &Parsed<'_>) -> impl Iterator<Item = &'a Parsed<'a>> {
    let mut found = pool.iter().filter(|other| other.subject == child.issuer).collect::<Vec<_>>();
    let wanted = child.extensions.authority_key.unwrap_or_default();
    found.sort_by_key(|parent| {
        let own = parent.extensions.subject_key.unwrap_or_default();
        if own == wanted { 0 } else { 1 + u8::from(!own.is_empty() && !wanted.is_empty()) }
    });
    found.into_iter()
}

/// The same CA, possibly certified twice: Go compares names and key (`alreadyInChain`), and stops at one of which only the other has
/// alternative names.
fn is_in(candidate: &Parsed<'_>, chain: &[&Parsed<'_>]) -> bool {
    let is_same =
        |used: &&&Parsed<'_>| used.subject == candidate.subject && used.key_info == candidate.key_info;
    let names = candidate.extensions.alternative_names;
    for used in chain.iter().filter(is_same) {
        let own = used.extensions.alternative_names;
        if own == names {
            return true;
        }
        if own.is_none() || names.is_none() {
            return false;
        }
    }
    false
}

fn remember(hint: &mut Hint, reason: String, candidate: &Parsed<'_>) {
    hint.get_or_insert_with(|| (reason, candidate.name_in_hints()));
}

/// `maxChainSignatureChecks` of Go.
const SIGNATURE_LIMIT: usize = 100;

//! Which certificates a leaf certificate needs: the path from it to a trust anchor.
//!
//! Files hold more than that: an expired CA from before a renewal, a certificate twice, one that another CA
//! cross-signed. Verifiers search all paths for a valid one, so only certificates on the best path count.

use std::cmp::Reverse;

use time::OffsetDateTime;

use crate::pki::Certificate;

/// From the leaf certificate up to a trust anchor. Of several routes it is the one that is valid for longest.
pub(super) struct Route<'a> {
    certificates: Vec<&'a Certificate>,
}

impl<'a> Route<'a> {
    /// The route to any anchor.
    pub(super) fn find(
        chain: &'a [Certificate],
        anchors: &'a [Certificate],
        now: OffsetDateTime,
    ) -> Option<Self> {
        Search::new(chain, anchors, now)?.run(|_| true)
    }

    /// The route to an anchor that issued itself. OpenSSL looks for such a route, if its user does not allow others.
    pub(super) fn to_root(
        chain: &'a [Certificate],
        anchors: &'a [Certificate],
        now: OffsetDateTime,
    ) -> Option<Self> {
        Search::new(chain, anchors, now)?.run(|anchor| anchor.is_issued_by(anchor))
    }

    /// The leaf certificate first, the anchor last. One that is both stands alone.
    pub(super) fn certificates(&self) -> &[&'a Certificate] {
        &self.certificates
    }

    pub(super) fn anchor(&self) -> &'a Certificate {
        self.certificates[self.certificates.len() - 1]
    }

    /// Is everything on it valid?
    pub(super) fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.certificates
            .iter()
            .all(|certificate| certificate.not_before <= now && now <= certificate.not_after)
    }

    /// The last second in which all issuers of the leaf certificate are valid. None if there are none.
    pub(super) fn issuers_end(&self) -> Option<OffsetDateTime> {
        self.certificates[1..].iter().map(|issuer| issuer.not_after).min()
    }
}

/// How good a route is so far. The greater one is better.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Rank {
    has_begun: bool,
    end: OffsetDateTime,
    /// Fewer certificates are better.
    steps: Reverse<usize>,
}

/// A certificate, and the best route to it so far.
struct Node<'a> {
    certificate: &'a Certificate,
    is_anchor: bool,
    /// None until it is reached.
    rank: Option<Rank>,
    below: Option<usize>,
    is_settled: bool,
}

struct Search<'a> {
    now: OffsetDateTime,
    /// The leaf certificate first.
    nodes: Vec<Node<'a>>,
    signatures_left: usize,
}

impl<'a> Search<'a> {
    fn new(chain: &'a [Certificate], anchors: &'a [Certificate], now: OffsetDateTime) -> Option<Self> {
        let (leaf, sent) = chain.split_first()?;
        let mut search = Self { now, nodes: Vec::new(), signatures_left: SIGNATURE_LIMIT };
        for certificate in [leaf].into_iter().chain(anchors).chain(sent) {
            let known = |node: &Node<'_>| node.certificate == certificate;
            if !search.nodes.iter().any(known) {
                let is_anchor = anchors.iter().any(|anchor| anchor == certificate);
                let node = Node { certificate, is_anchor, rank: None, below: None, is_settled: false };
                search.nodes.push(node);
            }
        }
        search.nodes[0].rank = Some(search.rank(None, leaf));
        Some(search)
    }

    /// Settles the best certificate that was reached, again and again. A route only becomes worse as it goes up, so the
    /// first that arrives is the best.
    fn run(mut self, is_goal: impl Fn(&Certificate) -> bool) -> Option<Route<'a>> {
        loop {
            let open =
                self.nodes.iter().enumerate().filter(|(_, node)| !node.is_settled && node.rank.is_some());
            // Of equals the first, which stands first in its file.
            let (index, node) = open.rev().max_by_key(|(_, node)| node.rank)?;
            if node.is_anchor && is_goal(node.certificate) {
                return Some(self.route_to(index));
            }
            self.nodes[index].is_settled = true;
            for other in 1..self.nodes.len() {
                self.try_step(index, other);
            }
        }
    }

    /// Goes from one certificate to another if that issued it, and if no better route to that is known.
    fn try_step(&mut self, below: usize, above: usize) {
        let (lower, upper) = (&self.nodes[below], &self.nodes[above]);
        let rank = Some(self.rank(lower.rank, upper.certificate));
        if upper.is_settled || upper.rank >= rank || self.signatures_left == 0 {
            return;
        }
        if lower.certificate.issuer != upper.certificate.subject {
            return;
        }
        self.signatures_left -= 1;
        if lower.certificate.is_issued_by(upper.certificate) {
            let upper = &mut self.nodes[above];
            (upper.rank, upper.below) = (rank, Some(below));
        }
    }

    fn rank(&self, below: Option<Rank>, certificate: &Certificate) -> Rank {
        let (has_begun, end) = (certificate.not_before <= self.now, certificate.not_after);
        match below {
            None => Rank { has_begun, end, steps: Reverse(0) },
            Some(below) => Rank {
                has_begun: has_begun && below.has_begun,
                end: end.min(below.end),
                steps: Reverse(below.steps.0 + 1),
            },
        }
    }

    fn route_to(&self, index: usize) -> Route<'a> {
        let indices = std::iter::successors(Some(index), |index| self.nodes[*index].below);
        let mut certificates = indices.map(|index| self.nodes[index].certificate).collect::<Vec<_>>();
        certificates.reverse();
        Route { certificates }
    }
}

/// After so many signatures the search is over: a file that needs more was made to keep us busy. Verifiers give up
/// after a hundred.
const SIGNATURE_LIMIT: usize = 1000;

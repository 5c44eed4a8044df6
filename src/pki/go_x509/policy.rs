//! Certificate policies: `policiesValid`, which is RFC 5280 section 6.1 with the graph of RFC 9618.

use std::collections::{BTreeMap, BTreeSet};

use super::extensions::ANY_POLICY;
use super::parsed::Parsed;

/// May a chain, leaf first and with its root, be used for any policy that the verifier has not asked for?
pub(super) fn are_valid(chain: &[&Parsed<'_>]) -> bool {
    let Some((_, path)) = chain.split_last().filter(|(_, path)| !path.is_empty()) else { return true };
    let mut graph = Some(Graph::default());
    let mut left = Left::of(path.len());
    for (index, certificate) in path.iter().enumerate().rev() {
        let own = &certificate.extensions;
        if own.policies.is_empty() {
            graph = None;
        }
        if left.explicit == 0 && graph.is_none() {
            return false;
        }
        if let Some(graph) = &mut graph {
            let takes_any = left.any > 0 || index > 0 && certificate.is_self_issued();
            graph.descend(&own.policies, takes_any);
            if index > 0 && !graph.map(&own.mappings, left.mapping > 0) {
                return false;
            }
        }
        if index > 0 {
            left.descend(certificate);
        }
    }
    let last = path.first().is_some_and(|leaf| leaf.extensions.explicit_policy == Some(0));
    let is_required = left.explicit <= 1 || last;
    !is_required || graph.is_some_and(|graph| graph.has_valid())
}

/// After how many certificates a rule begins to count.
struct Left {
    any: i64,
    explicit: i64,
    mapping: i64,
}

impl Left {
    fn of(length: usize) -> Self {
        let all = i64::try_from(length).unwrap_or(i64::MAX).saturating_add(1);
        Self { any: all, explicit: all, mapping: all }
    }

    fn descend(&mut self, certificate: &Parsed<'_>) {
        let own = &certificate.extensions;
        let limits = [own.inhibit_any_policy, own.explicit_policy, own.inhibit_mapping];
        for (left, limit) in [&mut self.any, &mut self.explicit, &mut self.mapping].into_iter().zip(limits) {
            if !certificate.is_self_issued() && *left > 0 {
                *left -= 1;
            }
            // Go takes no notice of a negative number.
            if let Some(limit) = limit.filter(|limit| (0..*left).contains(limit)) {
                *left = limit;
            }
        }
    }
}

/// The policies that are valid at each depth, the root's first.
struct Graph<'a> {
    strata: Vec<Stratum<'a>>,
}

type Stratum<'a> = BTreeMap<&'a [u8], Node<'a>>;

/// One policy at one depth. Each depth has a policy once, so that its octets are enough to find the parents.
struct Node<'a> {
    expected: Vec<&'a [u8]>,
    parents: BTreeSet<&'a [u8]>,
}

impl Default for Graph<'_> {
    fn default() -> Self {
        let root = Node { expected: vec![ANY_POLICY], parents: BTreeSet::new() };
        Self { strata: vec![BTreeMap::from([(ANY_POLICY, root)])] }
    }
}

impl<'a> Graph<'a> {
    /// Section 6.1.3 (d).
    fn descend(&mut self, policies: &[&'a [u8]], takes_any: bool) {
        let above = self
            .strata
            .last()
            .map(|stratum| stratum.iter().map(|(policy, node)| (*policy, node.expected.clone())));
        let above = above.into_iter().flatten().collect::<Vec<_>>();
        let expecting = |policy: &[u8]| {
            let of = |(parent, expected): &(&'a [u8], Vec<&'a [u8]>)| {
                expected.contains(&policy).then_some(*parent)
            };
            above.iter().filter_map(of).collect::<BTreeSet<_>>()
        };
        let has_any = above.iter().any(|(policy, _)| *policy == ANY_POLICY);
        let mut stratum = Stratum::new();
        for policy in policies.iter().copied().filter(|policy| *policy != ANY_POLICY) {
            let mut parents = expecting(policy);
            if parents.is_empty() && has_any {
                parents.insert(ANY_POLICY);
            }
            if !parents.is_empty() {
                stratum.insert(policy, Node { expected: vec![policy], parents });
            }
        }
        if policies.contains(&ANY_POLICY) && takes_any {
            for policy in above.iter().flat_map(|(_, expected)| expected) {
                let parents = expecting(policy);
                stratum.entry(policy).or_insert_with(|| Node { expected: vec![policy], parents });
            }
        }
        self.strata.push(stratum);
        self.prune();
    }

    /// Section 6.1.4 (a) and (b); false for a mapping that is not allowed.
    fn map(&mut self, mappings: &[(&'a [u8], &'a [u8])], is_allowed: bool) -> bool {
        let mut mapped = BTreeMap::<&[u8], Vec<&[u8]>>::new();
        for (issuer, subject) in mappings {
            if !is_allowed {
                self.leaves().remove(issuer);
            } else if *issuer == ANY_POLICY || *subject == ANY_POLICY {
                return false;
            } else {
                mapped.entry(issuer).or_default().push(subject);
            }
        }
        if !mappings.is_empty() {
            self.prune();
        }
        let leaves = self.leaves();
        for (issuer, expected) in mapped {
            if let Some(node) = leaves.get_mut(issuer) {
                node.expected = expected;
            } else if let Some(any) = leaves.get(ANY_POLICY) {
                // Go hangs it below a node of its own depth; what counts is that its parent is "any policy".
                let parents = any.parents.clone();
                leaves.insert(issuer, Node { expected, parents });
            }
        }
        true
    }

    fn leaves(&mut self) -> &mut Stratum<'a> {
        if self.strata.is_empty() {
            self.strata.push(Stratum::new());
        }
        let last = self.strata.len() - 1;
        &mut self.strata[last]
    }

    /// Takes away what nothing below refers to. The root's own policy stays.
    fn prune(&mut self) {
        for depth in (1..self.strata.len().saturating_sub(1)).rev() {
            let used = self.strata[depth + 1].values().flat_map(|node| node.parents.iter().copied());
            let used = used.collect::<BTreeSet<_>>();
            self.strata[depth].retain(|policy, _| used.contains(policy));
        }
    }

    /// Section 6.1.5 (g): is there a policy of the authorities' own, or "any policy" all the way down?
    fn has_valid(&self) -> bool {
        let only_any = |node: &Node<'_>| node.parents.iter().eq([&ANY_POLICY]);
        let is_own = |(policy, node): (&&[u8], &Node<'_>)| **policy != *ANY_POLICY && only_any(node);
        self.strata.iter().any(|stratum| stratum.iter().any(is_own))
            || self.strata.last().is_some_and(|leaves| leaves.contains_key(ANY_POLICY))
    }
}

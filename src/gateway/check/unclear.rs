//! What cannot be said of a file with values that EG's decoder refuses: what they were meant to be is not known.

use std::collections::BTreeSet;

use super::{Node, Place};
use crate::gateway::model::{Reason, Refused};

/// Where something stands that contains a refused value.
#[derive(Debug, Default)]
pub(super) struct Unclear(BTreeSet<Place>);

impl Unclear {
    /// All that contains one of these values.
    pub(super) fn of<'a>(root: &Node, refused: impl Iterator<Item = &'a Refused>) -> Self {
        // A header that is missing says nothing about other values.
        let is_value = |refused: &&Refused| !matches!(refused.reason, Reason::Refusal(_));
        let wrong: BTreeSet<_> = refused.filter(is_value).map(|refused| refused.place).collect();
        let mut this = Self::default();
        if !wrong.is_empty() {
            this.note(root, &wrong);
        }
        this
    }

    fn note(&mut self, node: &Node, wrong: &BTreeSet<Place>) -> bool {
        let mut is_unclear = wrong.contains(&node.place);
        for item in node.items() {
            is_unclear |= self.note(item, wrong);
        }
        for entry in node.entries() {
            if self.note(&entry.value, wrong) | wrong.contains(&entry.key_place) {
                self.0.insert(entry.key_place);
                is_unclear = true;
            }
        }
        // A mapping in block style has the place of its first key, which may be as clear as can be.
        let first = node.entries().first().map(|entry| entry.key_place);
        if is_unclear && first != Some(node.place) {
            self.0.insert(node.place);
        }
        is_unclear
    }

    /// Is it known what stands here?
    pub(super) fn is_clear(&self, place: Place) -> bool {
        !self.0.contains(&place)
    }
}

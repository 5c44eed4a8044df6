use std::collections::VecDeque;

use super::field::{Damage, Reference};
use crate::http2::hpack::{DEFAULT_SIZE, FIRST_DYNAMIC, OVERHEAD};

/// Which entries of the peer's dynamic table were mended on the way to h2.
///
/// A later block refers to such an entry by its index, and has the same fault then. Indices count back from the newest
/// entry (RFC 7541 section 2.3.3), so the number of entries so far is enough to find one; its size is not needed: h2
/// ends the connection for an index that leads to nothing.
#[derive(Debug, Default)]
pub(super) struct Stored {
    number: usize,
    /// By the number of the entry, oldest first.
    mended: VecDeque<(usize, Damage)>,
}

impl Stored {
    /// A field goes into the table.
    pub(super) fn insert(&mut self, damage: Option<&Damage>) {
        if let Some(damage) = damage {
            self.mended.push_back((self.number, damage.clone()));
        }
        self.number += 1;
        // What is older than a full table of the smallest entries has left it.
        if self.mended.front().is_some_and(|(number, _)| *number + MOST_ENTRIES < self.number) {
            self.mended.pop_front();
        }
    }

    /// What is wrong with what a field takes from the table.
    pub(super) fn damage(&self, reference: &Reference) -> Option<&Damage> {
        if self.mended.is_empty() {
            return None;
        }
        match reference {
            Reference::Name(index) => self.find(*index).filter(|damage| damage.is_in_name),
            Reference::Whole(index) => self.find(*index),
        }
    }

    fn find(&self, index: usize) -> Option<&Damage> {
        let number = self.number.checked_sub(index.checked_sub(FIRST_DYNAMIC - 1)?)?;
        self.mended.iter().find(|(mended, _)| *mended == number).map(|(_, damage)| damage)
    }
}

const MOST_ENTRIES: usize = DEFAULT_SIZE / OVERHEAD;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::HeaderFault;

    fn damage(is_in_name: bool) -> Damage {
        Damage { fault: HeaderFault::Octet { name: "x".to_owned(), octet: 7 }, is_in_name }
    }

    #[test]
    fn an_index_counts_back_from_the_newest_entry() {
        let damage = damage(false);
        let mut stored = Stored::default();
        let found = |stored: &Stored, index| stored.damage(&Reference::Whole(index)).cloned();
        stored.insert(None);
        stored.insert(Some(&damage));
        assert_eq!((found(&stored, 62), found(&stored, 63)), (Some(damage.clone()), None));
        stored.insert(None);
        assert_eq!((found(&stored, 62), found(&stored, 63), found(&stored, 64)), (None, Some(damage), None));
        assert_eq!((found(&stored, 1), found(&stored, 61), found(&stored, usize::MAX)), (None, None, None));
    }

    #[test]
    fn the_name_of_a_bad_value_is_good() {
        let mut stored = Stored::default();
        stored.insert(Some(&damage(true)));
        assert!(stored.damage(&Reference::Name(62)).is_some());
        stored.insert(Some(&damage(false)));
        assert!(stored.damage(&Reference::Name(62)).is_none());
        assert!(stored.damage(&Reference::Whole(62)).is_some());
    }

    #[test]
    fn what_has_left_the_table_is_forgotten() {
        let mut stored = Stored::default();
        (0..10 * MOST_ENTRIES).for_each(|_| stored.insert(Some(&damage(true))));
        assert!(stored.mended.len() <= MOST_ENTRIES + 1);
        (0..2 * MOST_ENTRIES).for_each(|_| stored.insert(None));
        assert!(stored.mended.is_empty());
    }
}

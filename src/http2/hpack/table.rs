//! The dynamic table (RFC 7541 sections 2.3.2 and 4).

use std::collections::VecDeque;

/// The size that a table may have until a setting says otherwise (RFC 9113 section 6.5.2).
pub(crate) const DEFAULT_SIZE: usize = 4096;

/// What a field counts in addition to its bytes (RFC 7541 section 4.1 and RFC 9113 section 6.5.2).
pub(crate) const OVERHEAD: usize = 32;

/// An entry of a table.
pub(super) trait Counted {
    /// As RFC 7541 section 4.1 counts it.
    fn size(&self) -> usize;
}

/// A dynamic table. Without entries it has no memory.
#[derive(Debug)]
pub(super) struct Dynamic<E> {
    /// Newest first.
    entries: VecDeque<E>,
    size: usize,
    limit: usize,
}

impl<E: Counted> Dynamic<E> {
    pub(super) fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), size: 0, limit }
    }

    /// The newest entry has index 0.
    pub(super) fn get(&self, index: usize) -> Option<&E> {
        self.entries.get(index)
    }

    /// The index of the newest entry for which `is_wanted` holds.
    pub(super) fn find(&self, is_wanted: impl FnMut(&E) -> bool) -> Option<usize> {
        self.entries.iter().position(is_wanted)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// An entry that is larger than the table empties it (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, entry: E) {
        let size = entry.size();
        self.evict(self.limit.saturating_sub(size));
        if size <= self.limit {
            self.size += size;
            self.entries.push_front(entry);
        }
    }

    pub(super) fn resize(&mut self, limit: usize) {
        self.limit = limit;
        self.evict(limit);
    }

    /// Removes the oldest entries until the others have `most` bytes at most.
    fn evict(&mut self, most: usize) {
        while self.size > most
            && let Some(entry) = self.entries.pop_back()
        {
            self.size -= entry.size();
        }
    }
}

#[cfg(test)]
impl<E> Dynamic<E> {
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn entries(&self) -> &VecDeque<E> {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Counted for usize {
        fn size(&self) -> usize {
            *self
        }
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let mut table = Dynamic::new(100);
        [40, 35, 33].into_iter().for_each(|size| table.insert(size));
        assert_eq!(
            (table.size(), table.get(0), table.get(1), table.get(2)),
            (68, Some(&33), Some(&35), None)
        );
        table.resize(67);
        assert_eq!((table.size(), table.entries().len()), (33, 1));
        table.insert(67);
        assert_eq!((table.size(), table.entries().len()), (67, 1));
        table.insert(68);
        assert_eq!((table.size(), table.entries().len()), (0, 0));
    }

    #[test]
    fn the_memory_of_a_table_is_bounded() {
        let mut table = Dynamic::new(DEFAULT_SIZE);
        assert_eq!(table.entries().capacity(), 0);
        (0..10_000).for_each(|_| table.insert(OVERHEAD));
        assert_eq!(table.entries().len(), DEFAULT_SIZE / OVERHEAD);
        assert!(table.entries().capacity() <= 2 * DEFAULT_SIZE / OVERHEAD);
    }
}

use std::collections::VecDeque;

/// Streams that we have reset: their peer may have sent frames before it knew (RFC 9113 section 5.1).
#[derive(Debug, Default)]
pub(super) struct Remembered(VecDeque<u32>);

impl Remembered {
    pub(super) fn insert(&mut self, id: u32) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(id);
    }

    pub(super) fn contains(&self, id: u32) -> bool {
        self.0.contains(&id)
    }
}

const MOST: usize = 1024;

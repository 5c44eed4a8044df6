use std::ops::Range;

/// Pieces of a text that others take the place of.
#[derive(Debug, Default)]
pub(super) struct Edits(pub(super) Vec<(Range<usize>, String)>);

impl Edits {
    /// `text` takes the place of the bytes in `range`.
    pub(super) fn replace(&mut self, range: Range<usize>, text: String) {
        self.0.push((range, text));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The new text. Of two pieces that are put in at one place, the first one comes first. `None` if two take the place of the
    /// same bytes.
    pub(super) fn apply(mut self, text: &str) -> Option<String> {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut patched = String::with_capacity(text.len());
        let mut done = 0;
        for (range, new) in self.0 {
            patched.push_str(text.get(done..range.start)?);
            patched.push_str(&new);
            done = range.end;
        }
        Some(patched + &text[done..])
    }
}

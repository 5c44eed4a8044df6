use std::cmp::Reverse;
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

    /// The new text. Of pieces that are put in at one place, lines that are further in come first: where a mapping ends, those
    /// that it is in can end as well, and what comes after a line that is further out belongs to that. Then the first one comes
    /// first. `None` if two take the place of the same bytes.
    pub(super) fn apply(mut self, text: &str) -> Option<String> {
        self.0.sort_by_key(|(range, new)| (range.start, range.end, Reverse(depth(new))));
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

/// How far the first line of a piece is in. An item belongs to the key above it, even if its dash stands below the key.
fn depth(lines: &str) -> usize {
    let line = lines.trim_start_matches(' ');
    2 * (lines.len() - line.len()) + usize::from(line.starts_with("- "))
}

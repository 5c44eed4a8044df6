use std::ops::Range;

use super::Node;
use super::lines::Lines;
use super::merge::{Merge, are_equal};

/// Takes items out of a list in block style that are not wanted, and puts those in that are missing. Each list comes with the
/// line after it. The order stays, since it means nothing in any list of an extension.
pub(super) fn sync(
    merge: &mut Merge<'_>,
    (old, old_end): (&[Node], usize),
    (new, new_end): (&[Node], usize),
) {
    for (index, item) in old.iter().enumerate() {
        if !has(new, item) {
            let lines = span(merge.lines, old, index, old_end);
            let range = merge.lines.bytes(lines);
            merge.edits.replace(range, String::new());
        }
    }
    for (index, item) in new.iter().enumerate() {
        if !has(old, item) {
            append(merge, (old, old_end), span(merge.source, new, index, new_end));
        }
    }
}

/// Puts lines of the source with an item behind the last one of a list.
pub(super) fn append(merge: &mut Merge<'_>, (old, old_end): (&[Node], usize), lines: Range<usize>) {
    let to = old.first().map_or(0, |first| merge.lines.indent(Lines::number(first.place)));
    let from = merge.source.indent(lines.start);
    let text = merge.taken(lines, from, to);
    let at = span(merge.lines, old, old.len() - 1, old_end).end;
    merge.put_in(at, text);
}

fn has(items: &[Node], wanted: &Node) -> bool {
    items.iter().any(|item| are_equal(item, wanted))
}

/// The lines of an item.
pub(super) fn span(lines: &Lines<'_>, items: &[Node], index: usize, end: usize) -> Range<usize> {
    let begin = Lines::number(items[index].place);
    let next = items.get(index + 1).map_or(end, |next| Lines::number(next.place));
    begin..lines.end_of_contents(begin..next)
}

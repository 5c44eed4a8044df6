use super::lines::Lines;
use super::merge::{Merge, are_equal};
use super::{Kind, Node};

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
    let to = old.first().map_or(0, |first| merge.lines.indent(Lines::number(first.place)));
    let mut text = String::new();
    for (index, item) in new.iter().enumerate() {
        if !has(old, item) {
            let lines = span(merge.source, new, index, new_end);
            let from = merge.source.indent(lines.start);
            text.push_str(&merge.taken(lines, from, to));
        }
    }
    if !text.is_empty() {
        let at = span(merge.lines, old, old.len() - 1, old_end).end;
        merge.put_in(at, text);
    }
}

/// A list in brackets with what is wanted; `None` if it would not be one of names.
pub(super) fn flow(old: &[Node], new: &[Node]) -> Option<String> {
    let kept = old.iter().filter(|item| has(new, item));
    let missing = new.iter().filter(|item| !has(old, item));
    let names = kept.chain(missing).map(|item| match &item.kind {
        Kind::Text(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Some(&**name),
        _ => None,
    });
    Some(format!("[{}]", names.collect::<Option<Vec<_>>>()?.join(", ")))
}

fn has(items: &[Node], wanted: &Node) -> bool {
    items.iter().any(|item| are_equal(item, wanted))
}

fn span(lines: &Lines<'_>, items: &[Node], index: usize, end: usize) -> std::ops::Range<usize> {
    let begin = Lines::number(items[index].place);
    let next = items.get(index + 1).map_or(end, |next| Lines::number(next.place));
    begin..lines.end_of_contents(begin..next)
}

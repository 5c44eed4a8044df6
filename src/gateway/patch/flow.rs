//! Collections in braces and brackets. What is put in is written like them: on one line, without comments.

use std::ops::Range;

use super::lines::Lines;
use super::merge::{Merge, are_equal, is_empty, scalar};
use super::{Entry, Kind, Node, PatchError, managers};

/// Is it in braces or brackets?
pub(super) fn is_flow(lines: &Lines<'_>, node: &Node) -> bool {
    let is_collection = matches!(node.kind, Kind::Map(_) | Kind::List(_));
    is_collection && lines.rest(node.place).starts_with(['{', '['])
}

/// Puts `wanted` into the mapping at the end of `path`; what is missing on the way is made.
pub(super) fn below(
    merge: &mut Merge<'_>,
    parent: &Node,
    path: &[&str],
    wanted: &Node,
) -> Result<(), PatchError> {
    let Some((first, rest)) = path.split_first() else { return map(merge, parent, wanted) };
    let Some(entry) = parent.get(first) else {
        let missing = nested(merge.source, path, wanted);
        exchange(merge, &parts(merge.lines, parent), &[], vec![missing]);
        return Ok(());
    };
    if is_empty(&entry.value) {
        let text = nested(merge.source, path, wanted);
        merge.edits.replace(part(merge.lines, entry.key_place), text);
        return Ok(());
    }
    if !matches!(entry.value.kind, Kind::Map(_)) {
        return Err(PatchError::NoMapping { key: entry.key.to_string(), place: entry.key_place });
    }
    below(merge, &entry.value, rest, wanted)
}

/// Puts each entry of `wanted` into a mapping.
pub(super) fn map(merge: &mut Merge<'_>, old: &Node, wanted: &Node) -> Result<(), PatchError> {
    let parts = parts(merge.lines, old);
    let mut missing = Vec::new();
    for new in wanted.entries() {
        match old.entries().iter().position(|entry| entry.key == new.key) {
            Some(index) => entry(merge, &old.entries()[index], &parts[index], new)?,
            None if merge.is_left_out(old, &new.key) => {}
            None => missing.push(pair(merge.source, new)),
        }
    }
    let leaving = indexes(old.entries(), |entry| merge.is_leaving(entry, wanted));
    exchange(merge, &parts, &leaving, missing);
    Ok(())
}

/// Takes items out of a list that are not wanted, and puts those in that are missing.
pub(super) fn list(merge: &mut Merge<'_>, old: &Node, wanted: &Node) {
    let has = |items: &[Node], item: &Node| items.iter().any(|other| are_equal(other, item));
    let leaving = indexes(old.items(), |item| !has(wanted.items(), item));
    let missing = wanted.items().iter().filter(|item| !has(old.items(), item));
    let missing = missing.map(|item| text(merge.source, item)).collect();
    exchange(merge, &parts(merge.lines, old), &leaving, missing);
}

/// Puts an item behind the others.
pub(super) fn append(merge: &mut Merge<'_>, old: &Node, item: &Node) {
    let text = text(merge.source, item);
    exchange(merge, &parts(merge.lines, old), &[], vec![text]);
}

fn entry(merge: &mut Merge<'_>, old: &Entry, part: &Range<usize>, new: &Entry) -> Result<(), PatchError> {
    merge.path.push(new.key.to_string());
    let changed = match merge.is_default() && !is_empty(&old.value) {
        true => Ok(()),
        false => value(merge, old, part, new),
    };
    merge.path.pop();
    changed
}

fn value(merge: &mut Merge<'_>, old: &Entry, part: &Range<usize>, new: &Entry) -> Result<(), PatchError> {
    match (&old.value.kind, &new.value.kind) {
        _ if are_equal(&old.value, &new.value) => {}
        (Kind::Map(olds), Kind::Map(news)) if !olds.is_empty() && !news.is_empty() => {
            return map(merge, &old.value, &new.value);
        }
        (Kind::List(olds), Kind::List(news)) if !olds.is_empty() && !news.is_empty() => {
            match merge.is_at_managers() {
                true => return managers::put_in_flow(merge, &old.value, news),
                false => list(merge, &old.value, &new.value),
            }
        }
        (_, Kind::Map(_)) if !is_empty(&old.value) => {
            return Err(PatchError::NoMapping { key: old.key.to_string(), place: old.key_place });
        }
        (Kind::Null, _) => merge.edits.replace(part.clone(), pair(merge.source, new)),
        _ => {
            let text = match new.value.kind {
                Kind::List(_) | Kind::Map(_) => text(merge.source, &new.value),
                _ => merge.in_style(&old.value, &new.value),
            };
            merge.edits.replace(merge.lines.byte(old.value.place)..part.end, text);
        }
    }
    Ok(())
}

/// Takes the parts with the indexes `leaving` out, and puts others in. At least one part stays or comes.
fn exchange(merge: &mut Merge<'_>, parts: &[Range<usize>], leaving: &[usize], missing: Vec<String>) {
    let mut missing = missing.into_iter();
    let mut has_one_before = false;
    for (index, part) in parts.iter().enumerate() {
        if !leaving.contains(&index) {
            has_one_before = true;
        } else if let Some(text) = missing.next() {
            has_one_before = true;
            merge.edits.replace(part.clone(), text);
        } else {
            // With the comma before it, or that behind it.
            let range = match parts.get(index + 1) {
                _ if has_one_before => parts[index - 1].end..part.end,
                Some(next) => part.start..next.start,
                None => part.clone(),
            };
            merge.edits.replace(range, String::new());
        }
    }
    if let Some(last) = parts.last() {
        let text = missing.map(|text| format!(", {text}")).collect::<String>();
        if !text.is_empty() {
            merge.edits.replace(last.end..last.end, text);
        }
    }
}

fn indexes<T>(all: &[T], is_wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, one)| is_wanted(one)).map(|(index, _)| index).collect()
}

/// Where the entries of a mapping, or the items of a list, begin and end.
fn parts(lines: &Lines<'_>, node: &Node) -> Vec<Range<usize>> {
    let entries = node.entries().iter().map(|entry| entry.key_place);
    entries.chain(node.items().iter().map(|item| item.place)).map(|place| part(lines, place)).collect()
}

fn part(lines: &Lines<'_>, begin: super::Place) -> Range<usize> {
    let begin = lines.byte(begin);
    begin..end(lines.text, begin)
}

/// Where the part of a collection ends that begins at `begin`, without the blanks, the comments and the comma behind it.
fn end(text: &str, begin: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut end, mut depth) = (begin, begin, 0_usize);
    // A quote begins a text in quotes only where a text can begin.
    let mut can_begin = true;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'#' if at > 0 && bytes[at - 1].is_ascii_whitespace() => {
                at = text[at..].find('\n').map_or(text.len(), |length| at + length);
                continue;
            }
            b'"' | b'\'' if can_begin => at += quoted(&text[at..]) - 1,
            b',' | b'}' | b']' if depth == 0 => break,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        can_begin = b"{[,:".contains(&byte);
        at += 1;
        end = at;
    }
    end
}

/// How long a text in quotes is, with them.
pub(super) fn quoted(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut is_escaped = false;
    let mut closes = |byte: u8| {
        let closes = byte == quote && !is_escaped;
        is_escaped = quote == b'"' && byte == b'\\' && !is_escaped;
        closes
    };
    text.bytes().skip(1).position(&mut closes).map_or(text.len(), |at| at + 2)
}

fn nested(source: &Lines<'_>, path: &[&str], wanted: &Node) -> String {
    let innermost = text(source, wanted);
    path.iter().rev().enumerate().fold(innermost, |text, (depth, key)| match depth {
        0 => format!("{key}: {text}"),
        _ => format!("{key}: {{{text}}}"),
    })
}

fn pair(source: &Lines<'_>, entry: &Entry) -> String {
    format!("{}: {}", entry.key, text(source, &entry.value))
}

/// A value of the source on one line. Its texts without quotes have no character that means something in braces.
fn text(source: &Lines<'_>, node: &Node) -> String {
    let joined = |texts: Vec<String>| texts.join(", ");
    match &node.kind {
        Kind::List(items) => {
            format!("[{}]", joined(items.iter().map(|item| text(source, item)).collect()))
        }
        Kind::Map(entries) => {
            format!("{{{}}}", joined(entries.iter().map(|entry| pair(source, entry)).collect()))
        }
        _ => scalar(source, node).to_owned(),
    }
}
